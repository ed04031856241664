import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { connect } from '../../src/database/connection.ts';
import { encodeCursor } from '../../src/database/list-cursor.ts';
import {
  stepHistory,
  taskHistory,
  type TaskHistoryRow,
} from '../../src/database/repositories/task-history.ts';
import { openRepositories, type RepositoryFixture } from './repositories/fixture.ts';

let fixture: RepositoryFixture;
let client: pg.Client;

beforeAll(async () => {
  fixture = await openRepositories();
  client = await connect(fixture.url);
});

afterAll(async () => {
  await client.end();
  await fixture[Symbol.asyncDispose]();
});

const brief = ({ step_id: stepId, from_state: from, to_state: to, at }: TaskHistoryRow): string =>
  `${at.slice(11, 16)} ${stepId === null ? 'task' : 'step'} ${from ?? 'none'} ${to}`;

async function create(...steps: string[]): Promise<{ taskId: bigint; steps: bigint[] }> {
  const taskId = await fixture.newTask();
  const ids = await fixture.newSteps(taskId, ...steps);
  await client.query(
    `UPDATE tasker_workflow_steps SET created_at = '2020-01-01 00:01' WHERE task_id = ${taskId};
     UPDATE tasker_tasks SET created_at = '2020-01-01' WHERE task_id = ${taskId}`,
  );
  return { taskId, steps: ids };
}

/** Rows as a Rails engine writes them: without the state before. */
async function enter(
  table: 'task' | 'workflow_step',
  owner: bigint,
  sortKey: number,
  state: string,
  at: string,
): Promise<void> {
  const column = table === 'task' ? 'task_id' : 'workflow_step_id';
  await client.query(
    `UPDATE tasker_${table}_transitions SET most_recent = false WHERE ${column} = $1`,
    [owner],
  );
  await client.query(
    `INSERT INTO tasker_${table}_transitions
       (${column}, to_state, sort_key, most_recent, metadata, created_at, updated_at)
     VALUES ($1, $2, $3, true, '{}', $4, $4)`,
    [owner, state, sortKey, `2020-01-01 ${at}`],
  );
}

describe('the history of a task', () => {
  it('tells of rows that name no state before, and of beginnings without a row', async () => {
    const { taskId, steps } = await create('a', 'b');
    await enter('task', taskId, 10, 'in_progress', '00:02');
    // a beginning that has a row
    await enter('workflow_step', steps[0]!, 0, 'pending', '00:01:30');
    await enter('workflow_step', steps[0]!, 10, 'in_progress', '00:03');
    await enter('workflow_step', steps[0]!, 20, 'error', '00:04');
    await enter('workflow_step', steps[0]!, 30, 'pending', '00:04');
    await enter('task', taskId, 20, 'error', '00:04');
    const { rows, next } = await taskHistory(client, taskId);
    expect(next).toBeUndefined();
    expect(rows.map(brief)).toEqual([
      '00:00 task none pending',
      '00:01 step none pending',
      '00:01 step none pending',
      '00:02 task pending in_progress',
      '00:03 step pending in_progress',
      '00:04 step in_progress error',
      '00:04 step error pending',
      '00:04 task in_progress error',
    ]);
    expect(rows.filter((row) => row.transition_id === null)).toHaveLength(2);
    expect(rows[1]).toEqual({
      at: '2020-01-01T00:01:00.000000Z',
      task_id: taskId,
      task_name: expect.any(String) as string,
      step_id: steps[1],
      step_name: 'b',
      from_state: null,
      to_state: 'pending',
      transition_id: null,
      metadata: {},
    });
  });

  it('of one step is that of the task without the others', async () => {
    const { taskId, steps } = await create('a', 'b');
    await enter('task', taskId, 10, 'in_progress', '00:02');
    await enter('workflow_step', steps[0]!, 10, 'in_progress', '00:03');
    await enter('workflow_step', steps[1]!, 10, 'in_progress', '00:03');
    const rows = await stepHistory(client, steps[1]!);
    expect(rows.map(brief)).toEqual(['00:01 step none pending', '00:03 step pending in_progress']);
    expect(rows.map((row) => row.step_id)).toEqual([steps[1], steps[1]]);
    await expect(stepHistory(client, -1n)).rejects.toMatchObject({ code: 'TASKER_NOT_FOUND' });
  });

  it('comes in pages that leave nothing out and repeat nothing', async () => {
    const { taskId, steps } = await create('a', 'b', 'c');
    for (const [at, stepId] of steps.entries()) {
      // all at one instant
      await enter('workflow_step', stepId, 10, 'in_progress', '00:05');
      await enter('workflow_step', stepId, 20, at === 1 ? 'error' : 'complete', '00:05');
    }
    const whole = await taskHistory(client, taskId, { limit: 10 });
    expect(whole.rows).toHaveLength(10);
    expect(whole.next).toBeUndefined();
    for (const limit of [1, 3, 9]) {
      const rows: TaskHistoryRow[] = [];
      let cursor: string | undefined;
      do {
        const page = await taskHistory(client, taskId, {
          limit,
          ...(cursor === undefined ? {} : { cursor }),
        });
        expect(page.rows.length).toBeLessThanOrEqual(limit);
        rows.push(...page.rows);
        cursor = page.next;
      } while (cursor !== undefined);
      expect(rows).toEqual(whole.rows);
    }
  });

  it.each([
    { limit: 0 },
    { limit: 10_001 },
    { cursor: '' },
    { cursor: 'WyIxIl0' },
    { cursor: encodeCursor(['2020-02-30 00:00:00', '0', '1', '10']) },
    { cursor: encodeCursor(['2020-02-20 00:00:00', '0', '9223372036854775808', '10']) },
  ])('refuses %j', async (query) => {
    await expect(taskHistory(client, 1n, query)).rejects.toMatchObject({
      code: 'TASKER_BAD_ARGUMENT',
    });
  });

  it('of no task is an error', async () => {
    await expect(taskHistory(client, 2n ** 62n)).rejects.toMatchObject({
      code: 'TASKER_UNKNOWN_TASK',
    });
  });
});
