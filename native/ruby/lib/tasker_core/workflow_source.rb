# frozen_string_literal: true

require "json"

module TaskerCore
  # Loads tasks from the tables of the Rails engine, in one query.
  class WorkflowSource
    # What was loaded: a Snapshot, the database's clock (µs since the epoch), names by named step, and the
    # columns of the edges.
    Workflows = Struct.new(:snapshot, :now, :names, :edges) do
      def resolve(**question) = snapshot.resolve(now: now, **question)
    end

    # A connection of ActiveRecord or pg.
    def initialize(connection)
      @database = Database.of(connection)
    end

    # The listed tasks (Workflows); unknown ids are passed over. Times without a zone are taken for UTC,
    # which is what Rails stores. O(rows).
    def load(task_ids)
      found = JSON.parse(@database.value(query(Database.ids(task_ids))))
      edges = table(found["edges"], %i[from_step_id to_step_id])
      steps = table(found["steps"], STEPS)
      INSTANTS.each { |name| steps[name] = instants(steps[name]) }
      snapshot = Snapshot.new(
        tasks: table(found["tasks"], %i[task_id named_task_id state]),
        steps: steps, edges: edges, foreign_steps: true
      )
      names = found["names"].to_h
      Workflows.new(snapshot, found["now"], names, edges)
    end

    private

    STEPS = %i[
      workflow_step_id task_id named_step_id attempts retry_limit retryable in_process processed
      backoff_request_seconds last_attempted_at state transitioned_at
    ].freeze
    INSTANTS = %i[last_attempted_at transitioned_at].freeze
    private_constant :STEPS, :INSTANTS

    # No row at all is null in JSON.
    def table(found, names) = names.to_h { |name| [name, found[name.to_s] || []] }

    # PostgreSQL's infinite times come as text.
    def instants(values)
      return values unless values.any?(String)

      values.map { |value| value.is_a?(String) ? (value.start_with?("-") ? -Float::INFINITY : Float::INFINITY) : value }
    end

    def micros(column) = "round(extract(epoch FROM #{column}) * 1000000)"

    def columns(from, names)
      pairs = names.map { |name| "'#{name}', json_agg(#{name})" }
      "(SELECT json_build_object(#{pairs.join(', ')}) FROM #{from})"
    end

    # A step of another task is loaded where an edge comes from it.
    def query(ids)
      <<~SQL
        WITH own AS MATERIALIZED (
          SELECT s.* FROM tasker_workflow_steps s WHERE s.task_id = ANY(#{ids})
        ), edges AS MATERIALIZED (
          SELECT e.from_step_id, e.to_step_id
          FROM own JOIN tasker_workflow_step_edges e ON e.to_step_id = own.workflow_step_id
        ), involved AS (
          SELECT * FROM own
          UNION ALL
          SELECT s.* FROM tasker_workflow_steps s
          WHERE s.task_id <> ALL(#{ids}) AND s.workflow_step_id IN (SELECT from_step_id FROM edges)
        ), steps AS (
          SELECT s.workflow_step_id, s.task_id, s.named_step_id, s.attempts, s.retry_limit, s.retryable,
            s.in_process, s.processed, s.backoff_request_seconds,
            #{micros('s.last_attempted_at')} AS last_attempted_at,
            t.to_state AS state, #{micros('t.created_at')} AS transitioned_at
          FROM involved s
          LEFT JOIN tasker_workflow_step_transitions t
            ON t.workflow_step_id = s.workflow_step_id AND t.most_recent = true
          ORDER BY s.task_id, s.workflow_step_id
        ), tasks AS (
          SELECT t.task_id, t.named_task_id, tt.to_state AS state
          FROM tasker_tasks t
          LEFT JOIN tasker_task_transitions tt ON tt.task_id = t.task_id AND tt.most_recent = true
          WHERE t.task_id = ANY(#{ids}) ORDER BY t.task_id
        )
        SELECT json_build_object(
          'now', #{micros('now()')},
          'tasks', #{columns('tasks', %i[task_id named_task_id state])},
          'steps', #{columns('steps', STEPS)},
          'edges', #{columns('edges', %i[from_step_id to_step_id])},
          'names', (SELECT json_agg(json_build_array(n.named_step_id, n.name)) FROM tasker_named_steps n
                    WHERE n.named_step_id IN (SELECT named_step_id FROM own))
        )::text
      SQL
    end
  end
end
