import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { loadFewTasks } from '../../src/database/snapshot/few-tasks.ts';
import { databaseSource } from '../../src/database/snapshot/snapshot-loader.ts';
import { createReadinessRepository } from '../../src/database/repositories/readiness-repository.ts';
import { rowsSource } from '../../src/resolver/sources/rows-source.ts';
import { answersOf } from '../support/answers.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { loadGolden } from '../support/golden.ts';
import { tasker } from '../cli/tasker.ts';
import { withClient } from './with-client.ts';

const LATE = '9999-12-31 23:59:59.999999';
let database: TestDatabase;
/** A step that failed and has an attempt, and its task. */
let failed: { step: string; task: string };

beforeAll(async () => {
  database = await createTestDatabase();
  await withClient(database.url, async (client) => {
    await loadGolden(client, 'plain');
    const { rows } = await client.query<{ step: string; task: string }>(
      `SELECT s.workflow_step_id AS step, s.task_id AS task FROM tasker_workflow_steps s
        JOIN tasker_workflow_step_transitions t USING (workflow_step_id)
        WHERE t.most_recent AND t.to_state = 'error' ORDER BY 1 LIMIT 1`,
    );
    failed = rows[0]!;
  });
});

afterAll(() => database?.drop());

const CHANGES = {
  last_attempted_at: () =>
    `UPDATE tasker_workflow_steps SET last_attempted_at = '${LATE}' WHERE workflow_step_id = ${failed.step}`,
  created_at: () =>
    `UPDATE tasker_workflow_step_transitions SET created_at = '${LATE}'
      WHERE workflow_step_id = ${failed.step} AND most_recent`,
};

describe.each(['last_attempted_at', 'created_at'] as const)('a stored %s', (column) => {
  test('that a double does not hold sets its task apart and no other', async () => {
    await withClient(database.url, async (client) => {
      await client.query('BEGIN');
      await client.query(CHANGES[column]());
      const { summary, contexts } = await answersOf(databaseSource({ clients: [client] }), {
        backend: 'inline',
      });
      expect(summary.problems).toMatchObject([
        { code: 'TASKER_BAD_ROW', taskId: BigInt(failed.task), refused: true },
      ]);
      expect(summary.problems[0]?.message).toContain(`${column} 9999-12-31T23:59:59.999999Z`);
      expect(summary.counts.tasksSetApart).toBe(1);
      expect(contexts).toHaveLength(summary.read.tasks - 1);
      const few = await loadFewTasks(client, [BigInt(failed.task)], true);
      expect(few?.problems).toStrictEqual(summary.problems);
      const repository = createReadinessRepository(client);
      await expect(repository.stepReadiness(BigInt(failed.task))).rejects.toMatchObject({
        code: 'TASKER_BAD_ROW',
        data: { taskIds: [failed.task] },
      });
      await client.query('ROLLBACK');
    });
  });

  test.each([
    ['9999-12-31 23:59:59', '9999-12-31T23:59:59.000000Z'],
    ['infinity', 'infinity'],
    ['-infinity', '-infinity'],
  ])('of %s is answered as it is', async (stored, told) => {
    await withClient(database.url, async (client) => {
      await client.query('BEGIN');
      await client.query(CHANGES[column]().replace(LATE, stored));
      const rows = await createReadinessRepository(client).stepReadiness(BigInt(failed.task), [
        BigInt(failed.step),
      ]);
      const field = column === 'created_at' ? 'last_failure_at' : column;
      expect(rows[0]?.[field]).toBe(told);
      const { summary, readiness } = await answersOf(databaseSource({ clients: [client] }), {
        backend: 'inline',
      });
      expect(summary.problems).toStrictEqual([]);
      const same = readiness.find((row) => row.workflow_step_id === BigInt(failed.step));
      expect(same?.[field]).toBe(told);
      await client.query('ROLLBACK');
    });
  });
});

test('rows and --now refuse what a double does not hold', async () => {
  const input = {
    tasks: [{ task_id: 1, named_task_id: 1 }],
    steps: [{ workflow_step_id: 1, task_id: 1, named_step_id: 1, last_attempted_at: LATE }],
    edges: [],
  };
  const refusal = {
    code: 'TASKER_BAD_INPUT',
    data: { field: 'last_attempted_at', value: `"${LATE}"` },
  };
  await expect(answersOf(rowsSource(input), { backend: 'inline' })).rejects.toMatchObject(refusal);
  const { code, stderr } = await tasker(['resolve', '--database', database.url, '--now', LATE]);
  expect(code).toBe(64);
  expect(stderr).toContain('TASKER_BAD_ARGUMENT');
});
