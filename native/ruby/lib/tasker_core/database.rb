# frozen_string_literal: true

module TaskerCore
  # One face for connections of ActiveRecord and of pg.
  class Database
    def self.of(connection)
      return connection if connection.is_a?(Database)
      return ActiveRecordDatabase.new(connection) if connection.respond_to?(:select_value)
      return PgDatabase.new(connection) if connection.respond_to?(:exec) && connection.respond_to?(:escape_literal)

      raise BadArgumentError, "A #{connection.class} is no connection of ActiveRecord or pg."
    end

    # Ids as an array literal: digits only, safe in any statement. nil stands for nothing.
    def self.ids(values)
      raise BadArgumentError, "Ids are a value of #{values.class}, not an Array." unless values.respond_to?(:to_ary)

      "'{#{values.to_ary.compact.map { |value| id(value) }.join(',')}}'::bigint[]"
    end

    # An id, also one that comes as text, as from a request.
    def self.id(value)
      number = value.is_a?(String) ? Integer(value, 10, exception: false) : value
      Snapshot.id(number || value)
    end

    # Makes a transaction undone, and nothing else.
    class Undo < StandardError
    end

    # Runs the block in a transaction and returns its value; one that is false undoes all of it.
    def atomically
      value = nil
      begin
        transaction { (value = yield) || raise(Undo) }
      rescue Undo
        value = nil
      end
      value
    end

    def initialize(connection) = @connection = connection
  end

  # ActiveRecord's.
  class ActiveRecordDatabase < Database
    def value(sql) = @connection.uncached { @connection.select_value(sql, "TaskerCore Load") }

    # Number of rows that the statement touched.
    def change(sql) = @connection.exec_update(sql, "TaskerCore Change")

    def quote(text) = @connection.quote(text)

    private

    def transaction(&block) = @connection.transaction(requires_new: true, &block)
  end

  # pg's.
  class PgDatabase < Database
    def value(sql)
      result = @connection.exec(sql)
      result.ntuples.zero? ? nil : result.getvalue(0, 0)
    end

    def change(sql) = @connection.exec(sql).cmd_tuples

    def quote(text) = @connection.escape_literal(text)

    private

    def transaction(&block) = @connection.transaction { block.call }
  end
  private_constant :ActiveRecordDatabase, :PgDatabase
end
