# frozen_string_literal: true

module TaskerCore
  module Functions
    # How deep a step is, as `calculate_dependency_levels` tells it: the longest path from a root.
    class FunctionBasedDependencyLevels < Row
      columns :workflow_step_id, :dependency_level

      class << self
        # Steps that a root reaches, by level, then id.
        #
        # Errors: CycleError where a root leads into a cycle; the SQL function would never end.
        def for_task(task_id)
          workflows = Functions.load([task_id])
          answer = workflows.resolve(contexts: false)
          answer.cycles.each { |cycle| refuse_reachable(cycle, workflows.edges, answer) }
          answer.levels.rows.map { |row| new([row.workflow_step_id, row.dependency_level]) }
        end

        # Levels by step.
        def levels_hash_for_task(task_id)
          for_task(task_id).to_h { |row| [row.workflow_step_id, row.dependency_level] }
        end

        def max_level_for_task(task_id) = for_task(task_id).map(&:dependency_level).max || 0

        # Ids of the steps.
        def steps_at_level(task_id, level)
          for_task(task_id).select { |row| row.dependency_level == level }.map(&:workflow_step_id)
        end

        def root_steps_for_task(task_id) = steps_at_level(task_id, 0)

        private

        # Walks back from the cycle along edges of the task, as far as they lead.
        def refuse_reachable(cycle, edges, answer)
          own = answer.readiness[:workflow_step_id].to_h { |id| [id, true] }
          pairs = edges[:from_step_id].zip(edges[:to_step_id])
          parents = pairs.group_by(&:last).transform_values { |found| found.map(&:first) }
          known = cycle.step_ids.to_h { |id| [id, true] }
          open = cycle.step_ids.dup
          while (step = open.pop)
            above = parents.fetch(step, [])
            raise_cycle(cycle) if above.empty?
            above.each do |parent|
              next if known[parent] || !own[parent]

              known[parent] = true
              open.push(parent)
            end
          end
        end

        def raise_cycle(cycle)
          raise CycleError, "Steps #{cycle.step_ids.join(' → ')} of task #{cycle.task_id} depend on each other in a circle."
        end
      end

      def to_h = { workflow_step_id: workflow_step_id, dependency_level: dependency_level }

      def workflow_step = @workflow_step ||= ::Tasker::WorkflowStep.find(workflow_step_id)
    end
  end
end
