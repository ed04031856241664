# frozen_string_literal: true

module TaskerCore
  # Begins and ends tasks.
  class TaskRows
    def initialize(database)
      @database = database
      @transitions = Transitions.of_tasks(database)
    end

    # Takes a pending task; false where it is not pending, or somebody else took it.
    def start(id, steps)
      facts = { initialization_completed: true, step_dependencies_established: steps }
      @database.atomically { @transitions.write(id, "pending", "in_progress", facts) }
    end

    # Ends a task whose steps are all done.
    def complete(id)
      @database.atomically do
        changed = @database.change(<<~SQL)
          UPDATE tasker_tasks t SET complete = true, updated_at = #{Transitions::NOW}
          WHERE t.task_id = #{id} AND NOT EXISTS (
            SELECT FROM tasker_workflow_steps s
            LEFT JOIN tasker_workflow_step_transitions st
              ON st.workflow_step_id = s.workflow_step_id AND st.most_recent = true
            WHERE s.task_id = t.task_id AND coalesce(st.to_state, 'pending') NOT IN ('complete', 'resolved_manually'))
        SQL
        changed == 1 && @transitions.write(id, "in_progress", "complete")
      end
    end

    # To `error`, or back to `pending` for whoever takes it next.
    def leave(id, state) = @database.atomically { @transitions.write(id, "in_progress", state) }
  end
  private_constant :TaskRows
end
