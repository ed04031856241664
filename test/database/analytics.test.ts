import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { systemHealthCounts } from '../../src/database/repositories/analytics-health.ts';
import { slowestSteps, slowestTasks } from '../../src/database/repositories/analytics-slowest.ts';
import { connect } from '../../src/database/connection.ts';
import { parseInstant } from '../../src/graph/snapshot/instants.ts';
import { tasker } from '../cli/tasker.ts';
import { openRepositories, type RepositoryFixture } from './repositories/fixture.ts';

let fixture: RepositoryFixture;
let client: pg.Client;
let quick: bigint;
let slow: bigint;
let quickSteps: bigint[];
let slowSteps: bigint[];

/** Current states with the minutes after midnight at which they were entered, after earlier ones. */
async function enter(stepId: bigint, ...states: [state: string, minute: number][]): Promise<void> {
  for (const [at, [state, minute]] of states.entries()) {
    await client.query(
      `INSERT INTO tasker_workflow_step_transitions
         (workflow_step_id, to_state, sort_key, most_recent, created_at, updated_at)
       VALUES ($1, $2, $3, $4, timestamp '2020-01-01' + $5 * interval '1 minute', now())`,
      [stepId, state, (at + 1) * 10, at === states.length - 1, minute],
    );
  }
}

beforeAll(async () => {
  fixture = await openRepositories();
  client = await connect(fixture.url);
  quick = await fixture.newTask();
  slow = await fixture.newTask();
  quickSteps = await fixture.newSteps(quick, 'a', 'b', 'c', 'd', 'e');
  slowSteps = await fixture.newSteps(slow, 'a', 'b', 'c', 'd');
  await client.query(
    `UPDATE tasker_workflow_steps SET created_at = '2020-01-01'; UPDATE tasker_tasks SET created_at = '2020-01-01'`,
  );
  await enter(quickSteps[0]!, ['in_progress', 1], ['complete', 3]);
  await enter(quickSteps[1]!, ['cancelled', 90]);
  await enter(quickSteps[2]!, ['resolved_manually', 90]);
  await enter(
    slowSteps[0]!,
    ['in_progress', 1],
    ['error', 2],
    ['in_progress', 20],
    ['complete', 21],
  );
  // failed: attempts left and waiting, attempts left and not waiting, none left, never again
  await enter(slowSteps[1]!, ['in_progress', 30], ['error', 45]);
  await enter(slowSteps[2]!, ['error', 5]);
  await enter(slowSteps[3]!, ['error', 5]);
  await enter(quickSteps[3]!, ['error', 2]);
  await client.query(
    `UPDATE tasker_workflow_steps SET attempts = 1, retry_limit = NULL WHERE workflow_step_id = ${slowSteps[1]};
     INSERT INTO tasker_core_steps VALUES (${slowSteps[1]}, timezone('UTC', now()) + interval '1 day');
     UPDATE tasker_workflow_steps SET attempts = 40, retry_limit = 50 WHERE workflow_step_id = ${slowSteps[2]};
     UPDATE tasker_workflow_steps SET attempts = 1, retry_limit = 0 WHERE workflow_step_id = ${slowSteps[3]};
     UPDATE tasker_workflow_steps SET attempts = 1, retryable = false WHERE workflow_step_id = ${quickSteps[3]};
     UPDATE tasker_workflow_steps SET attempts = 2 WHERE workflow_step_id = ${slowSteps[0]};
     INSERT INTO tasker_task_transitions (task_id, to_state, sort_key, most_recent, created_at, updated_at)
     VALUES (${slow}, 'in_progress', 10, false, now(), now()), (${slow}, 'error', 20, true, now(), now())`,
  );
});

afterAll(async () => {
  await client.end();
  await fixture[Symbol.asyncDispose]();
});

const since = parseInstant('2019-12-31')!;

