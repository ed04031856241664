import { once } from 'node:events';

import { describe, expect, it, onTestFinished } from 'vitest';

import { TaskerError } from '../../src/errors.ts';
import type { TaskerOptions } from '../../src/options.ts';
import { PermanentError, RetryableError } from '../../src/policies/step-errors.ts';
import { Tasker } from '../../src/tasker.ts';
import { createTemplate } from '../../src/templates/create-template.ts';
import type { StepHandler } from '../../src/templates/step-handler.ts';
import type { TaskTemplate } from '../../src/templates/task-template.ts';
import type { StepDefinition } from '../../src/templates/template-definition.ts';
import { withClient } from '../database/with-client.ts';
import { createTestDatabase } from '../support/database.ts';

const CONTEXT = { order: 1 };

/** Waits of a few ms between attempts. */
const QUICKLY = { backoff: { strategy: 'constant', seconds: 0.01, jitter: 0 } } as const;

interface Problem {
  readonly event: string;
  readonly facts: Readonly<Record<string, unknown>>;
}

async function startTasker(
  templates: readonly TaskTemplate[],
  options: Partial<TaskerOptions> = {},
): Promise<{ tasker: Tasker; url: string; problems: Problem[] }> {
  const database = await createTestDatabase();
  const problems: Problem[] = [];
  const onProblem: TaskerOptions['onProblem'] = (event, facts) => problems.push({ event, facts });
  const tasker = new Tasker({ database: database.url, onProblem, ...options });
  onTestFinished(async () => {
    await tasker.stop();
    await database.drop();
  });
  tasker.register(...templates);
  await tasker.start();
  return { tasker, url: database.url, problems };
}

let names = 0;

const template = (steps: readonly Partial<StepDefinition>[], more: object = {}): TaskTemplate =>
  createTemplate({
    name: `task_${names++}`,
    steps: steps.map((step, at) => ({ name: `s${at}`, handler: () => null, ...step })),
    ...more,
  });

async function rows(url: string, text: string, ...values: unknown[]): Promise<object[]> {
  return withClient(url, async (client) => (await client.query<object>(text, values)).rows);
}

const STEP_HISTORY = `
SELECT n.name || ': ' || string_agg(t.to_state, ' ' ORDER BY t.sort_key) AS history
  FROM tasker_workflow_steps s
  JOIN tasker_named_steps n USING (named_step_id)
  LEFT JOIN tasker_workflow_step_transitions t USING (workflow_step_id)
 WHERE s.task_id = $1 GROUP BY s.workflow_step_id, n.name ORDER BY s.workflow_step_id`;

async function historyOf(url: string, taskId: bigint): Promise<unknown[]> {
  const found = await rows(url, STEP_HISTORY, taskId);
  return found.map((row) => (row as { history: unknown }).history);
}

