# frozen_string_literal: true

# Which workflow steps may run now, for tasks in the tables of the Rails engine Tasker: the rules of its
module TaskerCore
end

require_relative "tasker_core/version"
require_relative "tasker_core/errors"
require "tasker_core.so"
require_relative "tasker_core/column"
require_relative "tasker_core/answer"
require_relative "tasker_core/snapshot"
require_relative "tasker_core/database"
require_relative "tasker_core/workflow_source"
require_relative "tasker_core/functions"
require_relative "tasker_core/runner"
