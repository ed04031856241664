import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { connect } from '../../src/database/connection.ts';
import {
  TransitionLog,
  type MoveOutcome,
  type StepMove,
  type TaskMove,
} from '../../src/database/engine/transition-log.ts';
import { parseInstant } from '../../src/graph/snapshot/instants.ts';
import { MOVE_KINDS, type MoveKind } from '../../src/state-machine/moves.ts';
import { WORKFLOW_STATES } from '../../src/state-machine/states.ts';
import { isAllowed } from '../../src/state-machine/transition.ts';
import { openRepositories, type RepositoryFixture } from './repositories/fixture.ts';
import { waitingSession } from './with-client.ts';

const AT = parseInstant('2030-01-02T03:04:05.000006Z') as number;
const AT_TEXT = '2030-01-02 03:04:05.000006';

let fixture: RepositoryFixture;
let client: pg.Client;
const log = new TransitionLog();

beforeAll(async () => {
  fixture = await openRepositories();
  client = await connect(fixture.url);
});

afterAll(async () => {
  await client.end();
  await fixture[Symbol.asyncDispose]();
});

type Row = Record<string, unknown>;

async function rowsOf(text: string, ...values: unknown[]): Promise<Row[]> {
  return (await client.query<Row>(text, values)).rows;
}

const eventsOf = async (taskId: bigint): Promise<string[]> => {
  const rows = await rowsOf(
    'SELECT name FROM tasker_core_events WHERE task_id = $1 ORDER BY xid, position',
    taskId,
  );
  return rows.map(({ name }) => name as string);
};

const transitionsOf = async (stepId: bigint): Promise<Row[]> =>
  rowsOf(
    `SELECT from_state, to_state, sort_key, most_recent, metadata
       FROM tasker_workflow_step_transitions WHERE workflow_step_id = $1 ORDER BY sort_key`,
    stepId,
  );

const stepRow = async (stepId: bigint): Promise<Row> =>
  (await rowsOf('SELECT * FROM tasker_workflow_steps WHERE workflow_step_id = $1', stepId))[0]!;

async function newChain(...names: string[]): Promise<{ taskId: bigint; steps: bigint[] }> {
  const taskId = await fixture.newTask();
  const steps = await fixture.newSteps(taskId, ...names);
  for (let at = 1; at < steps.length; at++) {
    await fixture.repositories.workflowStepEdges.create({
      fromStepId: steps[at - 1]!,
      toStepId: steps[at]!,
    });
  }
  return { taskId, steps };
}

const move = (
  taskId: bigint,
  stepId: bigint,
  from: StepMove['from'],
  to: StepMove['to'],
  token: bigint | undefined,
  more: Partial<StepMove> = {},
): StepMove => ({ taskId, stepId, from, to, token, metadata: '{"actor":"test"}', ...more });

const taskMove = (
  taskId: bigint,
  from: TaskMove['from'],
  to: TaskMove['to'],
  token: bigint | undefined,
  more: Partial<TaskMove> = {},
): TaskMove => ({ taskId, from, to, token, metadata: '{}', ...more });

const apply = (steps: StepMove[], tasks: TaskMove[] = [], at = AT): Promise<MoveOutcome> =>
  log.apply(client, { steps, tasks, at });

/** Brings a fresh step to a state; returns the id of its current row. */
async function bring(
  taskId: bigint,
  stepId: bigint,
  state: StepMove['from'],
): Promise<bigint | undefined> {
  const path = {
    pending: [],
    in_progress: ['in_progress'],
    complete: ['in_progress', 'complete'],
    error: ['in_progress', 'error'],
    cancelled: ['cancelled'],
    resolved_manually: ['resolved_manually'],
  } as const;
  let token: bigint | undefined;
  let from: StepMove['from'] = 'pending';
  for (const to of path[state]) {
    token = (await apply([move(taskId, stepId, from, to, token)])).steps[0];
    from = to;
  }
  return token;
}

