# frozen_string_literal: true

module TaskerCore
  module Functions
    # A step's readiness, as `get_step_readiness_status` and its batch tell it.
    class FunctionBasedStepReadinessStatus < Row
      DONE = %w[complete resolved_manually].freeze
      RUNNABLE = %w[pending error].freeze
      private_constant :DONE, :RUNNABLE

      columns :workflow_step_id, :task_id, :named_step_id, :name, :current_state,
              :dependencies_satisfied, :retry_eligible, :ready_for_execution, :last_failure_at,
              :next_retry_at, :total_parents, :completed_parents, :attempts, :retry_limit,
              :backoff_request_seconds, :last_attempted_at

      class << self
        # Steps of a task by id; only the listed ones where a list is given.
        def for_task(task_id, step_ids = nil)
          statuses = load([task_id])
          return statuses if step_ids.nil?

          wanted = step_ids.compact.to_h { |id| [Database.id(id), true] }
          statuses.select { |status| wanted.key?(status.workflow_step_id) }
        end

        def for_steps(task_id, step_ids) = for_task(task_id, step_ids)

        # Steps of all listed tasks, by task, then step.
        def for_tasks(task_ids) = task_ids.empty? ? [] : load(task_ids)

        def ready_for_task(task_id) = for_task(task_id).select(&:ready_for_execution)

        def blocked_by_dependencies_for_task(task_id) = for_task(task_id).reject(&:dependencies_satisfied)

        def blocked_by_retry_for_task(task_id) = for_task(task_id).reject(&:retry_eligible)

        def pending_for_task(task_id) = in_state(task_id, "pending")

        def failed_for_task(task_id) = in_state(task_id, "error")

        def in_progress_for_task(task_id) = in_state(task_id, "in_progress")

        def complete_for_task(task_id) = in_state(task_id, *DONE)

        private

        def in_state(task_id, *states) = for_task(task_id).select { |status| states.include?(status.current_state) }

        def load(task_ids)
          workflows = Functions.load(task_ids)
          readiness = workflows.resolve(contexts: false, levels: false).readiness
          values = attribute_names.map do |name|
            case name
            when "name" then readiness[:named_step_id].map { |id| workflows.names[id] }
            when /_at\z/ then readiness[name].map { |micros| Functions.time(micros) }
            else readiness[name]
            end
          end
          values.transpose.map { |row| new(row) }
        end
      end

      def can_execute_now? = ready_for_execution

      def blocking_reason
        if ready_for_execution then nil
        elsif !dependencies_satisfied then "dependencies_not_satisfied"
        elsif !retry_eligible then "retry_not_eligible"
        elsif !RUNNABLE.include?(current_state) then "invalid_state"
        else "unknown"
        end
      end

      # Whole seconds.
      def time_until_ready
        return 0 if ready_for_execution

        next_retry_at && [(next_retry_at - Time.now).to_i, 0].max
      end

      def dependency_status
        return "no_dependencies" if total_parents.zero?

        dependencies_satisfied ? "all_satisfied" : "#{completed_parents}/#{total_parents}_satisfied"
      end

      def retry_status
        return "max_retries_reached" if attempts >= retry_limit

        retry_eligible ? "retry_eligible" : "waiting_for_backoff"
      end

      def backoff_type
        return "explicit_backoff" if backoff_request_seconds && last_attempted_at

        last_failure_at ? "exponential_backoff" : "no_backoff"
      end

      def effective_backoff_seconds
        return backoff_request_seconds if backoff_request_seconds

        # 2^attempts, at most 30
        attempts.positive? ? [2**[attempts, 5].min, 30].min : 0
      end

      def detailed_status
        {
          ready: ready_for_execution, current_state: current_state, dependencies: dependency_status,
          retry: retry_status, blocking_reason: blocking_reason, time_until_ready: time_until_ready,
          backoff_type: backoff_type, effective_backoff_seconds: effective_backoff_seconds
        }
      end

      def to_h = attributes.transform_keys(&:to_sym).merge(detailed_status: detailed_status)

      def workflow_step = @workflow_step ||= ::Tasker::WorkflowStep.find(workflow_step_id)

      def task = @task ||= ::Tasker::Task.find(task_id)
    end
  end
end
