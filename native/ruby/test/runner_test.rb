# frozen_string_literal: true

require "minitest/autorun"
require "json"
require "tasker_core"
require_relative "database"
require_relative "samples"

# Samples of the contract driven to their end by Ruby blocks, and what is stored then.
class RunnerTest < Minitest::Test
  # A handler's own; other errors are tried again as well.
  class Outage < StandardError
  end

  DONE = %w[complete resolved_manually].freeze

  def setup
    @pg = TestDatabase.pg
    @pg.type_map_for_results = PG::BasicTypeMapForResults.new(@pg)
  end

  def teardown = @pg.close

  def all(sql, *values) = @pg.exec_params(sql, values).to_a

  def test_the_samples_end_over_a_connection_of_pg
    assert_ends(TestDatabase.pg) { |name, attempt| raise Outage, "#{name} is away, attempt #{attempt}" }
  end

  def test_the_samples_end_over_a_connection_of_active_record
    assert_ends(TestDatabase.active_record) { |name, _| raise TaskerCore::RetryableError.new("#{name} wants a pause", retry_after: 1.2) }
  end

  def assert_ends(connection)
    tasks = Samples::STEPS.keys.to_h { |name| [Samples.create(@pg, name), name] }
    calls = []
    runner = TaskerCore::Runner.new(connection)
    Samples::STEPS.values.flat_map(&:keys).uniq.each do |name|
      runner.handle(name) do |step|
        calls << [step.task_id, name]
        assert_equal({ "order" => 4711 }, step.context)
        parents = Samples::STEPS.fetch(tasks.fetch(step.task_id)).fetch(name)
        assert_equal(parents.to_h { |parent| [parent, { "by" => parent }] }, step.results)
        yield name, step.attempt if step.attempt <= Samples::FAILURES.fetch(name, 0)

        { by: name }
      end
    end
    assert_equal tasks.keys.to_h { |id| [id, "complete"] }, runner.run(*tasks.keys)
    tasks.each do |id, name|
      assert_task id
      assert_steps id, name, calls
      # the engine's own SQL agrees
      context = all("SELECT * FROM get_task_execution_context($1)", id).first
      assert_equal %w[all_complete healthy], context.values_at("execution_status", "health_status")
    end
    assert_equal tasks.keys.to_h { |id| [id, "taken"] }, runner.run(tasks.keys)
  end

  def assert_task(id)
    assert_equal true, all("SELECT complete FROM tasker_tasks WHERE task_id = $1", id).first["complete"]
    rows = all("SELECT * FROM tasker_task_transitions WHERE task_id = $1 ORDER BY sort_key", id)
    assert_chain rows, %w[pending in_progress complete]
    steps = all("SELECT count(*) AS n FROM tasker_workflow_steps WHERE task_id = $1", id).first["n"]
    facts = { "initialization_completed" => true, "step_dependencies_established" => steps }
    assert_equal facts, JSON.parse(JSON.generate(rows.first["metadata"]))
  end

  def assert_steps(id, name, calls)
    rows = all("SELECT s.*, n.name FROM tasker_workflow_steps s JOIN tasker_named_steps n USING (named_step_id) WHERE task_id = $1", id)
    done_at = {}
    began_at = {}
    rows.each do |row|
      step = row["name"]
      failures = Samples::FAILURES.fetch(step, 0)
      transitions = all("SELECT * FROM tasker_workflow_step_transitions WHERE workflow_step_id = $1 ORDER BY sort_key", row["workflow_step_id"])
      assert_chain transitions, %w[pending in_progress] + %w[error pending in_progress] * failures + %w[complete]
      assert_waits transitions, row["backoff_request_seconds"]
      assert_equal failures + 1, row["attempts"], step
      assert_equal failures + 1, calls.count([id, step]), step
      assert_equal [true, false, true], row.values_at("processed", "in_process", "retryable"), step
      assert_equal step, row["results"]["by"]
      refute_nil row["processed_at"]
      assert_operator row["last_attempted_at"], :>=, transitions.first["created_at"]
      began_at[step] = transitions.first["id"]
      done_at[step] = transitions.last["id"]
    end
    Samples::STEPS.fetch(name).each do |step, parents|
      parents.each { |parent| assert_operator done_at.fetch(parent), :<, began_at.fetch(step), "#{parent} before #{step}" }
    end
  end

  # Contract state-machines §4: one current row, sort keys 10 apart, each row leads on from the one before.
  def assert_chain(rows, states)
    assert_equal states[1..], rows.map { |row| row["to_state"] }
    assert_equal states[..-2], rows.map { |row| row["from_state"] }
    assert_equal (1..rows.length).map { |at| at * 10 }, rows.map { |row| row["sort_key"] }
    assert_equal [false] * (rows.length - 1) + [true], rows.map { |row| row["most_recent"] }
  end

  # Contract readiness R7 and R8: min(2^k, 30) seconds behind the k-th failure, and the wait that was asked for.
  def assert_waits(rows, asked)
    failed = rows.each_cons(2).select { |row, _| row["to_state"] == "error" }
    failed.each_with_index do |(row, following), at|
      least = [[2**(at + 1), 30].min, asked || 0].max
      assert_operator following["created_at"] - row["created_at"], :>=, least
    end
  end

  def test_a_step_without_attempts_left_blocks_its_task
    id = Samples.create(@pg, "one_attempt", { "only_step" => [], "later_step" => ["only_step"] }, retry_limit: 1)
    runner = TaskerCore::Runner.new(TestDatabase.pg)
    runner.handle("only_step") { raise Outage, "gone" }.handle("later_step") { flunk }
    assert_equal({ id => "error" }, runner.run(id))
    row = all("SELECT * FROM tasker_workflow_steps WHERE task_id = $1 ORDER BY workflow_step_id", id).first
    assert_equal ["gone", "RunnerTest::Outage"], row["results"].values_at("error", "error_class")
    assert_includes row["results"]["backtrace"], "runner_test.rb"
    assert_equal [1, false, nil], row.values_at("attempts", "processed", "processed_at")
    assert_equal "blocked_by_failures", all("SELECT * FROM get_task_execution_context($1)", id).first["execution_status"]
  end

  def test_a_long_wait_leaves_the_task_to_whoever_comes_next
    id = Samples.create(@pg, "long_wait", { "patient_step" => [] })
    runner = TaskerCore::Runner.new(TestDatabase.pg, patience: 10, sleep: ->(_) { flunk })
    runner.handle("patient_step") { raise TaskerCore::RetryableError.new("later", retry_after: 3600) }
    assert_equal({ id => "pending" }, runner.run(id))
    states = all("SELECT to_state FROM tasker_task_transitions WHERE task_id = $1 ORDER BY sort_key", id)
    assert_equal %w[in_progress pending], states.map { |row| row["to_state"] }
    assert_equal 3600, all("SELECT backoff_request_seconds AS s FROM tasker_workflow_steps WHERE task_id = $1", id).first["s"]
  end

  def test_what_cannot_be_stored_is_a_failure
    id = Samples.create(@pg, "no_json", { "odd_step" => [] }, retry_limit: 1)
    runner = TaskerCore::Runner.new(TestDatabase.pg).handle("odd_step") { { value: Float::NAN } }
    assert_equal({ id => "error" }, runner.run(id))
  end

  def test_a_step_that_another_process_takes_is_left_alone
    id = Samples.create(@pg, "race", { "raced_step" => [] })
    other = TestDatabase.pg
    taken = nil
    runner = TaskerCore::Runner.new(TestDatabase.pg).handle("raced_step") do |step|
      # cancelled while it runs: the result has no place any more
      taken = other.exec("UPDATE tasker_workflow_step_transitions SET to_state = 'cancelled' WHERE workflow_step_id = #{step.workflow_step_id} AND most_recent").cmd_tuples
      { late: true }
    end
    assert_equal({ id => "pending" }, runner.run(id))
    assert_equal 1, taken
    row = all("SELECT * FROM tasker_workflow_steps WHERE task_id = $1", id).first
    assert_equal [0, false, {}], row.values_at("attempts", "processed", "results")
  end

  def test_only_one_of_two_runners_gets_a_task
    id = Samples.create(@pg, "two_runners", { "shared_step" => [] })
    calls = Queue.new
    threads = Array.new(2) do
      Thread.new do
        runner = TaskerCore::Runner.new(TestDatabase.pg).handle("shared_step") { calls << 1 }
        runner.run(id).fetch(id)
      end
    end
    ends = threads.map(&:value)
    assert_equal 1, calls.length
    assert_equal %w[complete taken], ends.sort
  end

  def test_missing_blocks_and_tasks_are_refused_before_anything_is_written
    id = Samples.create(@pg, "no_block", { "lonely_step" => [] })
    runner = TaskerCore::Runner.new(TestDatabase.pg)
    error = assert_raises(TaskerCore::UnknownHandlerError) { runner.run(id) }
    assert_equal "TASKER_UNKNOWN_HANDLER", error.code
    assert_raises(TaskerCore::UnknownTaskError) { runner.run(-1) }
    assert_raises(TaskerCore::BadArgumentError) { runner.handle("x") }
    assert_empty all("SELECT * FROM tasker_task_transitions WHERE task_id = $1", id)
  end
end