/** What the table of the contract says that a move writes; all else stays. */
const WRITTEN: Record<string, Row> = {
  'pending>error': { results: { given: 1 }, retryable: false },
  'pending>resolved_manually': { processed: true, processed_at: AT_TEXT, results: { given: 1 } },
  'in_progress>complete': {
    attempts: 1,
    last_attempted_at: AT_TEXT,
    processed: true,
    processed_at: AT_TEXT,
    results: { given: 1 },
  },
  'in_progress>error': {
    attempts: 1,
    last_attempted_at: AT_TEXT,
    results: { given: 1 },
    retryable: false,
    backoff_request_seconds: 7,
  },
  'error>pending': { retryable: false, retry_limit: 9, backoff_request_seconds: null },
  'error>resolved_manually': { processed: true, processed_at: AT_TEXT, results: { given: 1 } },
  'error>in_progress': { retryable: false, retry_limit: 9, backoff_request_seconds: null },
  'error>cancelled': { retryable: false, retry_limit: 9, backoff_request_seconds: null },
};

describe.each(MOVE_KINDS.step.map((kind): [string, MoveKind] => [`${kind.from}>${kind.to}`, kind]))(
  'the move of a step %s',
  (name, { from, to, via }) => {
    it('writes its rows, columns and events once', async () => {
      const { taskId, steps } = await newChain('only');
      const stepId = steps[0]!;
      const token = await bring(taskId, stepId, from);
      const [before, rowsBefore, eventsBefore] = [
        await stepRow(stepId),
        await transitionsOf(stepId),
        await eventsOf(taskId),
      ];
      const step = move(taskId, stepId, from, to, token, {
        results: '{"given": 1}',
        retryable: false,
        retryLimit: 9,
        backoffSeconds: 7,
      });
      const [moved] = (await apply([step])).steps;
      expect(moved).toBeTypeOf('bigint');

      const added = (await transitionsOf(stepId)).slice(rowsBefore.length);
      const last = (rowsBefore.at(-1)?.['sort_key'] as number | undefined) ?? 0;
      const metadata = { actor: 'test' };
      expect(added).toEqual([
        ...(via === undefined
          ? []
          : [
              {
                from_state: from,
                to_state: via,
                sort_key: last + 10,
                most_recent: false,
                metadata,
              },
            ]),
        {
          from_state: via ?? from,
          to_state: to,
          sort_key: last + (via === undefined ? 10 : 20),
          most_recent: true,
          metadata,
        },
      ]);
      expect(await stepRow(stepId)).toEqual({
        ...before,
        updated_at: WRITTEN[name] === undefined ? before['updated_at'] : AT_TEXT,
        ...WRITTEN[name],
      });
      const events = (await eventsOf(taskId)).slice(eventsBefore.length);
      const kind = MOVE_KINDS.step.find((known) => known.from === from && known.to === to);
      expect(events).toEqual(kind?.events);

      expect((await apply([step])).steps).toEqual([undefined]);
      expect(await transitionsOf(stepId)).toHaveLength(rowsBefore.length + added.length);
      expect(await eventsOf(taskId)).toHaveLength(eventsBefore.length + events.length);
    });
  },
);

it('refuses what the machine does not allow before anything is written', async () => {
  const { taskId, steps } = await newChain('a', 'b');
  for (const from of WORKFLOW_STATES) {
    for (const to of WORKFLOW_STATES) {
      if (
        isAllowed('step', from, to) ||
        MOVE_KINDS.step.some((k) => k.from === from && k.to === to)
      ) {
        continue;
      }
      const good = move(taskId, steps[1]!, 'pending', 'cancelled', undefined);
      const bad = move(taskId, steps[0]!, from, to, undefined);
      await expect(apply([good, bad])).rejects.toMatchObject({
        code: 'TASKER_INVALID_TRANSITION',
        data: { id: String(steps[0]), from, to },
      });
    }
  }
  expect(await transitionsOf(steps[1]!)).toEqual([]);
});