describe('a task', () => {
  it('runs to its end in the order of its graph, each handler with what its parents returned', async () => {
    const order: string[] = [];
    const handler: StepHandler = ({ step, results, context, task }) => {
      order.push(step.name);
      expect(context).toEqual(CONTEXT);
      expect(task.correlationId).toBe('abc');
      return { from: Object.keys(results), sum: Object.values(results).length };
    };
    const diamond = template([
      { name: 'a', handler },
      { name: 'b', after: ['a'], handler },
      { name: 'c', after: ['a'], handler },
      { name: 'd', after: ['b', 'c'], handler },
    ]);
    const { tasker, url } = await startTasker([diamond]);
    const handle = await tasker.createTask(diamond, { context: CONTEXT, correlationId: 'abc' });
    const results = await handle.result();
    expect(results['d']).toEqual({ from: ['b', 'c'], sum: 2 });
    expect(order.at(0)).toBe('a');
    expect(order.at(-1)).toBe('d');
    expect(order).toHaveLength(4);
    expect(await handle.state()).toBe('complete');
    const [task] = await rows(url, 'SELECT complete FROM tasker_tasks');
    expect(task).toEqual({ complete: true });
    const events = await rows(
      url,
      'SELECT name, step_id IS NULL AS of_task FROM tasker_core_events ORDER BY xid, position',
    );
    expect(events.at(0)).toEqual({ name: 'task.start_requested', of_task: true });
    expect(events.at(-1)).toEqual({ name: 'task.completed', of_task: true });
    expect(events).toHaveLength(10);
  });

  it('without steps is complete at once', async () => {
    const empty = template([]);
    const { tasker } = await startTasker([empty]);
    const task = await tasker.createTask(empty, { context: CONTEXT });
    expect(await task.result()).toEqual({});
    expect(await task.state()).toBe('complete');
  });

  it('that was created before the engine started, or by another program, is found', async () => {
    const one = template([{ handler: () => 'done' }]);
    const { tasker, url } = await startTasker([one]);
    await using other = new Tasker({ database: url });
    const handle = await other.createTask(one, { context: CONTEXT });
    expect(await handle.result()).toEqual({ s0: 'done' });
    await tasker.stop();
    const waiting = await other.createTask(one, { context: CONTEXT });
    expect(await waiting.state()).toBe('pending');
    await tasker.start();
    expect(await waiting.result()).toEqual({ s0: 'done' });
  });

  it('of another fleet, or of a Rails engine, is never claimed', async () => {
    const one = template([{ handler: () => 'done' }]);
    const { tasker, url } = await startTasker([one], { fleet: 'mine' });
    await using other = new Tasker({ database: url, fleet: 'other' });
    await using same = new Tasker({ database: url, fleet: 'mine' });
    const foreign = await other.createTask(one, { context: CONTEXT });
    await withClient(url, async (client) => {
      await client.query('BEGIN');
      const rails = await same.createTask(one, { context: CONTEXT }, { client });
      await client.query('DELETE FROM tasker_core_tasks WHERE task_id = $1', [rails.taskId]);
      await client.query('COMMIT');
      // read one by one, all at once, and those that are to run first
      const { intake } = tasker.engine!.coordinator;
      await intake.changed([foreign.taskId, rails.taskId]);
      await intake.readAll();
      const last = await same.createTask(one, { context: CONTEXT });
      expect(await last.result()).toEqual({ s0: 'done' });
      await tasker.stop();
      await tasker.start();
      for (const { taskId } of [foreign, rails]) {
        expect(tasker.engine!.coordinator.memory.discovery.tasks.has(taskId)).toBe(false);
        expect(await historyOf(url, taskId)).toEqual([null]);
      }
      const fleets = 'SELECT fleet FROM tasker_core_tasks ORDER BY task_id';
      expect(await rows(url, fleets)).toEqual([{ fleet: 'other' }, { fleet: 'mine' }]);
      const pids = `SELECT fleet FROM tasker_core_engines JOIN pg_locks ON pid = backend_pid
                     WHERE locktype = 'advisory' GROUP BY fleet`;
      expect(await rows(url, pids)).toEqual([{ fleet: 'mine' }]);
    });
  });

  it('exists if and only if the caller commits', async () => {
    const one = template([{}]);
    const { tasker, url } = await startTasker([one]);
    await withClient(url, async (client) => {
      await client.query('BEGIN');
      const gone = await tasker.createTask(one, { context: CONTEXT }, { client });
      await client.query('ROLLBACK');
      await expect(gone.state()).rejects.toMatchObject({ code: 'TASKER_UNKNOWN_TASK' });
      await client.query('BEGIN');
      const kept = await tasker.createTask(one, { context: CONTEXT }, { client });
      await client.query('COMMIT');
      await kept.result();
      expect(await kept.state()).toBe('complete');
    });
  });

  it('begins when it is due, not before', async () => {
    const one = template([{ handler: () => Date.now() }]);
    const { tasker } = await startTasker([one]);
    const due = Date.now() + 400;
    const handle = await tasker.createTask(one, {
      context: CONTEXT,
      runAt: new Date(due).toISOString().replace('Z', '000Z'),
    });
    const results = await handle.result();
    expect(results['s0']).toBeGreaterThanOrEqual(due - 5);
  });
});

