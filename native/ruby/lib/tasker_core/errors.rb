# frozen_string_literal: true

module TaskerCore
  # What went wrong, by code (docs/errors.md); each code has a class of its own.
  class Error < StandardError
    # The code, for instance "TASKER_BAD_INPUT".
    attr_reader :code
    # Table, column and row of the input (Symbol, Symbol, Integer), where the problem lies there.
    attr_reader :table, :column, :row

    def initialize(message, code: self.class::CODE, table: nil, column: nil, row: nil)
      super(message)
      @code = code
      @table = table&.to_sym
      @column = column&.to_sym
      @row = row
    end

    # The error of a code; called by the extension.
    def self.for(code, message, table, column, row)
      BY_CODE.fetch(code, InternalError).new(message, code: code, table: table, column: column, row: row)
    end
  end

  # An argument has a value outside of its documented range.
  class BadArgumentError < Error
    CODE = "TASKER_BAD_ARGUMENT"
  end

  # A column cannot be read: of another type or length, without a value it needs, out of range.
  class BadInputError < Error
    CODE = "TASKER_BAD_INPUT"
  end

  # A row contradicts another one.
  class BadRowError < Error
    CODE = "TASKER_BAD_ROW"
  end

  # A snapshot contradicts itself; no input leads to it.
  class BadSnapshotError < Error
    CODE = "TASKER_BAD_SNAPSHOT"
  end

  # The work was ended by its caller.
  class CancelledError < Error
    CODE = "TASKER_CANCELLED"
  end

  # The steps of a task depend on each other in a circle.
  class CycleError < Error
    CODE = "TASKER_CYCLE"
  end

  # An edge names a step that does not exist.
  class DanglingEdgeError < Error
    CODE = "TASKER_DANGLING_EDGE"
  end

  # A defect of this program.
  class InternalError < Error
    CODE = "TASKER_INTERNAL"
  end

  # More rows than a snapshot numbers.
  class TooLargeError < Error
    CODE = "TASKER_TOO_LARGE"
  end

  # A step names a task that does not exist, or a task that was asked for is not there.
  class UnknownTaskError < Error
    CODE = "TASKER_UNKNOWN_TASK"
  end

  # A step has no block that could run it.
  class UnknownHandlerError < Error
    CODE = "TASKER_UNKNOWN_HANDLER"
  end

  # The state machine does not allow a task or step to change this way.
  class InvalidTransitionError < Error
    CODE = "TASKER_INVALID_TRANSITION"
  end

  class Error
    # Every class by its code.
    BY_CODE = [
      BadArgumentError, BadInputError, BadRowError, BadSnapshotError, CancelledError, CycleError,
      DanglingEdgeError, InternalError, TooLargeError, UnknownTaskError, UnknownHandlerError,
      InvalidTransitionError
    ].to_h { |error| [error::CODE, error] }.freeze
  end
end
