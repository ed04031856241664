import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { connect } from '../../src/database/connection.ts';
import {
  startEmbeddedServer,
  type EmbeddedServer,
} from '../../src/database/embedded/embedded-server.ts';
import { writePause } from '../../src/database/engine/operator-rows.ts';
import { taskSteps } from '../../src/database/engine/task-steps.ts';
import { rebuildTask } from '../../src/events/rebuild.ts';
import { readEvents, type StoredEvent } from '../../src/events/stored-event.ts';
import {
  cancelStep,
  cancelTask,
  contextType,
  defineTask,
  isTaskerError,
  pauseTask,
  PermanentError,
  redriveTask,
  resolveStepByHand,
  resolveTaskByHand,
  resumeTask,
  retryStep,
} from '../../src/index.ts';
import { createTestTasker } from '../../src/testing/index.ts';
import { withClient } from '../database/with-client.ts';

const RUNS = 20;
const STEPS = 5;
const BY = { actor: 'property' };

// Transactions of other databases hold readers back: a server that nobody else uses.
let server: EmbeddedServer;
beforeAll(async () => {
  server = await startEmbeddedServer();
});
afterAll(() => server.stop());

/** What each attempt of a step comes to; the last one again and again. */
type Outcome = 'number' | 'object' | 'nothing' | 'failure' | 'permanent';
type Context = { readonly outcomes: readonly (readonly Outcome[])[] };

const RETRY = {
  backoff: { strategy: 'constant', seconds: 60, jitter: 0 },
} as const;

/** s0 → s1, s2 → s3; s4 alone. */
const PARENTS = [[], ['s0'], ['s0'], ['s1', 's2'], []];

const template = PARENTS.reduce(
  (task, dependsOn, at) =>
    task.step(
      `s${at}`,
      { after: dependsOn as never, retry: { ...RETRY } },
      ({ context, step }: { context: Context; step: { attempt: number } }) => {
        const outcomes = context.outcomes[at] ?? [];
        const outcome = outcomes[Math.min(step.attempt, outcomes.length) - 1] ?? 'number';
        if (outcome === 'failure') throw new TypeError(`attempt ${step.attempt}`);
        if (outcome === 'permanent') throw new PermanentError('never', { errorCode: 'NEVER' });
        if (outcome === 'nothing') return null;
        return outcome === 'number' ? step.attempt : { attempt: step.attempt, text: 'ü' };
      },
    ) as never,
  defineTask({ name: 'random', context: contextType<Context>() }),
).build();

type Act = (client: Client, ids: Ids) => Promise<unknown>;
interface Ids {
  readonly taskId: bigint;
  readonly steps: readonly bigint[];
}

const ACTIONS: Readonly<Record<string, (at: number) => Act>> = {
  cancelStep:
    (at) =>
    (client, { steps }) =>
      cancelStep(client, steps[at]!, BY),
  retryStep:
    (at) =>
    (client, { steps }) =>
      retryStep(client, steps[at]!, BY),
  resolveStep:
    (at) =>
    (client, { steps }) =>
      resolveStepByHand(client, steps[at]!, BY),
  resolveStepWith:
    (at) =>
    (client, { steps }) =>
      resolveStepByHand(client, steps[at]!, { ...BY, results: { by: 'hand', at } }),
  pause:
    () =>
    (client, { taskId }) =>
      pauseTask(client, taskId, BY),
  resume:
    () =>
    (client, { taskId }) =>
      resumeTask(client, taskId, BY),
  redrive:
    () =>
    (client, { taskId }) =>
      redriveTask(client, taskId, BY),
  cancelTask:
    () =>
    (client, { taskId }) =>
      cancelTask(client, taskId, BY),
  resolveTask:
    () =>
    (client, { taskId }) =>
      resolveTaskByHand(client, taskId, BY),
};

const outcome = fc.constantFrom<Outcome>('number', 'object', 'nothing', 'failure', 'permanent');
const outcomes = fc.array(fc.array(outcome, { minLength: 1, maxLength: 5 }), {
  minLength: STEPS,
  maxLength: STEPS,
});
const operation = fc.oneof(
  { weight: 2, arbitrary: fc.constant(undefined) },
  {
    weight: 5,
    arbitrary: fc.record({
      action: fc.constantFrom(...Object.keys(ACTIONS)),
      at: fc.nat(STEPS - 1),
    }),
  },
);

const isNothing = (results: unknown): boolean =>
  results === null || (typeof results === 'object' && Object.keys(results).length === 0);

const ENDS = new Set(['complete', 'error', 'resolved_manually']);

/** Of a failed attempt the events tell less than the row, and the code beside. */
function comparable(states: readonly string[], results: unknown): unknown {
  if (isNothing(results)) return null;
  if (states.findLast((state) => ENDS.has(state)) !== 'error') return results;
  const { error, error_class: errorClass } = results as Record<string, unknown>;
  return { error, errorClass };
}

/** Whatever chance brings, these come to every state. */
const ALL_NUMBERS: readonly Outcome[][] = Array.from({ length: STEPS }, () => ['number']);
const NEVER: readonly Outcome[][] = [['permanent'], ...ALL_NUMBERS.slice(1)];
const EXAMPLES: [Outcome[][], ({ action: string; at: number } | undefined)[]][] = (
  [
    [ALL_NUMBERS, []],
    [[['failure', 'failure', 'object'], ...ALL_NUMBERS.slice(1)], []],
    [NEVER, [undefined, 'resolveTask']],
    [NEVER, [undefined, 'redrive', undefined, 'cancelTask']],
    [NEVER, ['pause', 'resolveStepWith', undefined, 'resume', undefined]],
  ] as const
).map(([chances, actions]) => [
  chances.map((each) => [...each]),
  actions.map((action) => (action === undefined ? undefined : { action, at: 0 })),
]);

