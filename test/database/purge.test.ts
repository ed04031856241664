import type pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { auditOf } from '../../src/database/audit-log.ts';
import { connect } from '../../src/database/connection.ts';
import { purgeTasks, type PurgeRequest } from '../../src/database/purge.ts';
import { parseInstant } from '../../src/graph/snapshot/instants.ts';
import { storeManyChains } from '../support/chains.ts';
import { openRepositories, type RepositoryFixture } from './repositories/fixture.ts';
import { withClient } from './with-client.ts';

const LIMIT = '2020-06-01T00:00:00Z';
const request: PurgeRequest = { actor: 'me', finishedBefore: parseInstant(LIMIT)! };

/** Tables of a task's rows, those that others refer to first, with what orders their rows. */
const TABLES = {
  tasker_tasks: 'task_id',
  tasker_core_tasks: 'task_id',
  tasker_task_annotations: 'task_annotation_id',
  tasker_task_transitions: 'id',
  tasker_workflow_steps: 'workflow_step_id',
  tasker_core_steps: 'step_id',
  tasker_workflow_step_edges: 'id',
  tasker_workflow_step_transitions: 'id',
} as const;

let fixture: RepositoryFixture;
let client: pg.Client;

beforeEach(async () => {
  fixture = await openRepositories();
  client = await connect(fixture.url);
});

afterEach(async () => {
  await client.end();
  await fixture[Symbol.asyncDispose]();
});

/** A task of two steps, with a row in every table. */
async function storeTask(state: string, at = '2020-01-01'): Promise<bigint> {
  const taskId = await fixture.newTask();
  const [first, second] = await fixture.newSteps(taskId, 'first', 'second');
  await tie(first!, second!);
  await client.query(
    `INSERT INTO tasker_workflow_step_transitions
       (workflow_step_id, to_state, sort_key, most_recent, created_at, updated_at)
     VALUES (${first}, 'complete', 10, true, '${at}', '${at}');
     INSERT INTO tasker_task_transitions (task_id, to_state, sort_key, most_recent, created_at, updated_at)
     VALUES (${taskId}, 'in_progress', 10, false, '${at}', '${at}'),
            (${taskId}, '${state}', 20, true, '${at}', '${at}');
     INSERT INTO tasker_core_tasks (task_id, fleet, correlation_id) VALUES (${taskId}, 'default', 'ü');
     INSERT INTO tasker_core_steps VALUES (${second}, '2020-01-01 00:00:00.000001');
     INSERT INTO tasker_annotation_types (name, created_at, updated_at) VALUES ('kind', now(), now())
       ON CONFLICT DO NOTHING;
     INSERT INTO tasker_task_annotations (task_id, annotation_type_id, annotation, created_at, updated_at)
     SELECT ${taskId}, annotation_type_id, '{"text": "a\\nb", "large": 12345678901234567890}', now(), now()
       FROM tasker_annotation_types`,
  );
  return taskId;
}

async function tie(from: bigint, to: bigint): Promise<void> {
  await client.query(
    `INSERT INTO tasker_workflow_step_edges (from_step_id, to_step_id, name, created_at, updated_at)
     VALUES (${from}, ${to}, 'provides', now(), now())`,
  );
}

async function stepOf(taskId: bigint): Promise<bigint> {
  const { rows } = await client.query<{ id: string }>(
    `SELECT min(workflow_step_id)::text AS id FROM tasker_workflow_steps WHERE task_id = ${taskId}`,
  );
  return BigInt(rows[0]!.id);
}

async function tasks(): Promise<bigint[]> {
  const { rows } = await client.query<{ task_id: string }>(
    'SELECT task_id FROM tasker_tasks ORDER BY task_id',
  );
  return rows.map((row) => BigInt(row.task_id));
}

/** All rows of all tables, as text. */
async function everything(): Promise<string[]> {
  const found: string[] = [];
  for (const [table, order] of Object.entries(TABLES)) {
    const { rows } = await client.query<{ row: string }>(
      `SELECT x::text AS row FROM ${table} x ORDER BY ${order}`,
    );
    found.push(...rows.map(({ row }) => `${table} ${row}`));
  }
  return found;
}

