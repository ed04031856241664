import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type pg from 'pg';

import { connect } from '../../src/database/connection.ts';
import { FEW_TASKS } from '../../src/database/snapshot/few-tasks.ts';
import {
  createReadinessRepository,
  type ReadinessRepository,
} from '../../src/database/repositories/readiness-repository.ts';
import { migrate } from '../../src/database/schema/migrate.ts';
import { railsStepReadiness } from '../../src/database/repositories/rails-queries.ts';
import { installRailsFunctions } from '../../src/migrations/rails-functions.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { loadGolden } from '../support/golden.ts';

let database: TestDatabase;
let client: pg.Client;
let repository: ReadinessRepository;
let taskIds: bigint[];

beforeAll(async () => {
  database = await createTestDatabase();
  client = await connect(database.url);
  await loadGolden(client, 'plain');
  await loadGolden(client, 'tangled');
  await installRailsFunctions(client);
  repository = createReadinessRepository(client);
  const { rows } = await client.query<{ id: string }>(
    'SELECT task_id AS id FROM tasker_tasks ORDER BY task_id',
  );
  taskIds = rows.map((row) => BigInt(row.id));
});

afterAll(async () => {
  await client?.end();
  await database?.drop();
});

const FUNCTIONS = {
  readiness: `SELECT * FROM get_step_readiness_status_batch($1::bigint[])
    ORDER BY task_id, workflow_step_id`,
  contexts: 'SELECT * FROM get_task_execution_contexts_batch($1::bigint[]) ORDER BY task_id',
} as const;

/** Rows of a SQL function in our form: ids as bigint, counts as numbers, instants as ISO text. */
async function sqlRows(name: keyof typeof FUNCTIONS, ids: readonly bigint[]): Promise<unknown[]> {
  const { rows } = await client.query<Record<string, unknown>>(FUNCTIONS[name], [
    `{${ids.join(',')}}`,
  ]);
  return rows.map(inOurForm);
}

function inOurForm(row: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(row).map(([key, value]: [string, unknown]) => {
      if (typeof value !== 'string') return [key, value];
      if (key === 'task_id' || key === 'workflow_step_id') return [key, BigInt(value)];
      if (key.endsWith('_steps')) return [key, Number(value)];
      if (!key.endsWith('_at')) return [key, value];
      const [day, time = ''] = value.split(' ');
      const [seconds, fraction = ''] = time.split('.');
      return [key, `${day}T${seconds}.${fraction.padEnd(6, '0')}Z`];
    }),
  );
}

describe('the same rows as the SQL functions', () => {
  test('readiness of all tasks, in one batch', async () => {
    const ours = await repository.stepReadinessBatch(taskIds);
    expect(ours.length).toBe(3027);
    expect(ours).toEqual(await sqlRows('readiness', taskIds));
  });

  test('readiness of each task alone', async () => {
    for (const id of taskIds.filter((_, at) => at % 3 === 0)) {
      expect(await repository.stepReadiness(id)).toEqual(await sqlRows('readiness', [id]));
    }
  });

  test('a batch of just so many tasks as one statement takes, and one more', async () => {
    for (const count of [2, FEW_TASKS, FEW_TASKS + 1]) {
      const ids = taskIds.slice(10, 10 + count);
      expect(await repository.stepReadinessBatch(ids)).toEqual(await sqlRows('readiness', ids));
    }
  });

  test('contexts, single and batch, repeated and unknown ids', async () => {
    expect(await repository.taskExecutionContexts(taskIds)).toEqual(
      await sqlRows('contexts', taskIds),
    );
    const [first, second] = taskIds as [bigint, bigint];
    const odd = [second, first, 5n, second];
    expect(await repository.taskExecutionContexts(odd)).toEqual(await sqlRows('contexts', odd));
    expect(await repository.taskExecutionContext(first)).toEqual(
      (await sqlRows('contexts', [first]))[0],
    );
  });

  test('levels, by level, then step', async () => {
    for (const id of taskIds.filter((_, at) => at % 5 === 0)) {
      const sql = await client.query<{ workflow_step_id: string; dependency_level: number }>(
        'SELECT * FROM calculate_dependency_levels($1)',
        [String(id)],
      );
      expect(await repository.dependencyLevels(id)).toEqual(
        sql.rows.map((row) => ({ ...row, workflow_step_id: BigInt(row.workflow_step_id) })),
      );
    }
  });

  test('some steps of a task: all parents count, foreign ids and repeats do not', async () => {
    const [task] = taskIds.filter((_, at) => at === 2) as [bigint];
    const all = await repository.stepReadiness(task);
    const ids = all.slice(1).map((row) => row.workflow_step_id);
    const some = await repository.stepReadiness(task, [...ids, ...ids, 1n]);
    expect(some).toEqual(all.slice(1));
    const sql = (await railsStepReadiness(client, task, ids)).map(inOurForm);
    expect(some).toEqual(
      sql.toSorted((a, b) => Number(a['workflow_step_id']) - Number(b['workflow_step_id'])),
    );
  });
});

