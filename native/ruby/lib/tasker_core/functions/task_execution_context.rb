# frozen_string_literal: true

require "bigdecimal"

module TaskerCore
  module Functions
    # A task's state of affairs, as `get_task_execution_context` and its batch tell it.
    class FunctionBasedTaskExecutionContext < Row
      # What to do next, by recommended action: urgency, and whether the task can go on.
      NEXT = {
        "execute_ready_steps" => ["high", true, ->(own) { "Run #{own.ready_steps} ready steps" }],
        "wait_for_completion" => ["low", false, ->(own) { "Wait for #{own.in_progress_steps} running steps" }],
        "handle_failures" => ["critical", false, ->(own) { "Look at #{own.failed_steps} failed steps" }],
        "finalize_task" => ["medium", true, ->(_) { "Every step is done" }],
        "wait_for_dependencies" => ["low", false, ->(_) { "Wait until a step becomes ready" }]
      }.freeze
      private_constant :NEXT

      columns :task_id, :named_task_id, :status, :total_steps, :pending_steps, :in_progress_steps,
              :completed_steps, :failed_steps, :ready_steps, :execution_status, :recommended_action,
              :completion_percentage, :health_status

      class << self
        # The context of a task, or nil.
        def find(task_id) = load([task_id]).first

        # Contexts by task, one for each id that names one: a repeated id has a repeated context.
        def for_tasks(task_ids)
          return [] if task_ids.empty?

          times = task_ids.compact.map { |id| Database.id(id) }.tally
          load(times.keys).flat_map { |context| Array.new(times.fetch(context.task_id)) { context.dup } }
        end

        # The engine's wrapper has these scopes and refuses them, since each would read every task.
        %i[with_ready_steps blocked complete healthy in_progress needs_attention].each do |scope|
          define_method(scope) { raise NotImplementedError, "#{scope} would read every task: use find or for_tasks." }
        end

        private

        def load(task_ids)
          answer = Functions.load(task_ids).resolve(levels: false)
          contexts = answer.contexts
          values = attribute_names.map do |name|
            next answer.percentage_texts.map { |text| BigDecimal(text) } if name == "completion_percentage"

            contexts[name]
          end
          values.transpose.map { |row| new(row) }
        end
      end

      def has_work_to_do? = needs_immediate_action? || execution_status == "processing"

      def is_blocked? = execution_status == "blocked_by_failures"

      def is_complete? = execution_status == "all_complete"

      def is_healthy? = health_status == "healthy"

      def needs_intervention? = health_status == "blocked"

      def can_make_progress? = ready_steps.positive?

      def should_reenqueue? = %w[processing waiting_for_dependencies].include?(execution_status)

      def needs_immediate_action? = execution_status == "has_ready_steps"

      def workflow_summary
        {
          total_steps: total_steps, completed: completed_steps, pending: pending_steps,
          in_progress: in_progress_steps, failed: failed_steps, ready: ready_steps,
          completion_percentage: completion_percentage, status: execution_status, health: health_status,
          recommended_action: recommended_action
        }
      end

      def progress_details
        {
          completed_ratio: "#{completed_steps}/#{total_steps}",
          completion_percentage: "#{completion_percentage.to_s('F')}%",
          remaining_steps: total_steps - completed_steps, failed_steps: failed_steps,
          ready_steps: ready_steps
        }
      end

      def next_action_details
        urgency, can_proceed, description = NEXT.fetch(recommended_action)
        { action: recommended_action, description: description.call(self), urgency: urgency, can_proceed: can_proceed }
      end

      def task = @task ||= ::Tasker::Task.find(task_id)
    end
  end
end