describe('a failed attempt', () => {
  it('is repeated after its wait, and sees what the one before stored', async () => {
    const seen: unknown[] = [];
    const flaky = template([
      {
        retry: QUICKLY,
        handler: ({ step }) => {
          seen.push((step.previousResults as { error?: string } | null)?.error ?? null);
          if (step.attempt < 3) throw new RetryableError(`no ${step.attempt}`);
          return step.attempt;
        },
      },
      { after: ['s0'] },
    ]);
    const { tasker, url } = await startTasker([flaky]);
    const handle = await tasker.createTask(flaky, { context: CONTEXT });
    expect(await handle.result()).toEqual({ s0: 3, s1: null });
    expect(seen).toEqual([null, 'no 1', 'no 2']);
    expect(await historyOf(url, handle.taskId)).toEqual([
      's0: in_progress error pending in_progress error pending in_progress complete',
      's1: in_progress complete',
    ]);
    const [step] = await rows(
      url,
      'SELECT attempts, processed, backoff_request_seconds FROM tasker_workflow_steps ORDER BY 1 DESC',
    );
    expect(step).toEqual({ attempts: 3, processed: true, backoff_request_seconds: null });
    expect(await rows(url, 'SELECT * FROM tasker_core_steps')).toEqual([]);
  });

  it('that is the last one, or permanent, ends the task when nothing else can run', async () => {
    const ran: string[] = [];
    const doomed = template([
      { name: 'permanent', handler: () => Promise.reject(new PermanentError('card declined')) },
      { name: 'child', after: ['permanent'], handler: () => ran.push('child') },
      { name: 'once', retry: { limit: 1 }, handler: () => Promise.reject(new Error('no')) },
      { name: 'fine', handler: () => 'fine' },
    ]);
    const { tasker, url } = await startTasker([doomed]);
    const handle = await tasker.createTask(doomed, { context: CONTEXT });
    const error = await handle.result().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(TaskerError);
    expect(error).toMatchObject({ code: 'TASKER_TASK_FAILED' });
    expect((error as TaskerError).message).toContain(
      'permanent failed after 1 attempt: card declined; once failed after 1 attempt: no',
    );
    expect(ran).toEqual([]);
    expect(await historyOf(url, handle.taskId)).toEqual([
      'permanent: in_progress error',
      null,
      'once: in_progress error',
      'fine: in_progress complete',
    ]);
    const steps = await rows(
      url,
      `SELECT retryable, attempts, results->>'error' AS error FROM tasker_workflow_steps
        WHERE attempts > 0 AND NOT processed ORDER BY workflow_step_id`,
    );
    expect(steps).toEqual([
      { retryable: false, attempts: 1, error: 'card declined' },
      { retryable: true, attempts: 1, error: 'no' },
    ]);
  });

  it.each([
    ['a text', () => rejected('just a text'), 'just a text'],
    ['nothing', () => rejected(undefined), 'null'],
    ['a circle', () => circle(), 'circular'],
    ['50 MB', () => 'x'.repeat(50_000_000), 'bytes'],
    ['a zero character', () => 'a\0b', 'NUL'],
  ])('that threw or returned %s is stored as a failure', async (_, handler, words) => {
    const odd = template([{ retry: { limit: 1 }, handler }, { name: 'other' }]);
    const { tasker } = await startTasker([odd]);
    const handle = await tasker.createTask(odd, { context: CONTEXT });
    const error = await handle.result().catch((thrown: unknown) => thrown as TaskerError);
    const { steps } = (error as TaskerError).data as {
      steps: { name: string; results: { error: string } }[];
    };
    expect(steps).toHaveLength(1);
    expect(steps[0]?.results.error).toContain(words);
  });

  it('that never returns is ended by its timeout', async () => {
    const hung = template([
      { timeout: '50ms', retry: { limit: 1 }, handler: () => new Promise(() => undefined) },
    ]);
    const { tasker } = await startTasker([hung], { drainSeconds: 0.05 });
    const handle = await tasker.createTask(hung, { context: CONTEXT });
    await expect(handle.result()).rejects.toMatchObject({ code: 'TASKER_TASK_FAILED' });
  }, 20_000);
});

function rejected(thrown: unknown): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  reject(thrown);
  return promise;
}

function circle(): object {
  const object: { self?: object } = {};
  object.self = object;
  return object;
}