it('loses to whoever was quicker, in both kinds of race', async () => {
  const { taskId, steps } = await newChain('only');
  const stepId = steps[0]!;
  const claim = move(taskId, stepId, 'pending', 'in_progress', undefined);
  const [[first], [second]] = [(await apply([claim])).steps, (await apply([claim])).steps];
  expect(first).toBeTypeOf('bigint');
  expect(second).toBeUndefined();

  await using other = await openOther();
  await client.query('BEGIN');
  await apply([move(taskId, stepId, 'in_progress', 'complete', first, { results: '1' })]);
  const late = log.apply(other.client, {
    steps: [move(taskId, stepId, 'in_progress', 'cancelled', first)],
    tasks: [],
    at: AT,
  });
  await using watcher = await openOther();
  await waitingSession(watcher.client);
  await client.query('COMMIT');
  expect((await late).steps).toEqual([undefined]);
  expect((await transitionsOf(stepId)).map((row) => row['to_state'])).toEqual([
    'in_progress',
    'complete',
  ]);
  expect(await eventsOf(taskId)).toEqual(['step.execution_requested', 'step.completed']);
});

async function openOther(): Promise<{ client: pg.Client } & AsyncDisposable> {
  const other = await connect(fixture.url);
  return { client: other, [Symbol.asyncDispose]: () => other.end() };
}

describe('a claim', () => {
  it('is refused while a parent is not done, unless the caller vouches for it', async () => {
    const { taskId, steps } = await newChain('a', 'b');
    const claim = move(taskId, steps[1]!, 'pending', 'in_progress', undefined);
    expect((await apply([claim])).steps).toEqual([undefined]);
    await bring(taskId, steps[0]!, 'error');
    expect((await apply([claim])).steps).toEqual([undefined]);
    expect((await apply([{ ...claim, guarded: false }])).steps[0]).toBeTypeOf('bigint');
  });

  it('goes with the completion of the parent, or not at all', async () => {
    const { taskId, steps } = await newChain('a', 'b');
    const token = await bring(taskId, steps[0]!, 'in_progress');
    const child = move(taskId, steps[1]!, 'pending', 'in_progress', undefined, {
      guarded: false,
      dependent: true,
    });
    const wrong = move(taskId, steps[0]!, 'in_progress', 'complete', token! + 1000n);
    expect((await apply([wrong, child])).steps).toEqual([undefined, undefined]);
    const done = { ...wrong, token };
    const outcome = await apply([done, child]);
    expect(outcome.steps.every((id) => id !== undefined)).toBe(true);
    expect(await eventsOf(taskId)).toEqual([
      'step.execution_requested',
      'step.completed',
      'step.execution_requested',
    ]);
  });
});

