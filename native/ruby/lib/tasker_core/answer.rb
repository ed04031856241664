# frozen_string_literal: true

module TaskerCore
  # Steps of a task that depend on each other in a circle: an edge leads from each to the next, and from
  # the last to the first.
  Cycle = Struct.new(:task_id, :step_ids)

  # A row that contradicts another one. Beside it everything is answered, but for the task of a refused row.
  RowProblem = Struct.new(:code, :message, :table, :id, :task_id, :refused)

  # A longest chain of a task: from its first start to its last end, in the unit of the durations.
  CriticalPath = Struct.new(:seconds, :step_ids)

  # The columns of `get_step_readiness_status` but for the name; instants are µs since the epoch.
  ReadinessRow = Struct.new(
    :workflow_step_id, :task_id, :named_step_id, :current_state, :dependencies_satisfied,
    :retry_eligible, :ready_for_execution, :last_failure_at, :next_retry_at, :total_parents,
    :completed_parents, :attempts, :retry_limit, :backoff_request_seconds, :last_attempted_at
  )

  # The columns of `get_task_execution_context`.
  ContextRow = Struct.new(
    :task_id, :named_task_id, :status, :total_steps, :pending_steps, :in_progress_steps,
    :completed_steps, :failed_steps, :ready_steps, :execution_status, :recommended_action,
    :completion_percentage, :health_status
  )

  # The columns of `calculate_dependency_levels`, and the task.
  LevelRow = Struct.new(:task_id, :workflow_step_id, :dependency_level)

  # One table of an answer, column by column or row by row.
  class Table
    include Enumerable

    def initialize(snapshot, number, name, row)
      @snapshot = snapshot
      @number = number
      @name = name
      @row = row
    end

    # Names of the columns.
    def columns = @row.members

    # Values of one column as Ruby has them: Integer, true, false, Float, frozen String, nil.
    #
    # Errors: BadArgumentError for another column, and once the snapshot was resolved again. O(rows).
    def [](column) = @snapshot.values(@number, @name, known(column))

    # One column as numbers (Column): codes of states, 0 and 1, NaN for an instant that is null.
    def packed(column) = @snapshot.packed(@number, @name, known(column))

    # Every row as a struct. O(rows).
    def rows = columns.map { |column| self[column] }.transpose.map { |values| @row.new(*values) }

    def each(&block) = rows.each(&block)

    private

    def known(column)
      name = columns.find { |own| own == column || own.name == column }
      name&.name || raise(BadArgumentError, "#{@name} has no column #{column.inspect}, only #{columns.join(', ')}.")
    end
  end

  # What a resolution found. Tasks whose rows contradict each other are left out, under the engine's rules
  # also those with a cycle. It is gone once its snapshot is resolved again.
  class Answer
    attr_reader :snapshot, :now, :rules

    def initialize(snapshot, number, now, rules)
      @snapshot = snapshot
      @number = number
      @now = now
      @rules = rules
    end

    # Every step, by task, then step (Table of ReadinessRow).
    def readiness = Table.new(@snapshot, @number, "readiness", ReadinessRow)

    # Every task, by id (Table of ContextRow); only where contexts were asked for.
    def contexts = Table.new(@snapshot, @number, "contexts", ContextRow)

    # Steps that a root reaches, by task, level and step (Table of LevelRow); only where they were asked for.
    def levels = Table.new(@snapshot, @number, "levels", LevelRow)

    # Ids of the steps that may run now, by task, then step (Array of Integer). O(steps).
    def ready_step_ids = @snapshot.ready_step_ids(@number)

    # At least one cycle for each task that has any (Array of Cycle).
    def cycles = @snapshot.cycles(@number).map { |fields| Cycle.new(*fields) }

    # Percentages of the contexts as the database prints them (Array of String).
    def percentage_texts = @snapshot.values(@number, "contexts", "completion_percentage_text")
  end
end