describe('edges of the interface', () => {
  test('unknown ids and empty lists give no row', async () => {
    expect(await repository.stepReadiness(5n)).toEqual([]);
    expect(await repository.stepReadiness(taskIds[0] as bigint, [])).toEqual([]);
    expect(await repository.stepReadinessBatch([])).toEqual([]);
    expect(await repository.taskExecutionContext(5n)).toBeUndefined();
    expect(await repository.taskExecutionContexts([])).toEqual([]);
    expect(await repository.dependencyLevels(5n)).toEqual([]);
  });

  test('calls at the same time follow each other on the one client', async () => {
    const answers = await Promise.all([
      repository.stepReadinessBatch(taskIds),
      repository.stepReadiness(taskIds[3] as bigint),
      repository.taskExecutionContexts(taskIds),
    ]);
    expect(answers.map((rows) => rows.length)).toEqual([
      3027,
      (await sqlRows('readiness', [taskIds[3] as bigint])).length,
      taskIds.length,
    ]);
  });

  test('a root that leads into a cycle: the error names the path', async () => {
    await client.query('BEGIN');
    const { rows } = await client.query<{ id: string }>(
      `SELECT workflow_step_id AS id FROM tasker_workflow_steps WHERE task_id = (
        SELECT task_id FROM tasker_workflow_steps GROUP BY 1 HAVING count(*) > 5 ORDER BY 1 LIMIT 1)
        ORDER BY 1`,
    );
    const [root, a, b] = rows.map((row) => row.id) as [string, string, string];
    await client.query(
      `DELETE FROM tasker_workflow_step_edges WHERE to_step_id = ANY($1) OR from_step_id = ANY($1)`,
      [[root, a, b]],
    );
    await client.query(
      `INSERT INTO tasker_workflow_step_edges (from_step_id, to_step_id, name, created_at, updated_at)
        SELECT f, t, 'provides', now(), now() FROM unnest($1::bigint[], $2::bigint[]) AS e(f, t)`,
      [
        [root, a, b],
        [a, b, a],
      ],
    );
    const task = await client.query<{ id: string }>(
      'SELECT task_id AS id FROM tasker_workflow_steps WHERE workflow_step_id = $1',
      [root],
    );
    const error = await repository
      .dependencyLevels(BigInt(task.rows[0]!.id))
      .catch((caught: unknown) => caught);
    await client.query('ROLLBACK');
    expect(error).toMatchObject({ code: 'TASKER_CYCLE' });
    const { path } = (error as { data: { path: string[] } }).data;
    expect(path.toSorted()).toEqual([a, b].toSorted());
  });

  test('engine rules', async () => {
    const engine = createReadinessRepository(client, { rules: 'engine' });
    const rows = await engine.stepReadinessBatch(taskIds);
    expect(rows.length).toBeGreaterThan(2500);
    expect(rows.length).toBeLessThan(3027); // tasks with a cycle are set apart
  });

  test('a database without the tables, and the same once it has them', async () => {
    await using empty = await createTestDatabase({ migrated: false });
    const other = await connect(empty.url);
    try {
      const early = createReadinessRepository(other);
      for (const attempt of [1n, 2n]) {
        await expect(early.stepReadiness(attempt)).rejects.toMatchObject({
          code: 'TASKER_NOT_TASKER_DATABASE',
        });
      }
      await migrate({ url: empty.url });
      expect(await early.stepReadiness(1n)).toEqual([]);
    } finally {
      await other.end();
    }
  });
});

describe('instants', () => {
  const rowsOf = async (): Promise<unknown[]> => {
    const row = await repository.stepReadinessBatch(taskIds.slice(0, FEW_TASKS));
    const others = await repository.stepReadinessBatch(taskIds.slice(0, FEW_TASKS + 1));
    expect(others.slice(0, row.length)).toEqual(row);
    return row;
  };

  test("do not depend on the session's way of writing dates", async () => {
    const expected = await rowsOf();
    for (const style of ['SQL, DMY', 'German', 'Postgres, MDY']) {
      await client.query(`SET DateStyle = '${style}'`);
      try {
        expect(await rowsOf()).toEqual(expected);
      } finally {
        await client.query("SET DateStyle = 'ISO, MDY'");
      }
    }
  });

  test.each([
    ['4713-11-25 00:00:00 BC', '4713-11-25T00:00:00.000000Z BC'],
    ['0044-03-15 12:00:00.5 BC', '0044-03-15T12:00:00.500000Z BC'],
    ['0001-01-01 00:00:00', '0001-01-01T00:00:00.000000Z'],
    ['2026-11-23 03:53:17.824585', '2026-11-23T03:53:17.824585Z'],
    ['275761-01-01 00:00:00', '275761-01-01T00:00:00.000000Z'],
    ['294276-12-31 00:00:00', '294276-12-31T00:00:00.000000Z'],
    ['infinity', 'infinity'],
    ['-infinity', '-infinity'],
  ])('%s comes as %s', async (stored, expected) => {
    await client.query('BEGIN');
    try {
      await client.query('UPDATE tasker_workflow_steps SET last_attempted_at = $1', [stored]);
      const rows = (await rowsOf()) as { last_attempted_at: string }[];
      expect(new Set(rows.map((row) => row.last_attempted_at))).toEqual(new Set([expected]));
    } finally {
      await client.query('ROLLBACK');
    }
  });
});
