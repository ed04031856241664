# frozen_string_literal: true

require "minitest/autorun"
require "tasker_core"

# Bad input is a clear error with a code and a place, and a bad row is reported.
class RefusalsTest < Minitest::Test
  Column = TaskerCore::Column

  def snapshot(tasks: { task_id: [7] }, steps: {}, edges: {})
    steps = { workflow_step_id: [1, 2], task_id: [7, 7], **steps }
    TaskerCore::Snapshot.new(tasks: tasks, steps: steps, edges: { from_step_id: [1], to_step_id: [2], **edges })
  end

  def refused(code, place = [nil, nil, nil])
    error = assert_raises(TaskerCore::Error) { yield }
    assert_equal [code, *place], [error.code, error.table, error.column, error.row], error.message
    assert_equal TaskerCore::Error::BY_CODE.fetch(code), error.class
    refute_empty error.message
  end

  def bad_input(place, **tables) = refused("TASKER_BAD_INPUT", place) { snapshot(**tables) }

  def test_values_of_another_class
    bad_input([:tasks, :task_id, 0], tasks: { task_id: ["7"] })
    bad_input([:tasks, :task_id, 0], tasks: { task_id: [7.0] })
    bad_input([:tasks, :task_id, 0], tasks: { task_id: [nil] })
    bad_input([:tasks, :task_id, 0], tasks: { task_id: [2**63] })
    bad_input([:tasks, :task_id, nil], tasks: { task_id: 7 })
    bad_input([:tasks, :state, 0], tasks: { task_id: [7], state: [[]] })
    bad_input([:tasks, :state, 0], tasks: { task_id: [7], state: ["\xff"] })
    bad_input([:tasks, :state, 0], tasks: { task_id: [7], state: [130] })
    bad_input([:steps, :retryable, 1], steps: { retryable: [true, "yes"] })
    bad_input([:steps, :attempts, 0], steps: { attempts: [2**31, 0] })
    bad_input([:steps, :last_attempted_at, 1], steps: { last_attempted_at: [nil, "now"] })
  end

  def test_instants_that_are_none
    bad_input([:steps, :transitioned_at, 0], steps: { transitioned_at: [Float::NAN, 1] })
    bad_input([:steps, :transitioned_at, 0], steps: { transitioned_at: [2**60, 1] })
    bad_input([:steps, :transitioned_at, 0], steps: { state: %w[error error], transitioned_at: Column.float64([Float::NAN, 1].pack("d*")) })
    assert_equal 1, snapshot(steps: { transitioned_at: [Float::INFINITY, Time.at(5)] }).sizes[:edges]
  end

  def test_columns_of_other_types_and_lengths
    bad_input([:tasks, :task_id, nil], tasks: { task_id: Column.float64([7].pack("d")) })
    bad_input([:steps, :state, nil], steps: { state: Column.int64([0, 0].pack("q*")) })
    bad_input([:steps, :attempts, nil], steps: { attempts: [1] })
    bad_input([:edges, :to_step_id, nil], edges: { to_step_id: [1, 2] })
    bad_input([:steps, :retryable, 1], steps: { retryable: Column.uint8([1, 2].pack("C*")) })
    refused("TASKER_BAD_INPUT", [:edges, :to_step_id, nil]) { snapshot(edges: { to_step_id: nil }) }
    refused("TASKER_BAD_ARGUMENT") { snapshot(steps: { colour: [1, 2] }) }
    refused("TASKER_BAD_ARGUMENT") { snapshot(steps: { "attempts" => [1, 2] }) }
    refused("TASKER_BAD_ARGUMENT") { TaskerCore::Snapshot.new(tasks: 1, steps: {}, edges: {}) }
    refused("TASKER_BAD_ARGUMENT") { Column.int64("1234567") }
    refused("TASKER_BAD_ARGUMENT") { Column.int64(8) }
    refused("TASKER_BAD_ARGUMENT") { Column.int32("1234", "ab") }
    assert_raises(TypeError) { Column.new }
    assert_raises(TypeError) { Column.allocate }
  end

  # A string may begin anywhere in memory.
  def test_bytes_that_do_not_lie_on_a_border
    bytes = "x#{[7, 8].pack('q*')}".byteslice(1..)
    assert_equal [7, 8], Column.int64(bytes).to_a
    assert_equal bytes, Column.int64(bytes).bytes
    assert_equal [nil, 8], Column.int64(bytes, "\0\1").to_a
  end

  def test_questions
    own = snapshot
    refused("TASKER_BAD_ARGUMENT") { own.resolve(now: Float::NAN) }
    refused("TASKER_BAD_ARGUMENT") { own.resolve(now: "now") }
    refused("TASKER_BAD_ARGUMENT") { own.resolve(now: 2**80) }
    refused("TASKER_BAD_ARGUMENT") { own.resolve(rules: :other) }
    refused("TASKER_BAD_ARGUMENT") { own.resolve(threads: 0) }
    refused("TASKER_BAD_ARGUMENT") { own.resolve(contexts: false).contexts.rows }
    refused("TASKER_BAD_ARGUMENT") { own.resolve(levels: false).levels[:dependency_level] }
    refused("TASKER_BAD_ARGUMENT") { own.resolve.readiness[:colour] }
    refused("TASKER_BAD_ARGUMENT") { own.critical_path("7") }
    refused("TASKER_BAD_ARGUMENT") { own.critical_path(7, durations: [1]) }
    refused("TASKER_BAD_ARGUMENT") { own.critical_path(7, durations: [1, -1]) }
    refused("TASKER_BAD_ARGUMENT") { own.critical_path(7, durations: [1, "a"]) }
    refused("TASKER_UNKNOWN_TASK") { own.critical_path(8) }
    refused("TASKER_BAD_ARGUMENT") { own.lost_with([9]) }
    assert_equal [2], own.lost_with([1])
  end

  def test_an_answer_is_gone_when_the_snapshot_is_resolved_again
    own = snapshot
    first = own.resolve(now: 0)
    assert_equal [1], first.ready_step_ids
    own.resolve(now: 1)
    refused("TASKER_BAD_ARGUMENT") { first.ready_step_ids }
    refused("TASKER_BAD_ARGUMENT") { first.readiness.packed(:attempts) }
  end

  def test_rows_that_contradict_each_other
    own = snapshot(edges: { from_step_id: [1, 1], to_step_id: [2, 99] })
    assert_equal ["TASKER_DANGLING_EDGE"], own.problems.map(&:code)
    own = snapshot(edges: { from_step_id: [1, 2], to_step_id: [2, 1] })
    assert_equal [[7, [1, 2]]], own.resolve.cycles.map { |cycle| [cycle.task_id, cycle.step_ids.sort] }
    assert_nil own.critical_path(7)
  end

  # A column says how long it is; nothing is made of four billion rows that are not there.
  def test_more_foreign_states_than_codes
    states = (0..130).map { |at| "state #{at}" }
    refused("TASKER_BAD_INPUT", [:tasks, :state, 124]) do
      TaskerCore::Snapshot.new(tasks: { task_id: (0..130).to_a, state: states }, steps: { workflow_step_id: [], task_id: [] }, edges: { from_step_id: [], to_step_id: [] })
    end
    refused("TASKER_BAD_ARGUMENT") do
      TaskerCore::Snapshot.new(tasks: {}, steps: {}, edges: {}, foreign_states: states)
    end
  end