describe('analytics', () => {
  it('counts tasks and steps by state, what has no transition as pending', async () => {
    const none = { pending: 0, inProgress: 0, complete: 0, cancelled: 0, resolvedManually: 0 };
    const counts = await systemHealthCounts(client);
    expect(counts).toMatchObject({
      tasks: { ...none, total: 2, pending: 1, error: 1 },
      steps: {
        ...none,
        total: 9,
        pending: 1,
        complete: 2,
        error: 4,
        cancelled: 1,
        resolvedManually: 1,
      },
      retryableErrorSteps: 2,
      exhaustedRetrySteps: 1,
      inBackoffSteps: 1,
    });
    expect(counts.activeConnections).toBeGreaterThanOrEqual(1);
    const { rows } = await client.query<{ max_connections: string }>('SHOW max_connections');
    expect(String(counts.maxConnections)).toBe(rows[0]!.max_connections);
  });

  it('lists complete steps by the time from creation to completion', async () => {
    const steps = await slowestSteps(client, { since });
    expect(steps.map(({ stepId }) => stepId)).toEqual([slowSteps[0], quickSteps[0]]);
    expect(steps[0]).toEqual({
      stepId: slowSteps[0],
      taskId: slow,
      stepName: 'a',
      taskName: 'kind_1',
      namespace: 'default',
      version: '0.1.0',
      durationSeconds: 1260,
      attemptSeconds: 60,
      attempts: 2,
      createdAt: '2020-01-01T00:00:00.000000Z',
      completedAt: '2020-01-01T00:21:00.000000Z',
    });
  });

  it('lists tasks by their latest end of a step, each step counted once', async () => {
    const tasks = await slowestTasks(client, { since });
    expect(tasks).toMatchObject([
      { taskId: slow, durationSeconds: 2700, stepCount: 4, completedSteps: 1, errorSteps: 3 },
      { taskId: quick, durationSeconds: 180, stepCount: 5, completedSteps: 1, errorSteps: 1 },
    ]);
    expect(tasks[0]!.completedAt).toBe('2020-01-01T00:45:00.000000Z');
  });

  it.each([slowestSteps, slowestTasks])('keeps to what is asked for: %o', async (list) => {
    const of = async (query: object): Promise<bigint[]> =>
      (await list(client, { since, ...query })).map(({ taskId }) => taskId);
    expect(await of({ limit: 1 })).toEqual([slow]);
    expect(await of({ name: 'kind_0' })).toEqual([quick]);
    expect(await of({ namespace: 'default', version: '0.1.0' })).toEqual([slow, quick]);
    expect(await of({ namespace: 'shop' })).toEqual([]);
    expect(await of({ name: 'kind_0', version: '9.9.9' })).toEqual([]);
    // created after, not at, the instant
    expect(await of({ since: parseInstant('2020-01-01') })).toEqual([]);
    expect(await of({ since: undefined })).toEqual([]);
    for (const wrong of [{ limit: 0 }, { since: Number.NaN }]) {
      await expect(of(wrong)).rejects.toMatchObject({ code: 'TASKER_BAD_ARGUMENT' });
    }
  });

  it('answers on the command line, as text and as JSON', async () => {
    const run = (...args: string[]): ReturnType<typeof tasker> =>
      tasker(['analytics', ...args, '--database', fixture.url]);
    const health = await run('health', '--json');
    expect(health).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(health.stdout)).toMatchObject({
      steps: { total: 9, pending: 1, resolved_manually: 1 },
      in_backoff_steps: 1,
    });
    expect((await run('health')).stdout).toMatch(/^error +1 +4$/m);
    const window = ['--since', '2019-12-31T00:00:00Z'];
    const steps = await run('slowest-steps', ...window, '--limit', '1', '--json');
    expect(JSON.parse(steps.stdout)).toMatchObject({
      steps: [{ step_name: 'a', duration_seconds: 1260, attempt_seconds: 60 }],
    });
    expect((await run('slowest-steps', ...window)).stdout).toContain('default.kind_1@0.1.0');
    const tasks = await run('slowest-tasks', ...window, '--name', 'kind_0', '--json');
    expect(JSON.parse(tasks.stdout)).toMatchObject({ tasks: [{ step_count: 5, error_steps: 1 }] });
    expect((await run('slowest-tasks', ...window)).stdout).toContain('2700.000');
    expect((await run('slowest-tasks', '--since', 'soon')).code).toBe(64);
  });
});