describe('several tasks', () => {
  it('run a thousand at once, each step once', async () => {
    const counts = new Map<bigint, number>();
    const handler: StepHandler = ({ step }) => {
      counts.set(step.stepId, (counts.get(step.stepId) ?? 0) + 1);
      return null;
    };
    const wide = template([
      { name: 'first', handler },
      ...Array.from({ length: 6 }, (_, at) => ({ name: `m${at}`, after: ['first'], handler })),
      { name: 'last', after: Array.from({ length: 6 }, (_, at) => `m${at}`), handler },
    ]);
    const { tasker, url, problems } = await startTasker([wide]);
    const requests = Array.from({ length: 1000 }, (_, at) => ({ context: { at: at + 1 } }));
    const handles = await tasker.createTasks(wide, requests);
    await Promise.all(handles.map((handle) => handle.result()));
    expect(counts.size).toBe(8000);
    expect([...counts.values()].every((count) => count === 1)).toBe(true);
    const [odd] = await rows(
      url,
      `SELECT count(*)::int AS steps FROM tasker_workflow_steps s
        WHERE attempts <> 1 OR NOT processed OR in_process`,
    );
    expect(odd).toEqual({ steps: 0 });
    expect(problems).toEqual([]);
    expect(tasker.engine?.coordinator.memory.discovery.tasks.size).toBe(0);
    expect(tasker.engine?.coordinator.memory.discovery.stepTokens.size).toBe(0);
  }, 60_000);

  it('of a higher priority go first', async () => {
    const ran: number[] = [];
    const gate = Promise.withResolvers<null>();
    const hold = template([{ handler: () => gate.promise }]);
    const one = template([{ handler: ({ context }) => ran.push((context as { p: number }).p) }]);
    const { tasker } = await startTasker([one, hold], { concurrency: 1, lanes: 1 });
    const held = await tasker.createTask(hold, { context: CONTEXT });
    const handles = [];
    for (const p of [1, 3, 2]) {
      handles.push(await tasker.createTask(one, { context: { p }, priority: p }));
    }
    gate.resolve(null);
    await Promise.all([held, ...handles].map((handle) => handle.result()));
    expect(ran).toEqual([3, 2, 1]);
  });

  it('of one priority go by the longest way that is still to go', async () => {
    const ran: string[] = [];
    const gate = Promise.withResolvers<null>();
    const hold = template([{ handler: () => gate.promise }]);
    const handler: StepHandler = ({ step }) => void ran.push(step.name);
    const above: Readonly<Record<string, string[]>> = { short: [], a: [], b: ['a'], c: ['b'] };
    const long = createTemplate({
      name: 'long_and_short',
      steps: Object.entries(above).map(([name, dependsOn]) => ({
        name,
        after: dependsOn,
        handler,
      })),
    });
    const urgent = createTemplate({ name: 'urgent', steps: [{ name: 'urgent', handler }] });
    const { tasker } = await startTasker([hold, long, urgent], { concurrency: 1, lanes: 1 });
    const handles = [
      await tasker.createTask(hold, { context: CONTEXT }),
      await tasker.createTask(long, { context: CONTEXT }),
      await tasker.createTask(urgent, { context: CONTEXT, priority: 1 }),
    ];
    gate.resolve(null);
    await Promise.all(handles.map((handle) => handle.result()));
    expect(ran.slice(0, 3)).toEqual(['urgent', 'a', 'b']);
    expect(ran).toHaveLength(5);
  });
});

it('commits what arrives together by fewer statements, within the bounds it is given', async () => {
  const flat = template(Array.from({ length: 20 }, () => ({})));
  const statements: number[] = [];
  for (const groupCommit of [{ maxSteps: 1 }, { maxSteps: 500, waitMs: 5 }]) {
    const { tasker } = await startTasker([flat], { groupCommit, lanes: 1 });
    await (await tasker.createTask(flat, { context: CONTEXT })).result();
    statements.push(tasker.engine?.coordinator.written.statements ?? 0);
  }
  const [single, grouped] = statements as [number, number];
  expect(single).toBeGreaterThanOrEqual(40);
  expect(grouped).toBeLessThanOrEqual(6);
});

