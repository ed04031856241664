# frozen_string_literal: true

require "minitest/autorun"
require "tasker_core"
require_relative "corpus"

# Every answer of the recorded corpus, from each form that a column may have.
class CorpusTest < Minitest::Test
  BOOLEANS = %w[retryable in_process processed skippable].freeze
  INSTANTS = %w[transitioned_at last_attempted_at next_attempt_at].freeze
  IDS = %w[task_id workflow_step_id from_step_id to_step_id].freeze
  FLAGS = %w[dependencies_satisfied retry_eligible ready_for_execution].freeze
  TEXTS = %w[execution_status recommended_action health_status].freeze

  def test_every_answer_is_the_recorded_one_from_arrays
    each_case { |own| check_answers(own, snapshot(own) { |name, words| array(own, name, words) }) }
  end

  def test_every_answer_is_the_recorded_one_from_packed_columns
    each_case { |own| check_answers(own, snapshot(own) { |name, words| packed(name, words) }) }
  end

  def test_rows_that_contradict_each_other_are_reported_in_the_same_words
    reported = 0
    each_case do |own|
      found = snapshot(own) { |name, words| packed(name, words) }.problems.map do |problem|
        refused = problem.refused ? 1 : 0
        [problem.code, problem.table, problem.id, problem.task_id || "null", refused, problem.message].join(" ")
      end
      assert_equal own.problems.sort, found.sort, own.name
      reported += found.length
    end
    assert_operator reported, :>, 0
  end

  def test_longest_chains_are_the_recorded_ones
    each_case do |own|
      built = snapshot(own) { |name, words| packed(name, words) }
      own.paths.each do |task, seconds, *steps|
        path = built.critical_path(task.to_i)
        assert_equal [seconds.to_f, steps.map(&:to_i)], path.to_a, "task #{task} of #{own.name}"
      end
    end
  end

  private

  def each_case(&block) = (@cases ||= Corpus.enum_for(:each_case).to_a).each(&block)

  def snapshot(own)
    tables = { "tasks" => {}, "steps" => {}, "edges" => {} }
    own.input.each do |line, words|
      table, name = line.split(".")
      tables.fetch(table)[name.to_sym] = yield(name, words)
    end
    TaskerCore::Snapshot.new(**tables.transform_keys(&:to_sym), foreign_states: own.foreign_states)
  end

  # As a caller has it who reads rows from a database.
  def array(own, name, words)
    words.map do |word|
      next nil if word == "null"
      next word == "1" if BOOLEANS.include?(name)
      next Corpus.instant(word) if INSTANTS.include?(name)
      next state_text(own, word.to_i) if name == "state"

      Integer(word)
    end
  end

  def state_text(own, code) = TaskerCore::STATES.key(code) || own.foreign_states.fetch(code - 4)

  # The quick form; what stands in the place of a null must not matter.
  def packed(name, words)
    validity = words.include?("null") ? words.map { |word| word == "null" ? 0 : 7 }.pack("C*") : nil
    values = ->(null) { words.map { |word| word == "null" ? null : Corpus.instant(word) } }
    return TaskerCore::Column.int64(values[0].pack("q*")) if IDS.include?(name)
    return TaskerCore::Column.uint8(values[255].pack("C*"), validity) if name == "state" || BOOLEANS.include?(name)
    return TaskerCore::Column.float64(values[Float::NAN].pack("d*"), validity) if INSTANTS.include?(name)

    TaskerCore::Column.int32(values[-(2**31)].pack("l*"), validity)
  end

  def check_answers(own, snapshot)
    own.answers.each do |expected|
      name = "#{own.name}, #{expected.rules}"
      answer = snapshot.resolve(now: own.now, rules: expected.rules, threads: 1)
      compare(name, own, expected, "readiness", answer.readiness)
      compare(name, own, expected, "contexts", answer.contexts)
      assert_equal expected.lines["contexts.completion_percentage"], answer.percentage_texts, name
      check_levels(name, expected, answer.levels)
      assert_equal expected.cycles, answer.cycles.map { |cycle| [cycle.task_id, *cycle.step_ids] }, name
      ready = answer.readiness.select(&:ready_for_execution).map(&:workflow_step_id)
      assert_equal ready, answer.ready_step_ids, name
    end
  end

  def compare(name, own, expected, table_name, table)
    columns = expected.lines.keys.filter_map { |line| line[/\A#{table_name}\.(.*)/, 1] }
    assert_equal columns.sort, table.columns.map(&:to_s).sort, name
    (columns - ["completion_percentage"]).each do |column|
      wanted = expected.lines.fetch("#{table_name}.#{column}").map { |word| value(own, column, word) }
      assert_equal wanted, table[column], "#{name}: #{table_name}.#{column}"
    end
  end

  # Levels are recorded by step.
  def check_levels(name, expected, levels)
    ids, wanted = %w[workflow_step_id dependency_level].map { |column| expected.lines.fetch("levels.#{column}").map(&:to_i) }
    rows = levels.rows
    assert_equal ids.zip(wanted), rows.map { |row| [row.workflow_step_id, row.dependency_level] }.sort, name
    keys = rows.map { |row| [row.task_id, row.dependency_level, row.workflow_step_id] }
    assert_equal keys.sort, keys, name
  end

  def value(own, column, word)
    return nil if word == "null"
    return word if TEXTS.include?(column)
    return word == "1" if FLAGS.include?(column)
    return state_text(own, word.to_i) if %w[current_state status].include?(column)

    word.match?(/\A-?\d+\z/) || word.end_with?("inf") ? Corpus.instant(word) : Float(word)
  end
end
