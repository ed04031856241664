# frozen_string_literal: true

require "json"

module TaskerCore
  # Writes transitions as the Rails engine stores them: the current one loses its mark, the next has a
  # sort key 10 higher. A race that was lost writes nothing.
  class Transitions
    STEP = {
      "pending" => %w[in_progress error cancelled resolved_manually],
      "in_progress" => %w[complete error cancelled],
      "error" => %w[pending resolved_manually]
    }.freeze
    TASK = {
      "pending" => %w[in_progress cancelled error],
      "in_progress" => %w[complete error cancelled pending],
      "error" => %w[pending resolved_manually],
      "complete" => %w[cancelled],
      "resolved_manually" => %w[cancelled]
    }.freeze

    def self.of_tasks(database) = new(database, "tasker_task_transitions", "task_id", TASK)

    def self.of_steps(database) = new(database, "tasker_workflow_step_transitions", "workflow_step_id", STEP)

    def initialize(database, table, key, allowed)
      @database = database
      @table = table
      @key = key
      @allowed = allowed
    end

    # Writes one transition; false where the state is no longer `from`. Call it inside of a transaction,
    # which is to be undone then.
    #
    # Errors: InvalidTransitionError for a change that the state machine does not know.
    def write(id, from, to, metadata = {})
      unless @allowed.fetch(from, []).include?(to)
        raise InvalidTransitionError, "#{from} → #{to} is no transition of #{@table}."
      end

      left = @database.change(<<~SQL)
        UPDATE #{@table} SET most_recent = false, updated_at = #{NOW}
        WHERE #{@key} = #{id} AND most_recent = true AND to_state = #{@database.quote(from)}
      SQL
      # only the first state may be without a row
      return false if left.zero? && from != "pending"

      insert(id, from, to, metadata) == 1
    end

    # The transaction's instant as Rails stores it.
    NOW = "(now() AT TIME ZONE 'UTC')"

    private

    def insert(id, from, to, metadata)
      texts = [to, from, JSON.generate(metadata)].map { |text| @database.quote(text) }
      @database.change(<<~SQL)
        INSERT INTO #{@table} (#{@key}, to_state, from_state, metadata, sort_key, most_recent, created_at, updated_at)
        SELECT #{id}, #{texts[0]}, #{texts[1]}, #{texts[2]}::jsonb,
          coalesce(max(sort_key), 0) + 10, true, #{NOW}, #{NOW}
        FROM #{@table} WHERE #{@key} = #{id} HAVING bool_or(most_recent) IS NOT TRUE
        ON CONFLICT DO NOTHING
      SQL
    end
  end
  private_constant :Transitions
end
