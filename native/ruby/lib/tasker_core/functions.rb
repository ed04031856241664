# frozen_string_literal: true

module TaskerCore
  # Takes the place of the Rails engine's wrappers around SQL functions: the same methods, the same
  # values, one plain query instead of a function.
  #
  #   TaskerCore::Functions.install(Tasker::Functions) # in an initializer
  #
  # or by name: `TaskerCore::Functions::FunctionBasedStepReadinessStatus.for_task(task_id)`.
  module Functions
    class << self
      # A connection of ActiveRecord or pg, or what returns one when it is called; the engine's own unless
      # it was set.
      attr_writer :connection

      def connection
        given = @connection
        return ::Tasker::ApplicationRecord.connection if given.nil?

        given.respond_to?(:call) ? given.call : given
      end

      # Puts the classes here in place of those of the same names in the engine's module.
      def install(engine)
        WRAPPERS.each do |name|
          engine.send(:remove_const, name) if engine.const_defined?(name, false)
          engine.const_set(name, const_get(name))
        end
        engine
      end

      # The listed tasks as of now.
      def load(task_ids) = WorkflowSource.new(connection).load(task_ids)

      # A time of an answer as the engine's attributes have it.
      def time(micros)
        return nil if micros.nil?
        return micros if micros.is_a?(Float) && micros.infinite?

        Time.at(0, micros, :usec).utc
      end
    end
  end
end

require_relative "functions/row"
require_relative "functions/step_readiness_status"
require_relative "functions/task_execution_context"
require_relative "functions/dependency_levels"

module TaskerCore
  module Functions
    WRAPPERS = %i[
      FunctionBasedStepReadinessStatus FunctionBasedTaskExecutionContext FunctionBasedDependencyLevels
    ].freeze
    private_constant :WRAPPERS
  end
end
