import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { connect } from '../../src/database/connection.ts';
import {
  railsDependencyLevels,
  railsStepReadiness,
  railsTaskContext,
} from '../../src/database/repositories/rails-queries.ts';
import { readyStepIds } from '../../src/database/repositories/ready-ids-query.ts';
import { installRailsFunctions } from '../../src/migrations/rails-functions.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

describe('SQL functions on rows of our own', () => {
  let database: TestDatabase;
  let client: pg.Client;

  beforeAll(async () => {
    database = await createTestDatabase();
    client = await connect(database.url);
    await installRailsFunctions(client);
    await client.query(`
      INSERT INTO tasker_task_namespaces VALUES (1, 'default', NULL, NOW(), NOW()), (2, 'other', NULL, NOW(), NOW());
      INSERT INTO tasker_dependent_systems VALUES (1, 'unknown', NULL, NOW(), NOW());
      INSERT INTO tasker_named_tasks (named_task_id, name, task_namespace_id, version, created_at, updated_at)
        VALUES (1, 'a', 1, '1.0.0', NOW(), NOW()), (2, 'a', 2, '2.0.0', NOW(), NOW());
      INSERT INTO tasker_named_steps SELECT n, 1, 'step_' || n, NULL, NOW(), NOW() FROM generate_series(1, 40) AS n;
    `);
  });

  afterAll(async () => {
    await client.end();
    await database.drop();
  });

  /** Task `id` (odd ids in namespace other) created 30 minutes ago, its steps 20 minutes ago. */
  async function addTask(
    id: number,
    steps: readonly number[],
    edges: readonly (readonly [number, number])[] = [],
  ): Promise<void> {
    await client.query(
      `INSERT INTO tasker_tasks (task_id, named_task_id, requested_at, identity_hash, created_at, updated_at)
       VALUES ($1::bigint, 1 + $1::bigint % 2, NOW(), $1::bigint, NOW() - interval '30 minutes', NOW())`,
      [id],
    );
    await client.query(
      `INSERT INTO tasker_workflow_steps (workflow_step_id, task_id, named_step_id, created_at, updated_at)
       SELECT id, $1, 1 + id % 40, NOW() - interval '20 minutes', NOW() FROM unnest($2::bigint[]) AS id`,
      [id, steps],
    );
    await client.query(
      `INSERT INTO tasker_workflow_step_edges (from_step_id, to_step_id, name, created_at, updated_at)
       SELECT parent, child, 'provides', NOW(), NOW() FROM unnest($1::bigint[], $2::bigint[]) AS edge(parent, child)`,
      [edges.map(([parent]) => parent), edges.map(([, child]) => child)],
    );
  }

  async function enter(step: number, state: string, secondsAgo: number): Promise<void> {
    await client.query(
      'UPDATE tasker_workflow_step_transitions SET most_recent = false WHERE workflow_step_id = $1',
      [step],
    );
    await client.query(
      `INSERT INTO tasker_workflow_step_transitions (workflow_step_id, to_state, sort_key, created_at, updated_at)
       SELECT $1::bigint, $2, 10 + 10 * count(*), NOW() - make_interval(secs => $3), NOW()
       FROM tasker_workflow_step_transitions WHERE workflow_step_id = $1::bigint`,
      [step, state, secondsAgo],
    );
  }

  it('hold a failure wait at 30 seconds for any number of attempts', async () => {
    await addTask(1, [101, 102, 103, 104]);
    for (const step of [101, 102, 103, 104]) await enter(step, 'error', 28);
    await client.query(`
      UPDATE tasker_workflow_steps SET retry_limit = 2147483647, attempts = CASE workflow_step_id
        WHEN 101 THEN 44 WHEN 102 THEN 2147483646 WHEN 103 THEN -2147483648 END
      WHERE task_id = 1`);
    const { rows } = await client.query(
      `SELECT workflow_step_id AS id, ready_for_execution AS ready,
              extract(epoch FROM next_retry_at - last_failure_at)::float8 AS wait
       FROM get_step_readiness_status_batch('{1}') ORDER BY id`,
    );
    expect(rows).toEqual([
      { id: '101', ready: false, wait: 30 },
      { id: '102', ready: false, wait: 30 },
      { id: '103', ready: true, wait: 0 },
      { id: '104', ready: true, wait: 2 },
    ]);
    expect((await readyStepIds(client, [1n])).toSorted()).toEqual(['103', '104']);
    expect((await readyStepIds(client)).toSorted()).toEqual(['103', '104']);
  });

  it('answer alike in a session of any time zone', async () => {
    await addTask(2, [201, 202]);
    await enter(201, 'error', 3);
    await enter(202, 'error', 0);
    await client.query('UPDATE tasker_workflow_steps SET attempts = 1 WHERE task_id = 2');
    for (const zone of ['America/New_York', 'Asia/Tokyo', 'UTC']) {
      await client.query(`SET TIME ZONE '${zone}'`);
      const rows = await railsStepReadiness(client, 2n);
      expect(
        rows.filter((row) => row.ready_for_execution).map((row) => row.workflow_step_id),
      ).toEqual(['201']);
      expect(await readyStepIds(client, [2n])).toEqual(['201']);
    }
  });

  it('count no waiting inside one open transaction', async () => {
    await addTask(8, [801]);
    await client.query(
      'UPDATE tasker_workflow_steps SET last_attempted_at = NOW(), backoff_request_seconds = 0 WHERE task_id = 8',
    );
    await client.query('BEGIN');
    await client.query(
      `UPDATE tasker_workflow_steps SET last_attempted_at = NOW() + interval '1 microsecond' WHERE task_id = 8`,
    );
    await client.query('SELECT pg_sleep(0.001)');
    expect(await readyStepIds(client, [8n])).toEqual([]);
    expect((await railsTaskContext(client, 8n))?.ready_steps).toBe('0');
    await client.query('ROLLBACK');
    expect((await railsTaskContext(client, 8n))?.ready_steps).toBe('1');
  });

  it('report a circle that a root leads into, and leave out one that no root reaches', async () => {
    await addTask(
      3,
      [301, 302, 303, 304],
      [
        [301, 302],
        [302, 303],
        [303, 304],
        [304, 302],
      ],
    );
    await expect(railsDependencyLevels(client, 3n)).rejects.toThrow(/task 3 .*circle: 3 of them/);
    expect((await railsTaskContext(client, 3n))?.ready_steps).toBe('1');
    await addTask(
      4,
      [401, 402, 403],
      [
        [402, 403],
        [403, 402],
      ],
    );
    expect(await railsDependencyLevels(client, 4n)).toEqual([
      { workflow_step_id: '401', dependency_level: 0 },
    ]);
  });

  it('have the levels of a long chain and of stacked diamonds', async () => {
    const chain = Array.from({ length: 10_000 }, (_, index) => 10_000 + index);
    await addTask(
      5,
      chain,
      chain.slice(1).map((step) => [step - 1, step] as const),
    );
    expect((await railsDependencyLevels(client, 5n)).at(-1)).toEqual({
      workflow_step_id: '19999',
      dependency_level: 9_999,
    });
    const tops = Array.from({ length: 200 }, (_, index) => 30_000 + index * 3);
    const edges = tops.flatMap((top): [number, number][] => [
      [top, top + 1],
      [top, top + 2],
      [top + 1, top + 3],
      [top + 2, top + 3],
    ]);
    const last = 30_000 + tops.length * 3;
    await addTask(6, [...tops.flatMap((top) => [top, top + 1, top + 2]), last], edges);
    expect((await railsDependencyLevels(client, 6n)).at(-1)).toEqual({
      workflow_step_id: String(last),
      dependency_level: 400,
    });
  });

  it('count health, slowest and analytics by what they mean', async () => {
    // One transaction has one NOW(), so that durations are exact.
    await client.query('BEGIN');
    await addTask(7, [701, 702, 703]);
    await enter(701, 'in_progress', 1100);
    await enter(701, 'complete', 1000);
    await enter(702, 'in_progress', 900);
    await enter(702, 'error', 800);
    await enter(703, 'in_progress', 700);
    await client.query(`INSERT INTO tasker_task_transitions (task_id, to_state, sort_key, created_at, updated_at)
      VALUES (1, 'error', 10, NOW(), NOW()), (2, 'complete', 10, NOW(), NOW()), (7, 'in_progress', 10, NOW(), NOW())`);

    const { rows: all } = await client.query<{ tasks: string; steps: string }>(
      'SELECT (SELECT count(*) FROM tasker_tasks) AS tasks, (SELECT count(*) FROM tasker_workflow_steps) AS steps',
    );
    const tasks = Number(all[0]?.tasks);
    const { rows: health } = await client.query<Record<string, string>>(
      'SELECT * FROM get_system_health_counts_v01()',
    );
    expect(health).toEqual([
      {
        total_tasks: String(tasks),
        pending_tasks: String(tasks - 3),
        in_progress_tasks: '1',
        complete_tasks: '1',
        error_tasks: '1',
        cancelled_tasks: '0',
        total_steps: all[0]?.steps,
        pending_steps: String(Number(all[0]?.steps) - 9),
        in_progress_steps: '1',
        complete_steps: '1',
        error_steps: '7',
        retryable_error_steps: '7',
        exhausted_retry_steps: '0',
        in_backoff_steps: '0',
        active_connections: expect.stringMatching(/^[1-9]/),
        max_connections: expect.stringMatching(/^[1-9]/),
      },
    ]);

    const slowTasks = (arguments_: string) =>
      client.query(`SELECT * FROM get_slowest_tasks_v01(${arguments_})`);
    expect(
      (
        await slowTasks(
          "namespace_filter => 'other', version_filter => '2.0.0', task_name_filter => 'a'",
        )
      ).rows,
    ).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          task_id: '7',
          task_name: 'a',
          namespace_name: 'other',
          version: '2.0.0',
          step_count: '3',
          completed_steps: '1',
          error_steps: '1',
          duration_seconds: '1000.000',
        }),
      ]),
    );
    expect((await slowTasks('NOW()')).rows).toEqual([]);
    expect((await slowTasks('limit_count => 1')).rows).toHaveLength(1);
    expect((await slowTasks('limit_count => NULL')).rows).toHaveLength(3);
    const slowSteps = (arguments_: string) =>
      client.query(`SELECT * FROM get_slowest_steps_v01(${arguments_})`);
    expect((await slowSteps('')).rows).toEqual([
      expect.objectContaining({
        workflow_step_id: '701',
        step_name: 'step_22',
        duration_seconds: '200.000',
        step_status: 'complete',
        completed_at: expect.stringMatching(/\+00$/),
      }),
    ]);
    expect((await slowSteps("namespace_filter => 'default'")).rows).toEqual([]);

    const analytics = (since: string) =>
      client.query(`SELECT * FROM get_analytics_metrics_v01(${since})`);
    expect((await analytics("NOW() - interval '2 hours'")).rows).toEqual([
      expect.objectContaining({
        active_tasks_count: '1',
        total_namespaces_count: '2',
        unique_task_types_count: '1',
        system_health_score: '0.250',
        task_throughput: String(tasks),
        completion_count: '1',
        error_count: '3',
        completion_rate: (100 / tasks).toFixed(2),
        error_rate: (300 / tasks).toFixed(2),
        avg_task_duration: '800.000',
        avg_step_duration: '200.000',
        step_throughput: all[0]?.steps,
      }),
    ]);
    expect((await analytics('NOW()')).rows).toEqual([
      expect.objectContaining({
        task_throughput: '0',
        completion_rate: '0.0',
        error_rate: '0.0',
        avg_task_duration: '0',
        avg_step_duration: '0',
        step_throughput: '0',
        system_health_score: '0.250',
      }),
    ]);
    await client.query('ROLLBACK');
  });
});