type Client = Awaited<ReturnType<typeof connect>>;

/** Waits for those that a transaction of somebody else, such as autovacuum, holds back. */
async function allEvents(client: Client, taskId: bigint): Promise<StoredEvent[]> {
  const { rows } = await client.query<{ count: number }>(
    'SELECT count(*)::int AS count FROM tasker_core_events WHERE task_id = $1',
    [taskId],
  );
  const events: StoredEvent[] = [];
  const read = async (): Promise<number> => {
    events.push(
      ...(await readEvents(client, { taskId, after: events.at(-1)?.position, limit: 7 })),
    );
    return events.length;
  };
  await expect.poll(read, { timeout: 60_000, interval: 1 }).toBe(rows[0]!.count);
  return events;
}

describe('the events of a task', () => {
  it('tell its whole life as its rows do', async () => {
    await using test = await createTestTasker({ templates: [template], server: server.url });
    const seen = new Set<string>();
    await withClient(test.url, (client) =>
      fc.assert(
        fc.asyncProperty(
          outcomes,
          fc.array(operation, { maxLength: 8 }),
          async (chances, operations) => {
            const { taskId } = await test.createTask(template, {
              context: { outcomes: chances },
            });
            const steps = (await taskSteps(client, taskId)).map(({ stepId }) => stepId);
            for (const each of operations) {
              if (each === undefined) {
                await test.runUntilIdle();
              } else {
                await ACTIONS[each.action]!(each.at)(client, { taskId, steps }).catch(
                  (error: unknown) => {
                    // what the machine does not allow changes nothing
                    const isLost = isTaskerError(error, 'TASKER_CONFLICT');
                    if (!isLost && !isTaskerError(error, 'TASKER_INVALID_TRANSITION')) throw error;
                  },
                );
              }
            }
            await test.runUntilIdle();

            const events = await allEvents(client, taskId);
            const rebuilt = rebuildTask(events);
            const { rows } = await client.query<{ states: string[]; paused: boolean }>(
              `SELECT ARRAY(SELECT to_state FROM tasker_task_transitions
                             WHERE task_id = $1 ORDER BY sort_key)::text[] AS states,
                      EXISTS (SELECT FROM tasker_core_tasks
                               WHERE task_id = $1 AND paused_at IS NOT NULL) AS paused`,
              [taskId],
            );
            expect(rebuilt.states).toEqual(rows[0]!.states);
            expect(rebuilt.state).toBe(rows[0]!.states.at(-1) ?? 'pending');
            expect(rebuilt.paused).toBe(rows[0]!.paused);
            for (const row of await taskSteps(client, taskId)) {
              const step = rebuilt.steps.get(row.stepId);
              expect({ ...step, name: step?.name ?? row.name }).toMatchObject({
                name: row.name,
                ...(step === undefined ? {} : { state: row.state, attempts: row.attempts }),
              });
              expect(step?.states ?? []).toEqual(row.states);
              expect(comparable(row.states, step?.results ?? null)).toEqual(
                comparable(row.states, row.results),
              );
              for (const state of row.states) seen.add(`step ${state}`);
            }
            for (const state of rows[0]!.states) seen.add(`task ${state}`);
            // handed over twice, as an at least once delivery may
            expect(rebuildTask(events.flatMap((event) => [event, event]))).toEqual(rebuilt);
          },
        ),
        { numRuns: RUNS, examples: EXAMPLES },
      ),
    );
    expect([...seen].toSorted()).toEqual(
      ['complete', 'error', 'in_progress', 'pending']
        .flatMap((state) => [`step ${state}`, `task ${state}`])
        .concat(
          'step cancelled',
          'step resolved_manually',
          'task cancelled',
          'task resolved_manually',
        )
        .toSorted(),
    );
  }, 240_000);

  it('are in the order in which they came about, also where a long transaction wrote the later ones', async () => {
    await using test = await createTestTasker({ templates: [template], server: server.url });
    const { taskId } = await test.createTask(template, { context: { outcomes: [] } });
    await test.runUntilIdle();
    await withClient(test.url, (long) =>
      withClient(test.url, async (client) => {
        const before = (await allEvents(client, taskId)).length;
        const at = Date.now() * 1000;
        const pause = { taskId, at, metadata: '{}' };
        await long.query('BEGIN');
        await long.query('SELECT pg_current_xact_id()');
        expect(await writePause(client, { ...pause, paused: true })).toBe(true);
        expect(await writePause(long, { ...pause, paused: false })).toBe(true);
        const filter = { taskId, limit: 100 };
        expect(await readEvents(client, filter)).toHaveLength(before);
        await long.query('COMMIT');
        const events = await allEvents(client, taskId);
        expect(events.slice(before).map(({ name }) => name)).toEqual([
          'task.paused',
          'task.resumed',
        ]);
        expect(rebuildTask(events)).toMatchObject({ state: 'complete', paused: false });
      }),
    );
  }, 120_000);

  it('of two tasks cannot be told as one', () => {
    const event = {
      position: '1-1',
      eventId: '',
      name: 'task.paused',
      taskId: 1n,
      stepId: undefined,
    };
    const events = [event, { ...event, position: '1-2', taskId: 2n }].map((each) => ({
      ...each,
      createdAt: '2030-01-01T00:00:00.000000Z',
      payload: {},
    }));
    expect(() => rebuildTask(events)).toThrow(
      expect.objectContaining({ code: 'TASKER_BAD_ARGUMENT' }),
    );
    expect(rebuildTask(events.slice(0, 1))).toMatchObject({ taskId: 1n, paused: true });
    expect(rebuildTask([])).toMatchObject({ taskId: undefined, state: 'pending' });
  });
});