describe('a purge', () => {
  it('removes tasks that finished before the instant, with all their rows, and no others', async () => {
    await storeTask('complete');
    await storeTask('cancelled');
    await storeTask('resolved_manually');
    const kept = [
      await storeTask('error'),
      await storeTask('in_progress'),
      await storeTask('complete', LIMIT),
      await fixture.newTask(),
    ];
    const removed = { tasks: 3, steps: 6, edges: 3 };
    const counts = { ...removed, taskTransitions: 6, stepTransitions: 3, annotations: 3 };
    const before = await everything();
    const planned = await purgeTasks(client, { ...request, dryRun: true });
    expect(planned).toEqual({
      dryRun: true,
      removed: counts,
      held: 0,
      busy: 0,
      auditId: undefined,
    });
    expect(await everything()).toEqual(before);

    const seen: number[] = [];
    const done = await purgeTasks(client, {
      ...request,
      reason: 'full',
      batchTasks: 2,
      onProgress: (count) => seen.push(count),
    });
    expect(done).toMatchObject({ dryRun: false, removed: counts, held: 0, busy: 0 });
    expect(seen).toEqual([2, 3]);
    expect(await tasks()).toEqual(kept);
    const { entries } = await auditOf(client);
    expect(entries).toMatchObject([
      {
        auditId: done.auditId,
        action: 'task.purge',
        actor: 'me',
        reason: 'full',
        details: {
          finished_before: '2020-06-01T00:00:00.000000Z',
          removed: counts,
          archived: false,
        },
      },
    ]);
    expect(await purgeTasks(client, request)).toMatchObject({ removed: { tasks: 0 } });

    await purgeTasks(client, { ...request, includeFailed: true });
    expect(await tasks()).toEqual(kept.slice(1));
  });

  it('keeps to a namespace', async () => {
    const taskId = await storeTask('complete');
    const other = await storeTask('complete');
    await client.query(
      `INSERT INTO tasker_task_namespaces (name, created_at, updated_at) VALUES ('shop', now(), now());
       UPDATE tasker_named_tasks SET task_namespace_id = currval('tasker_task_namespaces_task_namespace_id_seq')
        WHERE named_task_id = (SELECT named_task_id FROM tasker_tasks WHERE task_id = ${taskId})`,
    );
    expect(await purgeTasks(client, { ...request, namespace: 'none' })).toMatchObject({
      removed: { tasks: 0 },
    });
    await purgeTasks(client, { ...request, namespace: 'shop' });
    expect(await tasks()).toEqual([other]);
  });

  it('archives rows from which all that was removed can be put back', async () => {
    await storeTask('complete');
    await storeTask('cancelled');
    const before = await everything();
    const written: string[] = [];
    let flushed = 0;
    const archive = {
      write: async (lines: string) => void written.push(lines),
      flush: async () => void (flushed = written.length),
    };
    await purgeTasks(client, { ...request, archive });
    expect(await everything()).toEqual([]);
    const lines = written.join('').split('\n');
    expect(lines.pop()).toBe('');
    expect(flushed).toBe(written.length);
    expect(lines).toHaveLength(before.length);
    for (const line of lines) {
      const { table } = JSON.parse(line) as { table: string };
      await client.query(
        `INSERT INTO ${table} SELECT (jsonb_populate_record(NULL::${table}, $1::jsonb -> 'row')).*`,
        [line],
      );
    }
    expect(await everything()).toEqual(before);
  });

  it('removes nothing that the archive does not take', async () => {
    await storeTask('complete');
    const before = await everything();
    const archive = {
      write: async () => undefined,
      flush: () => Promise.reject(new Error('the disk is full')),
    };
    await expect(purgeTasks(client, { ...request, archive })).rejects.toThrow('the disk is full');
    expect(await everything()).toEqual(before);
    expect((await auditOf(client)).entries).toEqual([]);
  });

  it('keeps a task while an edge ties it to one that stays', async () => {
    const parent = await storeTask('complete');
    const child = await storeTask('in_progress');
    await tie(await stepOf(parent), await stepOf(child));
    for (const dryRun of [true, false]) {
      expect(await purgeTasks(client, { ...request, dryRun })).toMatchObject({
        removed: { tasks: 0 },
        held: 1,
      });
    }
    await client.query(
      `UPDATE tasker_task_transitions SET to_state = 'complete' WHERE task_id = ${child} AND most_recent`,
    );
    // each in a batch of its own: the edge goes with the first
    expect(await purgeTasks(client, { ...request, batchTasks: 1 })).toMatchObject({
      removed: { tasks: 2, edges: 3 },
      held: 0,
    });
  });

  it('waits for nobody and takes nothing that changed meanwhile', async () => {
    const locked = await storeTask('complete');
    const changed = await storeTask('error');
    await storeTask('complete');
    await withClient(fixture.url, async (other) => {
      await other.query(`BEGIN; SELECT FROM tasker_tasks WHERE task_id = ${locked} FOR KEY SHARE`);
      // between the choice and the lock, an operator redrives the failed task
      const changing = {
        query: async (config: pg.QueryConfig | string) => {
          if (typeof config === 'object' && config.name === 'tasker_purge_lock') {
            await other.query(
              `UPDATE tasker_task_transitions SET to_state = 'pending' WHERE task_id = ${changed} AND most_recent;
               COMMIT;
               BEGIN; SELECT FROM tasker_tasks WHERE task_id = ${locked} FOR KEY SHARE`,
            );
          }
          return client.query(config as pg.QueryConfig);
        },
        getTransactionStatus: () => client.getTransactionStatus(),
      } as unknown as pg.Client;
      const done = await purgeTasks(changing, { ...request, includeFailed: true });
      expect(done).toMatchObject({ removed: { tasks: 1 }, held: 0, busy: 2 });
      await other.query('ROLLBACK');
    });
    expect(await tasks()).toEqual([locked, changed]);
  });

  it('stops between two batches, with a journal that says how far it came', async () => {
    for (let count = 0; count < 3; count++) await storeTask('complete');
    const stop = new AbortController();
    const done = await purgeTasks(client, {
      ...request,
      batchTasks: 1,
      signal: stop.signal,
      onProgress: () => stop.abort(),
    });
    expect(done.removed.tasks).toBe(1);
    expect(await tasks()).toHaveLength(2);
    const { entries } = await auditOf(client);
    expect(entries).toMatchObject([{ details: { removed: { tasks: 1 } } }]);
  });

  it('reads no large table from end to end', async () => {
    await storeManyChains(client);
    await client.query(
      `UPDATE tasker_task_transitions SET to_state = 'complete', created_at = '2020-01-01' WHERE most_recent;
       ANALYZE`,
    );
    const asked: pg.QueryConfig[] = [];
    const recording = {
      query: async (config: pg.QueryConfig | string) => {
        if (typeof config === 'object') asked.push(config);
        return client.query(config as pg.QueryConfig);
      },
      getTransactionStatus: () => client.getTransactionStatus(),
    } as unknown as pg.Client;
    // of a hundred tasks so small a database is rightly read whole
    const few = { ...request, batchTasks: 2 };
    await client.query('BEGIN');
    for (const dryRun of [true, false]) {
      const stop = new AbortController();
      const onProgress = (): void => stop.abort();
      await purgeTasks(recording, { ...few, dryRun, signal: stop.signal, onProgress });
    }
    expect(await tasks()).toHaveLength(3998);
    await client.query('ROLLBACK');
    const statements = new Map(asked.map((statement) => [statement.name, statement]));
    for (const { text, values = [] } of statements.values()) {
      if (!/^\s*(WITH|SELECT|DELETE)/.test(text)) continue;
      const { rows } = await client.query<{ 'QUERY PLAN': string }>(`EXPLAIN ${text}`, values);
      const lines = rows.map((row) => row['QUERY PLAN'].trim());
      expect(
        lines.filter((line) => /Seq Scan on tasker_(workflow|task_t|tasks)/.test(line)),
      ).toEqual([]);
    }
  });

  it.each([
    { finishedBefore: Number.NaN },
    { finishedBefore: Infinity },
    { actor: '' },
    { namespace: '\0' },
    { batchTasks: 0 },
    { batchTasks: 1.5 },
    { batchTasks: 10_001 },
  ])('refuses %j', async (wrong) => {
    await expect(purgeTasks(client, { ...request, ...wrong })).rejects.toMatchObject({
      code: 'TASKER_BAD_ARGUMENT',
    });
  });
});
