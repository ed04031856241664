# frozen_string_literal: true

require "etc"

module TaskerCore
  # Threads that a resolution of more than 65,536 steps spreads over unless told otherwise.
  THREADS = Etc.nprocessors.clamp(1, 1024)
  private_constant :THREADS

  # Workflows in memory: built once from columns, resolved as often as there are questions.
  class Snapshot
    class << self
      # A snapshot of tables, each a Hash of columns; a column is an Array or a Column.
      #
      # tasks::  task_id, named_task_id, state
      # steps::  workflow_step_id, task_id, named_step_id, state, transitioned_at, attempts, retry_limit,
      #          retryable, in_process, processed, skippable, backoff_request_seconds, last_attempted_at,
      #          next_attempt_at
      # edges::  from_step_id, to_step_id
      #
      # The ids are required, everything else counts as nil where it is absent. States are texts, or codes
      # of STATES; instants are Times or µs since the epoch. Rows may come in any order.
      #
      # foreign_steps::  whether steps of tasks that are not in `tasks` are only there as parents of others
      # foreign_states:: texts of the state codes from 4 on, for columns of codes
      #
      # Errors: BadInputError with table, column and row; BadArgumentError; TooLargeError. Rows that
      # contradict each other are no error, but `problems`. O(rows) where they come in the order of their
      # ids, else O(rows · log rows). Other threads run meanwhile.
      def new(tasks:, steps:, edges:, foreign_steps: false, foreign_states: [])
        { tasks: tasks, steps: steps, edges: edges }.each do |name, table|
          raise BadArgumentError, "#{name} is a value of #{table.class}, not a Hash." unless table.is_a?(Hash)
        end
        build(tasks, steps, edges, foreign_steps ? true : false, texts(foreign_states))
      end

      private

      def texts(values)
        raise BadArgumentError, "foreign_states is a value of #{values.class}, not an Array." unless values.is_a?(Array)

        values.map do |text|
          text.is_a?(String) && text.valid_encoding? ? text.encode(Encoding::UTF_8) : raise(EncodingError)
        rescue EncodingError
          raise BadArgumentError, "foreign_states has a value that is no text."
        end
      end
    end
    private_class_method :build

    # Answers for every task at an instant (Answer).
    #
    # now::      Time, or µs since the epoch
    # rules::    :rails, those of the SQL functions, or :engine, the corrected ones
    # contexts:: whether execution contexts are wanted
    # levels::   whether dependency levels are wanted
    # threads::  most threads, 1 to 1,024; up to 65,536 steps are resolved in the calling one
    #
    # O(steps + edges). Other threads run meanwhile where there are more than 1,024 steps; Timeout and
    # Thread#kill end the work. Errors: BadArgumentError, also while another thread resolves the snapshot.
    def resolve(now: Time.now, rules: :rails, contexts: true, levels: true, threads: THREADS)
      engine = rules == :engine
      raise BadArgumentError, "rules is #{rules.inspect}, not :rails or :engine." unless engine || rules == :rails
      raise BadArgumentError, "threads is no Integer from 1 to 1024." unless threads.is_a?(Integer) && threads.between?(1, 1024)

      number = resolve_now(now, engine, contexts ? true : false, levels ? true : false, threads)
      Answer.new(self, number, now, rules)
    end

    # Rows that contradict others or lead nowhere (Array of RowProblem).
    def problems = problem_fields.map { |fields| RowProblem.new(*fields) }

    # A longest chain of a task (CriticalPath), or nil where it has a cycle.
    #
    # durations:: seconds of each step, in the order of their ids, 0 to 1e15; 1 for each where it is nil
    #
    # Errors: UnknownTaskError, BadArgumentError. O(steps + edges) of the task.
    def critical_path(task_id, durations: nil)
      numbers = durations.nil? || (durations.is_a?(Array) && durations.all? { |value| value.is_a?(Numeric) && value.real? })
      raise BadArgumentError, "durations is no Array of numbers." unless numbers

      fields = path_of(Snapshot.id(task_id), durations)
      fields && CriticalPath.new(*fields)
    end

    # Ids of the steps that can no longer run if the given ones fail for good, by task, then step.
    #
    # Errors: BadArgumentError for an id that no step has. O(steps).
    def lost_with(step_ids)
      raise BadArgumentError, "step_ids is no Array." unless step_ids.is_a?(Array)

      blast_radius(step_ids.map { |id| Snapshot.id(id) })
    end

    # Numbers of tasks, steps and edges (Hash).
    def sizes = %i[tasks steps edges].zip(counts).to_h

    def inspect = "#<#{self.class} #{sizes.map { |name, count| "#{count} #{name}" }.join(', ')}>"

    # An id as 64 bits hold it.
    def self.id(value)
      return value if value.is_a?(Integer) && value.bit_length < 64

      raise BadArgumentError, "An id is a value of #{value.class}, not an Integer of 64 bits."
    end

    private :resolve_now, :problem_fields, :counts, :path_of, :blast_radius
  end

  # Builds a Snapshot of the tables and resolves it: the arguments of both.
  def self.resolve(tasks:, steps:, edges:, foreign_steps: false, foreign_states: [], **question)
    snapshot = Snapshot.new(
      tasks: tasks, steps: steps, edges: edges, foreign_steps: foreign_steps, foreign_states: foreign_states
    )
    snapshot.resolve(**question)
  end
end
