# frozen_string_literal: true

require "minitest/autorun"
require "bigdecimal"
require "tasker_core"
require_relative "database"

# The classes in place of the engine's wrappers, beside the SQL functions on the same rows and clock.
class FunctionsTest < Minitest::Test
  Readiness = TaskerCore::Functions::FunctionBasedStepReadinessStatus
  Contexts = TaskerCore::Functions::FunctionBasedTaskExecutionContext
  Levels = TaskerCore::Functions::FunctionBasedDependencyLevels

  # Rows as the engine's wrappers get them, with the types of their attributes.
  class Expected
    TYPES = {
      completion_percentage: ActiveModel::Type::Decimal.new, last_failure_at: ActiveModel::Type::DateTime.new,
      next_retry_at: ActiveModel::Type::DateTime.new, last_attempted_at: ActiveModel::Type::DateTime.new
    }.freeze

    def self.rows(connection, call)
      connection.select_all("SELECT * FROM #{call}").map do |row|
        row.to_h { |name, value| [name, TYPES.key?(name.to_sym) ? TYPES[name.to_sym].cast(value) : value] }
      end
    end
  end

  def setup
    @connection = TestDatabase.active_record
    TaskerCore::Functions.connection = @connection
    @tasks = @connection.select_values("SELECT task_id FROM tasker_tasks ORDER BY task_id")
    # both sides have to see one clock: that of the transaction
    @connection.begin_transaction(joinable: true)
  end

  def teardown
    @connection.rollback_transaction
    TaskerCore::Functions.connection = nil
  end

  def array(ids) = "'{#{ids.join(',')}}'"

  def test_readiness_of_many_tasks
    expected = Expected.rows(@connection, "get_step_readiness_status_batch(#{array(@tasks)})")
    found = Readiness.for_tasks(@tasks + @tasks.first(3) + [-1, nil])
    assert_equal expected.sort_by { |row| row.values_at("task_id", "workflow_step_id") }, found.map(&:attributes)
    assert_operator found.count(&:ready_for_execution), :>, 0
    assert_operator found.count(&:last_failure_at), :>, 0
  end

  def test_readiness_of_one_task
    id = @tasks.last
    expected = Expected.rows(@connection, "get_step_readiness_status(#{id})")
    found = Readiness.for_task(id)
    assert_equal expected.sort_by { |row| row["workflow_step_id"] }, found.map(&:attributes)
    some = found.map(&:workflow_step_id).first(2)
    assert_equal some, Readiness.for_steps(id, [*some.map(&:to_s), nil, -1]).map(&:workflow_step_id)
    assert_empty Readiness.for_task(id, [])
    assert_empty Readiness.for_task(id, [nil])
    assert_empty Readiness.for_task(nil)
    assert_empty Readiness.for_task(-1)
    assert_empty Readiness.for_tasks([])
  end

  def test_a_connection_of_pg_gives_the_same
    pg = TestDatabase.pg
    TaskerCore::Functions.connection = -> { pg }
    own = Readiness.for_tasks(@tasks).map { |row| row.attributes.except("ready_for_execution") }
    TaskerCore::Functions.connection = @connection
    assert_equal Readiness.for_tasks(@tasks).map { |row| row.attributes.except("ready_for_execution") }, own
  ensure
    pg&.close
  end

  def test_contexts
    expected = Expected.rows(@connection, "get_task_execution_contexts_batch(#{array(@tasks)})")
    assert_equal expected, Contexts.for_tasks(@tasks).map(&:attributes)
    assert_equal expected.map { |row| row["completion_percentage"].to_s },
                 Contexts.for_tasks(@tasks).map { |row| row.completion_percentage.to_s }
    twice = @tasks.first(2).flat_map { |id| [id, id] }
    assert_equal twice, Contexts.for_tasks([*@tasks.first(2), -1, *@tasks.first(2).reverse]).map(&:task_id)
    assert_equal Expected.rows(@connection, "get_task_execution_context(#{@tasks[1]})"), [Contexts.find(@tasks[1]).attributes]
    assert_nil Contexts.find(-1)
    assert_nil Contexts.find(nil)
    assert_raises(NotImplementedError) { Contexts.blocked }
  end

  def test_levels
    @tasks.each do |id|
      expected = Expected.rows(@connection, "calculate_dependency_levels(#{id})")
      assert_equal expected, Levels.for_task(id).map(&:attributes)
    end
    id = @tasks.first
    hash = Levels.levels_hash_for_task(id)
    assert_equal hash.values.max, Levels.max_level_for_task(id)
    assert_equal hash.select { |_, level| level == 1 }.keys, Levels.steps_at_level(id, 1)
    assert_equal hash.select { |_, level| level.zero? }.keys, Levels.root_steps_for_task(id)
    assert_equal 0, Levels.max_level_for_task(-1)
  end

  def test_levels_with_a_cycle
    task = @tasks.find { |id| Levels.max_level_for_task(id) >= 2 }
    step, other = Levels.for_task(task).last(2).map(&:workflow_step_id)
    edge = lambda do |from, to|
      @connection.execute("INSERT INTO tasker_workflow_step_edges (from_step_id, to_step_id, name, created_at, updated_at)
        VALUES (#{from}, #{to}, 'provides', now(), now())")
    end
    edge.call(step, other)
    edge.call(other, step)
    error = assert_raises(TaskerCore::CycleError) { Levels.for_task(task) }
    assert_equal "TASKER_CYCLE", error.code
    # nothing leads into a cycle without other parents
    @connection.execute("DELETE FROM tasker_workflow_step_edges WHERE to_step_id IN (#{step}, #{other})
      AND from_step_id NOT IN (#{step}, #{other})")
    expected = Expected.rows(@connection, "calculate_dependency_levels(#{task})")
    assert_equal expected, Levels.for_task(task).map(&:attributes)
    refute_includes expected.map { |row| row["workflow_step_id"] }, step
  end

  def test_a_parent_of_another_task_counts
    child = Readiness.for_task(@tasks[0]).first.workflow_step_id
    parent = Readiness.for_task(@tasks[1]).find { |row| row.current_state != "complete" } ||
             Readiness.for_task(@tasks[1]).first
    @connection.execute("INSERT INTO tasker_workflow_step_edges (from_step_id, to_step_id, name, created_at, updated_at)
      VALUES (#{parent.workflow_step_id}, #{child}, 'provides', now(), now())")
    expected = Expected.rows(@connection, "get_step_readiness_status(#{@tasks[0]})")
    assert_equal expected.sort_by { |row| row["workflow_step_id"] }, Readiness.for_task(@tasks[0]).map(&:attributes)
    assert_equal Expected.rows(@connection, "calculate_dependency_levels(#{@tasks[0]})"),
                 Levels.for_task(@tasks[0]).map(&:attributes)
  end

  def test_the_engines_module_takes_the_classes
    engine = Module.new
    engine.const_set(:FunctionBasedDependencyLevels, Class.new)
    TaskerCore::Functions.install(engine)
    assert_same Levels, engine::FunctionBasedDependencyLevels
    assert_same Readiness, engine::FunctionBasedStepReadinessStatus
    assert_same Contexts, engine::FunctionBasedTaskExecutionContext
  end

  def test_what_is_no_id_is_refused
    ["1; SELECT 1", 1.5, 2**63, :one].each do |id|
      assert_raises(TaskerCore::BadArgumentError) { Readiness.for_task(id) }
    end
    assert_raises(TaskerCore::BadArgumentError) { TaskerCore::WorkflowSource.new("postgresql://") }
  end
end

# Values that follow from the columns: contract readiness §2 and §4.
class DerivedValuesTest < Minitest::Test
  Readiness = TaskerCore::Functions::FunctionBasedStepReadinessStatus
  Contexts = TaskerCore::Functions::FunctionBasedTaskExecutionContext

  STEP = {
    workflow_step_id: 1, task_id: 2, named_step_id: 3, name: "a", current_state: "pending",
    dependencies_satisfied: true, retry_eligible: true, ready_for_execution: true, last_failure_at: nil,
    next_retry_at: nil, total_parents: 0, completed_parents: 0, attempts: 0, retry_limit: 3,
    backoff_request_seconds: nil, last_attempted_at: nil
  }.freeze
  TASK = {
    task_id: 2, named_task_id: 1, status: "pending", total_steps: 3, pending_steps: 1, in_progress_steps: 1,
    completed_steps: 1, failed_steps: 0, ready_steps: 1, execution_status: "has_ready_steps",
    recommended_action: "execute_ready_steps", completion_percentage: BigDecimal("33.33"), health_status: "healthy"
  }.freeze

  def step(**columns) = Readiness.new(STEP.merge(columns).values)

  def task(**columns) = Contexts.new(TASK.merge(columns).values)

  def test_why_a_step_waits
    waiting = { ready_for_execution: false }
    assert_nil step.blocking_reason
    assert_equal "dependencies_not_satisfied", step(**waiting, dependencies_satisfied: false, retry_eligible: false).blocking_reason
    assert_equal "retry_not_eligible", step(**waiting, retry_eligible: false).blocking_reason
    assert_equal "invalid_state", step(**waiting, current_state: "complete").blocking_reason
    assert_equal "unknown", step(**waiting).blocking_reason
  end

  def test_how_long_a_step_waits
    assert_equal 0, step.time_until_ready
    assert_nil step(ready_for_execution: false).time_until_ready
    assert_equal 0, step(ready_for_execution: false, next_retry_at: Time.at(0)).time_until_ready
    assert_operator step(ready_for_execution: false, next_retry_at: Time.now + 5000.5).time_until_ready, :>, 4000
    assert_equal [0, 2, 16, 30, 30], [0, 1, 4, 5, 2**31 - 1].map { |attempts| step(attempts: attempts).effective_backoff_seconds }
    assert_equal 0, step(backoff_request_seconds: 0, attempts: 4).effective_backoff_seconds
  end

  def test_words
    assert_equal %w[no_dependencies all_satisfied 1/2_satisfied],
                 [step, step(total_parents: 2), step(total_parents: 2, completed_parents: 1, dependencies_satisfied: false)].map(&:dependency_status)
    assert_equal %w[retry_eligible max_retries_reached waiting_for_backoff],
                 [step, step(attempts: 3), step(retry_eligible: false)].map(&:retry_status)
    assert_equal %w[no_backoff exponential_backoff explicit_backoff],
                 [step, step(last_failure_at: Time.now), step(backoff_request_seconds: 1, last_attempted_at: Time.now)].map(&:backoff_type)
    keys = %i[ready current_state dependencies retry blocking_reason time_until_ready backoff_type effective_backoff_seconds]
    assert_equal keys, step.detailed_status.keys
    assert_equal STEP.merge(detailed_status: step.detailed_status), step.to_h
    assert_predicate step, :readonly?
    assert_predicate step, :can_execute_now?
  end

  def test_what_to_do_with_a_task
    assert_equal({ completed_ratio: "1/3", completion_percentage: "33.33%", remaining_steps: 2, failed_steps: 0, ready_steps: 1 },
                 task.progress_details)
    actions = {
      "execute_ready_steps" => ["high", true], "wait_for_completion" => ["low", false],
      "handle_failures" => ["critical", false], "finalize_task" => ["medium", true], "wait_for_dependencies" => ["low", false]
    }
    actions.each do |action, expected|
      details = task(recommended_action: action).next_action_details
      assert_equal [action, *expected], details.values_at(:action, :urgency, :can_proceed)
    end
    assert_equal "has_ready_steps", task.workflow_summary[:status]
    assert_equal [true, false, true, false], [task.has_work_to_do?, task.is_blocked?, task.can_make_progress?, task.should_reenqueue?]
    assert_predicate task(execution_status: "processing"), :should_reenqueue?
    assert_predicate task(health_status: "blocked"), :needs_intervention?
  end
end