describe('a task', () => {
  it('completes with its last step in one statement, and not before', async () => {
    const { taskId, steps } = await newChain('a', 'b');
    const start = await apply(
      [move(taskId, steps[0]!, 'pending', 'in_progress', undefined)],
      [taskMove(taskId, 'pending', 'in_progress', undefined)],
    );
    const complete = taskMove(taskId, 'in_progress', 'complete', start.tasks[0]);
    const first = move(taskId, steps[0]!, 'in_progress', 'complete', start.steps[0]);
    expect(await apply([first], [complete])).toEqual({
      steps: [expect.any(BigInt)],
      tasks: [undefined],
    });
    const token = await bring(taskId, steps[1]!, 'in_progress');
    const last = move(taskId, steps[1]!, 'in_progress', 'complete', token);
    const outcome = await apply([last], [complete]);
    expect(outcome.tasks[0]).toBeTypeOf('bigint');
    const [task] = await rowsOf('SELECT complete FROM tasker_tasks WHERE task_id = $1', taskId);
    expect(task).toEqual({ complete: true });
    expect(await eventsOf(taskId)).toEqual([
      'task.start_requested',
      'step.execution_requested',
      'step.completed',
      'step.execution_requested',
      'step.completed',
      'task.completed',
    ]);
  });

  it('without steps completes; one with a step resolved by hand does too', async () => {
    const empty = await fixture.newTask();
    const [token] = (await apply([], [taskMove(empty, 'pending', 'in_progress', undefined)])).tasks;
    const done = await apply([], [taskMove(empty, 'in_progress', 'complete', token)]);
    expect(done.tasks[0]).toBeTypeOf('bigint');

    const { taskId, steps } = await newChain('a');
    await bring(taskId, steps[0]!, 'resolved_manually');
    const [started] = (await apply([], [taskMove(taskId, 'pending', 'in_progress', undefined)]))
      .tasks;
    const [complete] = (await apply([], [taskMove(taskId, 'in_progress', 'complete', started)]))
      .tasks;
    expect(complete).toBeTypeOf('bigint');
  });

  it('fails only with the step that fails it', async () => {
    const { taskId, steps } = await newChain('a');
    const token = await bring(taskId, steps[0]!, 'in_progress');
    const [started] = (await apply([], [taskMove(taskId, 'pending', 'in_progress', undefined)]))
      .tasks;
    const fail = taskMove(taskId, 'in_progress', 'error', started, { dependent: true });
    const lost = move(taskId, steps[0]!, 'in_progress', 'error', token! + 1000n);
    expect((await apply([lost], [fail])).tasks).toEqual([undefined]);
    expect((await apply([{ ...lost, token }], [fail])).tasks[0]).toBeTypeOf('bigint');
  });

  it('that failed starts again by way of pending', async () => {
    const taskId = await fixture.newTask();
    const [token] = (await apply([], [taskMove(taskId, 'pending', 'error', undefined)])).tasks;
    const [again] = (await apply([], [taskMove(taskId, 'error', 'in_progress', token)])).tasks;
    expect(again).toBeTypeOf('bigint');
    const rows = await rowsOf(
      'SELECT from_state, to_state FROM tasker_task_transitions WHERE task_id = $1 ORDER BY sort_key',
      taskId,
    );
    expect(rows.map((row) => `${String(row['from_state'])}>${String(row['to_state'])}`)).toEqual([
      'pending>error',
      'error>pending',
      'pending>in_progress',
    ]);
    expect(await eventsOf(taskId)).toEqual([
      'task.failed',
      'task.retry_requested',
      'task.start_requested',
    ]);
  });
});

it('keeps the exact wait of a failed step until the step goes on', async () => {
  const { taskId, steps } = await newChain('a');
  const stepId = steps[0]!;
  const waits = (): Promise<Row[]> =>
    rowsOf('SELECT next_attempt_at FROM tasker_core_steps WHERE step_id = $1', stepId);
  const token = await bring(taskId, stepId, 'in_progress');
  const failed = await apply([
    move(taskId, stepId, 'in_progress', 'error', token, {
      results: null,
      backoffSeconds: 2,
      nextAttemptAt: AT + 1_500_000,
    }),
  ]);
  expect(await waits()).toEqual([{ next_attempt_at: '2030-01-02 03:04:06.500006' }]);
  await apply([move(taskId, stepId, 'error', 'in_progress', failed.steps[0])]);
  expect(await waits()).toEqual([]);
});

it('makes hundreds of moves at once', async () => {
  const { taskId, steps } = await newChain(...Array.from({ length: 300 }, (_, at) => `s${at}`));
  const claims = steps.map((stepId) =>
    move(taskId, stepId, 'pending', 'in_progress', undefined, { guarded: false }),
  );
  const { steps: tokens } = await apply(claims);
  expect(new Set(tokens).size).toBe(300);
  const ends = steps.map((stepId, at) =>
    move(taskId, stepId, 'in_progress', at % 3 === 0 ? 'error' : 'complete', tokens[at], {
      results: JSON.stringify({ at, text: 'é"\\\n' }),
    }),
  );
  await apply(ends);
  const rows = await rowsOf(
    `SELECT t.to_state, t.sort_key, w.results FROM tasker_workflow_steps w
       JOIN tasker_workflow_step_transitions t USING (workflow_step_id)
      WHERE w.task_id = $1 AND t.most_recent ORDER BY w.workflow_step_id`,
    taskId,
  );
  expect(rows).toEqual(
    steps.map((_, at) => ({
      to_state: at % 3 === 0 ? 'error' : 'complete',
      sort_key: 20,
      results: { at, text: 'é"\\\n' },
    })),
  );
});
