# frozen_string_literal: true

require "json"

module TaskerCore
  # What a handler is called with.
  #
  # attempt:: from 1
  # context:: of the task
  # results:: what the done parents returned, by name
  Step = Struct.new(:workflow_step_id, :task_id, :name, :attempt, :context, :results)

  # Takes steps, and writes what became of them: columns and transition in one transaction.
  class StepRows
    NOW = Transitions::NOW
    private_constant :NOW

    def initialize(database)
      @database = database
      @transitions = Transitions.of_steps(database)
    end

    # Takes a ready step (a row of the resolver): to `in_progress`, from `error` by way of `pending`.
    # Returns false where somebody else was quicker, or a parent is done no more.
    def claim(id, state)
      @database.atomically do
        retried = state == "pending" || @transitions.write(id, "error", "pending")
        retried && parents_done?(id) && @transitions.write(id, "pending", "in_progress")
      end
    end

    # A taken step (Step).
    def load(id)
      Step.new(*JSON.parse(@database.value(<<~SQL)))
        SELECT json_build_array(s.workflow_step_id, s.task_id, n.name, coalesce(s.attempts, 0) + 1, t.context,
          (SELECT coalesce(json_object_agg(pn.name, p.results), '{}'::json)
           FROM tasker_workflow_step_edges e
           JOIN tasker_workflow_steps p ON p.workflow_step_id = e.from_step_id
           JOIN tasker_named_steps pn ON pn.named_step_id = p.named_step_id
           WHERE e.to_step_id = s.workflow_step_id))::text
        FROM tasker_workflow_steps s
        JOIN tasker_tasks t ON t.task_id = s.task_id
        JOIN tasker_named_steps n ON n.named_step_id = s.named_step_id
        WHERE s.workflow_step_id = #{id}
      SQL
    end

    # Returns false where the step was taken away meanwhile: its result is lost.
    def complete(id, results)
      @database.atomically do
        @transitions.write(id, "in_progress", "complete") && update(id, <<~SQL)
          processed = true, processed_at = #{NOW}, results = #{json(results)}
        SQL
      end
    end

    # As `complete`. A wait in seconds is stored rounded up.
    def fail(id, error)
      fields = { error: error.message, backtrace: (error.backtrace || []).join("\n"), error_class: error.class.name }
      wait = error.respond_to?(:retry_after) ? error.retry_after : nil
      @database.atomically do
        @transitions.write(id, "in_progress", "error") && update(id, <<~SQL)
          processed = false, #{"backoff_request_seconds = #{Integer(wait.ceil)}," if wait}
          results = CASE jsonb_typeof(results) WHEN 'object' THEN results ELSE '{}'::jsonb END || #{json(fields)}
        SQL
      end
    end

    private

    def update(id, columns)
      changed = @database.change(<<~SQL)
        UPDATE tasker_workflow_steps SET attempts = coalesce(attempts, 0) + 1, last_attempted_at = #{NOW},
          in_process = false, updated_at = #{NOW}, #{columns}
        WHERE workflow_step_id = #{id}
      SQL
      changed == 1
    end

    def json(value) = "#{@database.quote(JSON.generate(value))}::jsonb"

    def parents_done?(id)
      @database.value(<<~SQL).to_i.zero?
        SELECT count(*) FROM tasker_workflow_step_edges e
        WHERE e.to_step_id = #{id} AND NOT EXISTS (
          SELECT FROM tasker_workflow_step_transitions t
          WHERE t.workflow_step_id = e.from_step_id AND t.most_recent = true
            AND t.to_state IN ('complete', 'resolved_manually'))
      SQL
    end
  end
  private_constant :StepRows
end