describe('stop', () => {
  it('waits for what runs and leaves nothing in progress; a second one is no matter', async () => {
    const started = Promise.withResolvers<void>();
    const gate = new EventTarget();
    const slow = template([
      {
        handler: async () => {
          started.resolve();
          await once(gate, 'go');
          return 'late';
        },
      },
      { after: ['s0'] },
    ]);
    const { tasker, url } = await startTasker([slow]);
    const handle = await tasker.createTask(slow, { context: CONTEXT });
    await started.promise;
    const stopped = tasker.stop();
    gate.dispatchEvent(new Event('go'));
    await stopped;
    await tasker.stop();
    expect(await historyOf(url, handle.taskId)).toEqual(['s0: in_progress complete', null]);
    await tasker.start();
    expect(await handle.result()).toEqual({ s0: 'late', s1: null });
  });

  it('aborts what runs too long, which is tried again', async () => {
    const started = Promise.withResolvers<void>();
    let signal: AbortSignal | undefined;
    const stuck = template([
      {
        retry: QUICKLY,
        handler: (step) => {
          if (step.step.attempt > 1) return 'second';
          ({ signal } = step);
          started.resolve();
          return once(step.signal, 'abort');
        },
      },
    ]);
    const { tasker, url } = await startTasker([stuck], { drainSeconds: 0.05 });
    const handle = await tasker.createTask(stuck, { context: CONTEXT });
    await started.promise;
    await tasker.stop();
    expect(signal?.aborted).toBe(true);
    expect(await historyOf(url, handle.taskId)).toEqual(['s0: in_progress error']);
    await tasker.start();
    expect(await handle.result()).toEqual({ s0: 'second' });
  });

  it('that comes while the engine starts lets nothing more begin', async () => {
    const database = await createTestDatabase();
    onTestFinished(() => database.drop());
    const { url } = database;
    const tasker = new Tasker({ database: url });
    const ran = Promise.withResolvers<void>();
    const chain = template([
      {
        handler: () => {
          tasker.stop().then(ran.resolve, ran.reject);
          return 'ran';
        },
      },
      { after: ['s0'], handler: () => 'too late' },
    ]);
    tasker.register(chain);
    const handle = await tasker.createTask(chain, { context: CONTEXT });
    await tasker.start();
    await ran.promise;
    expect(await historyOf(url, handle.taskId)).toEqual(['s0: in_progress complete', null]);
  });

  it('may come before start', async () => {
    const tasker = new Tasker({ database: 'postgresql://nowhere' });
    await tasker.stop();
    expect(tasker.engine).toBeUndefined();
  });
});

it('refuses a template with a wrong retry policy before it runs, and names the step', () => {
  const tasker = new Tasker({ database: 'postgres://nowhere' });
  const wrong = template([
    { retry: QUICKLY },
    { retry: { backoff: { strategy: 'constant', seconds: -1 } } },
  ]);
  const refusal = expect.objectContaining({
    code: 'TASKER_INVALID_TEMPLATE',
    message: expect.stringContaining('retry.backoff.seconds of step s1 is -1') as unknown,
    data: expect.objectContaining({
      problems: [expect.objectContaining({ step: 1, field: 'retry.backoff.seconds' })],
    }) as unknown,
  });
  expect(() => tasker.register(template([{}]), wrong)).toThrow(refusal);
  // nothing of the call is registered
  expect(tasker.templates.list()).toEqual([]);
});

it('keeps annotations that a template makes at the end', async () => {
  const noted = template([{ handler: () => 7 }, { after: ['s0'], handler: () => 8 }], {
    hooks: {
      updateAnnotations: ({
        completed,
      }: {
        completed: readonly { name: string; results: unknown }[];
      }) => completed.map(({ name, results }) => ({ type: 'note', annotation: { name, results } })),
    },
  });
  const { tasker, url } = await startTasker([noted]);
  await (await tasker.createTask(noted, { context: CONTEXT })).result();
  expect(
    await rows(url, 'SELECT annotation FROM tasker_task_annotations ORDER BY task_annotation_id'),
  ).toEqual([
    { annotation: { name: 's0', results: 7 } },
    { annotation: { name: 's1', results: 8 } },
  ]);
});

describe('options', () => {
  it.each([
    [{ concurrency: 0 }, 'concurrency'],
    [{ lanes: 1.5 }, 'lanes'],
    [{ fleet: '' }, 'fleet'],
    [{ database: '' }, 'database'],
    [{ directory: 'kept' }, 'directory'],
    [{ migrate: 'yes' }, 'migrate'],
    [{ logger: console }, 'logger'],
    [{ leaseSeconds: Number.NaN }, 'leaseSeconds'],
    [{ concurency: 5 }, 'concurency'],
    [{ onProblem: 'x' }, 'onProblem'],
  ])('refuse %j by name', (options, field) => {
    const make = (): Tasker =>
      new Tasker({ database: 'postgresql://nowhere', ...options } as unknown as TaskerOptions);
    expect(make).toThrow(expect.objectContaining({ code: 'TASKER_BAD_ARGUMENT' }) as Error);
    expect(make).toThrow(field);
  });

  it('refuse a database without the tables', async () => {
    await using database = await createTestDatabase({ migrated: false });
    await using tasker = new Tasker({ database: database.url });
    await expect(tasker.start()).rejects.toMatchObject({ code: 'TASKER_NOT_TASKER_DATABASE' });
  });
});