end

# Other threads while a large snapshot is at work.
class ThreadsTest < Minitest::Test
  STEPS = 300_000

  def large
    ids = TaskerCore::Column.int64((0...STEPS).to_a.pack("q*"))
    tasks = TaskerCore::Column.int64((0...STEPS).map { |id| id / 10 }.pack("q*"))
    from = TaskerCore::Column.int64((0...STEPS).reject { |id| id % 10 == 9 }.pack("q*"))
    to = TaskerCore::Column.int64((0...STEPS).reject { |id| (id % 10).zero? }.pack("q*"))
    TaskerCore::Snapshot.new(
      tasks: { task_id: TaskerCore::Column.int64((0...STEPS / 10).to_a.pack("q*")) },
      steps: { workflow_step_id: ids, task_id: tasks }, edges: { from_step_id: from, to_step_id: to }
    )
  end

  # With the lock held throughout, the other thread would not run before the resolution ends.
  def test_other_threads_run_meanwhile_and_are_refused_the_same_snapshot
    own = large
    refused = Queue.new
    done = false
    other = Thread.new do
      until done
        begin
          own.sizes
        rescue TaskerCore::BadArgumentError => e
          refused << e
        end
      end
    end
    5_000.times { refused.empty? ? own.resolve(now: 0, threads: 1) : break }
    done = true
    other.join
    refute_empty refused
    assert_includes refused.pop.message, "another thread"
    assert_equal STEPS / 10, own.resolve(now: 0).ready_step_ids.length
  end

  def test_a_thread_can_be_ended_at_work
    own = large
    started = Queue.new
    thread = Thread.new do
      started << true
      loop { own.resolve(now: 0, threads: 2) }
    end
    started.pop
    thread.kill
    thread.join
    assert_equal STEPS / 10, own.resolve(now: 0).ready_step_ids.length
    thread = Thread.new { loop { own.resolve(now: 0, threads: 2) } }
    thread.report_on_exception = false
    thread.raise(ArgumentError, "enough")
    assert_raises(ArgumentError) { thread.join }
  end
end