describe('installRailsFunctions', () => {
  it("has the contract's interface, can be repeated, and is undone with the transaction it joins", async () => {
    await using database = await createTestDatabase();
    const client = await connect(database.url);
    const listing = `SELECT proname || '(' || pg_get_function_arguments(oid) || ')' AS signature, provolatile AS volatility
      FROM pg_proc WHERE pronamespace = 'public'::regnamespace ORDER BY 1`;
    await client.query('BEGIN');
    await installRailsFunctions(client);
    await client.query('ROLLBACK');
    expect((await client.query(listing)).rows).toEqual([]);
    await installRailsFunctions(client);
    await installRailsFunctions(client);
    const filters = [
      'since_timestamp timestamp with time zone DEFAULT NULL::timestamp with time zone, limit_count integer DEFAULT 10',
      'namespace_filter text DEFAULT NULL::text, task_name_filter text DEFAULT NULL::text, version_filter text DEFAULT NULL::text',
    ].join(', ');
    const signatures = [
      'calculate_dependency_levels(input_task_id bigint)',
      'get_analytics_metrics_v01(since_timestamp timestamp with time zone DEFAULT NULL::timestamp with time zone)',
      `get_slowest_steps_v01(${filters})`,
      `get_slowest_tasks_v01(${filters})`,
      'get_step_readiness_status(input_task_id bigint, step_ids bigint[] DEFAULT NULL::bigint[])',
      'get_step_readiness_status_batch(input_task_ids bigint[])',
      'get_system_health_counts_v01()',
      'get_task_execution_context(input_task_id bigint)',
      'get_task_execution_contexts_batch(input_task_ids bigint[])',
    ];
    const { rows } = await client.query<{ signature: string; volatility: string }>(listing);
    expect(rows.toSorted((a, b) => (a.signature < b.signature ? -1 : 1))).toEqual(
      signatures.map((signature) => ({ signature, volatility: 's' })),
    );
    await client.end();
  });

  it('replaces an older one of ours, but not a stranger with other columns', async () => {
    await using database = await createTestDatabase();
    const client = await connect(database.url);
    const older = (comment: string): string => `
      DROP FUNCTION IF EXISTS calculate_dependency_levels(bigint);
      CREATE FUNCTION calculate_dependency_levels(input_task_id bigint) RETURNS TABLE (depth integer)
        LANGUAGE sql AS 'SELECT 1';
      COMMENT ON FUNCTION calculate_dependency_levels(bigint) IS '${comment}'`;
    await client.query(older('somebody else'));
    await expect(installRailsFunctions(client)).rejects.toMatchObject({
      code: 'TASKER_SCHEMA_CONFLICT',
      message: expect.stringContaining('calculate_dependency_levels'),
    });
    const count =
      "SELECT count(*)::int AS n FROM pg_proc WHERE pronamespace = 'public'::regnamespace";
    expect((await client.query(count)).rows).toEqual([{ n: 1 }]);
    await client.query(older('tasker-core: an older one'));
    await installRailsFunctions(client);
    const { fields } = await client.query('SELECT * FROM calculate_dependency_levels(1)');
    expect(fields.map((field) => field.name)).toEqual(['workflow_step_id', 'dependency_level']);
    await client.end();
  });
});
