import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createLogger } from '../../src/observability/logger.ts';
import { Tasker } from '../../src/tasker.ts';
import { defineTask } from '../../src/templates/define-task.ts';
import { PermanentError, RetryableError } from '../../src/policies/step-errors.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

/** JSON by its grammar, which the server's numbers do not hold. */
const { rawJSON } = JSON as unknown as { rawJSON: (text: string) => unknown };

class CardDeclined extends PermanentError {
  override readonly name = 'CardDeclined';
}

const order = defineTask<{ card: 'good' | 'bad' }>({ namespace: 'shop', name: 'order' })
  .step('reserve', ({ attempt, idempotencyKey, stepId }) => {
    if (attempt === 1) throw new RetryableError('busy', { retryAfter: '1ms' });
    return { attempt, key: idempotencyKey.endsWith(`-${stepId}`) };
  })
  .step('charge', { after: ['reserve'] }, ({ context }) => {
    if (context.card === 'bad') throw new CardDeclined('no money');
    return 'charged';
  })
  .step('ship', { after: ['charge'] }, ({ results }) => results.charge);

let database: TestDatabase;
let tasker: Tasker;
beforeAll(async () => {
  database = await createTestDatabase();
  tasker = new Tasker({ database: database.url }).register(order);
  await tasker.start();
});
afterAll(async () => {
  await tasker.stop();
  await database.drop();
});

describe('a task that is complete', () => {
  it('gives what its steps stored, its status, its steps and its history', async () => {
    const task = await tasker.createTask(order, { context: { card: 'good' }, priority: 3 });
    expect(await task.result({ timeout: '1m' })).toEqual({
      reserve: { attempt: 2, key: true },
      charge: 'charged',
      ship: 'charged',
    });
    expect(await task.status()).toMatchObject({
      taskId: task.taskId,
      namespace: 'shop',
      name: 'order',
      state: 'complete',
      priority: 3,
      correlationId: task.correlationId,
      steps: { complete: 3, pending: 0, error: 0 },
    });
    expect(await task.steps()).toMatchObject([
      { name: 'reserve', state: 'complete', attempts: 2, results: { attempt: 2 }, error: null },
      { name: 'charge', state: 'complete', attempts: 1, results: 'charged' },
      { name: 'ship', state: 'complete', attempts: 1 },
    ]);
    const history = await task.history();
    expect(history.map((row) => `${row.step_name} ${row.from_state} -> ${row.to_state}`)).toEqual([
      'null null -> pending',
      'reserve null -> pending',
      'charge null -> pending',
      'ship null -> pending',
      'null pending -> in_progress',
      'reserve pending -> in_progress',
      'reserve in_progress -> error',
      'reserve error -> pending',
      'reserve pending -> in_progress',
      'reserve in_progress -> complete',
      'charge pending -> in_progress',
      'charge in_progress -> complete',
      'ship pending -> in_progress',
      'ship in_progress -> complete',
      'null in_progress -> complete',
    ]);
    expect(await task.explain()).toEqual({ task_id: task.taskId, steps: [], text: '' });
  });
});

it('a handler logs with task, step and attempt, and problems are warnings of the same log', async () => {
  const lines: Record<string, unknown>[] = [];
  const destination = {
    write: (line: string) => void lines.push(JSON.parse(line) as object as never),
  };
  const logger = createLogger({ level: 'info', destination });
  const talks = defineTask({ name: 'talks' }).step('say', ({ log }) => {
    log.info({ words: 2 }, 'hello there');
    log.debug('not this');
    return rawJSON('1e999999');
  });
  await using own = new Tasker({ database: database.url, fleet: 'talkers', logger }).register(
    talks,
  );
  await own.start();
  const task = await own.createTask(talks, { context: { a: 1 } });
  await expect(task.result()).rejects.toMatchObject({ code: 'TASKER_TASK_FAILED' });
  expect(lines).toContainEqual(
    expect.objectContaining({
      level: 30,
      msg: 'hello there',
      words: 2,
      task_id: String(task.taskId),
      task_name: 'talks',
      step_name: 'say',
      attempt: 1,
      correlation_id: task.correlationId,
    }),
  );
  expect(lines).toContainEqual(expect.objectContaining({ level: 40, msg: 'statement_refused' }));
  expect(lines.map(({ msg }) => msg)).not.toContain('not this');
});

describe('a task that failed', () => {
  it('rejects with its steps, their attempts and the cause', async () => {
    const task = await tasker.createTask(order, { context: { card: 'bad' } });
    const error: unknown = await task.result().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'TASKER_TASK_FAILED',
      message: expect.stringContaining('charge failed after 1 attempt: no money'),
      cause: { name: 'CardDeclined', message: 'no money' },
      data: {
        state: 'error',
        steps: [{ name: 'charge', attempts: 1, errorClass: 'CardDeclined' }],
      },
    });
    expect((error as { cause: Error }).cause.stack).toMatch(/^CardDeclined: no money\nat /);
    const { steps, text } = await task.explain();
    expect(steps.map(({ name, outlook }) => [name, outlook])).toEqual([
      ['charge', 'stuck'],
      ['ship', 'stuck'],
    ]);
    expect(text.split('\n')).toHaveLength(2);
  });
});

describe('a task that is not over', () => {
  it('lets who waits give up after a time', async () => {
    const task = await tasker.createTask(order, {
      context: { card: 'good' },
      runAt: '2100-01-01T00:00:00Z',
    });
    await expect(task.result({ timeout: '20ms' })).rejects.toMatchObject({
      code: 'TASKER_WAIT_TIMEOUT',
      data: { taskId: String(task.taskId), timeout: '20ms' },
    });
    await expect(task.result({ timeout: 'soon' })).rejects.toMatchObject({
      code: 'TASKER_BAD_ARGUMENT',
      data: { field: 'timeout' },
    });
    expect((await task.explain()).steps.map(({ outlook }) => outlook)).toEqual([
      'ready',
      'waiting',
      'waiting',
    ]);
  });

  it.each(['status', 'steps', 'history', 'explain', 'result'] as const)(
    'and that does not exist: %s says so',
    async (ask) => {
      await expect(tasker.task(987_654_321n)[ask]()).rejects.toMatchObject({
        code: 'TASKER_UNKNOWN_TASK',
      });
    },
  );
});
