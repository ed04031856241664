# frozen_string_literal: true

require_relative "transitions"
require_relative "step_rows"
require_relative "task_rows"

module TaskerCore
  # Raised by a handler: the step is tried again, after so many seconds at the earliest where they are
  # given. Any other StandardError is tried again, too, as long as an attempt is left.
  class RetryableError < StandardError
    attr_reader :retry_after

    def initialize(message = nil, retry_after: nil)
      super(message)
      @retry_after = retry_after
    end
  end

  # Runs the steps of tasks with Ruby blocks, one after the other, in the order in which they become ready.
  #
  #   runner = TaskerCore::Runner.new(ActiveRecord::Base.connection)
  #   runner.handle("validate_cart") { |step| { total: step.context["cart"].sum } }
  #   runner.run(task_id) # => { task_id => "complete" }
  #
  # A block gets a Step; what it returns is stored as JSON, and what it raises as a failure. The rows are
  # those that the Rails engine writes, with `from_state` filled in and without its defect that a failed
  # step never ran again. The connection has to be outside of a transaction.
  class Runner
    # connection:: of ActiveRecord or pg
    # patience::   seconds; a task whose next step is ready later than that goes back to `pending`
    # sleep::      called with seconds where nothing can run before they are over
    def initialize(connection, patience: 60, sleep: Kernel.method(:sleep))
      @database = Database.of(connection)
      @source = WorkflowSource.new(@database)
      @steps = StepRows.new(@database)
      @tasks = TaskRows.new(@database)
      @patience = patience
      @sleep = sleep
      @handlers = {}
    end

    # Runs steps of this name with the block.
    def handle(name, &block)
      raise BadArgumentError, "A handler of #{name} needs a block." unless block

      @handlers[name.to_s] = block
      self
    end

    # Drives pending tasks until each is done, blocked by failures or has to wait for long. Returns what
    # became of each (Hash of id to "complete", "error", "pending", or "taken" where it was not pending).
    #
    # Errors: UnknownHandlerError, before anything is written; UnknownTaskError. What is no StandardError
    # passes through a handler and leaves its step in progress.
    def run(*task_ids)
      ids = task_ids.flatten.map { |id| Database.id(id) }.uniq
      found = @source.load(ids)
      require_known(ids, found)
      counts = found.resolve(levels: false).contexts.to_h { |row| [row.task_id, row.total_steps] }
      started, taken = ids.partition { |id| @tasks.start(id, counts.fetch(id)) }
      drive(started).merge(taken.to_h { |id| [id, "taken"] })
    end

    private

    def require_known(ids, found)
      tasks = found.resolve(levels: false).contexts[:task_id]
      unknown = ids - tasks
      raise UnknownTaskError, "There is no task #{unknown.first}." if unknown.any?

      missing = found.names.values.uniq - @handlers.keys
      raise UnknownHandlerError, "No block runs #{missing.first}: call handle first." if missing.any?
    end

    def drive(open)
      ends = {}
      until open.empty?
        workflows = @source.load(open)
        answer = workflows.resolve(levels: false)
        rows = answer.readiness.rows
        ready = rows.select(&:ready_for_execution)
        ready.each { |row| run_step(row.workflow_step_id, row.current_state, workflows.names[row.named_step_id]) }
        waits = waits_of(rows, workflows.now)
        answer.contexts.each do |context|
          state = end_of(context, waits[context.task_id])
          ends[context.task_id] = state if state
        end
        open -= ends.keys
        pause(waits.values_at(*open).compact) if ready.empty? && open.any?
      end
      ends
    end

    # Seconds until the next failed or deferred step of each task is ready, by task.
    def waits_of(rows, now)
      waiting = rows.filter_map do |row|
        next unless %w[pending error].include?(row.current_state) && row.dependencies_satisfied && row.retry_eligible

        ends = wait_ends(row)
        [row.task_id, (ends - now) / 1e6] if ends && ends > now
      end
      waiting.group_by(&:first).transform_values { |found| found.map(&:last).min }
    end

    # Both waits have to be over; the column next_retry_at knows only one of them. Source: contract
    # readiness §1, R7 and R8.
    def wait_ends(row)
      asked = row.backoff_request_seconds && row.last_attempted_at
      ends = [
        asked && (row.last_attempted_at + (row.backoff_request_seconds * 1_000_000)),
        row.last_failure_at && (row.last_failure_at + ([2.0**row.attempts.clamp(-60, 5), 30].min * 1e6))
      ]
      ends.compact.max
    end

    # The state that a task ends in for us, or nil while it goes on.
    def end_of(context, wait)
      id = context.task_id
      case context.execution_status
      when "has_ready_steps" then nil
      when "all_complete" then @tasks.complete(id) ? "complete" : "taken"
      when "blocked_by_failures" then @tasks.leave(id, "error") ? "error" : "taken"
      else
        return nil if wait && wait <= @patience

        @tasks.leave(id, "pending") ? "pending" : "taken"
      end
    end

    def pause(waits) = @sleep.call(waits.min || 0)

    def run_step(id, state, name)
      return unless @steps.claim(id, state)

      begin
        results = @handlers.fetch(name).call(@steps.load(id))
        JSON.generate(results)
      rescue StandardError => e
        @steps.fail(id, e)
      else
        @steps.complete(id, results)
      end
    end
  end
end
