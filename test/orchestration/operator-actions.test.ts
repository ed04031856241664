import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { auditOf } from '../../src/database/audit-log.ts';
import { connect } from '../../src/database/connection.ts';
import { queriesOf } from '../../src/database/repositories/em-queries.ts';
import {
  railsStepReadiness,
  railsTaskContext,
} from '../../src/database/repositories/rails-queries.ts';
import { listenForTasks } from '../../src/database/engine/task-notices.ts';
import { installRailsFunctions } from '../../src/migrations/rails-functions.ts';
import {
  cancelStep,
  cancelTask,
  handBackTask,
  pauseTask,
  redriveTask,
  resolveStepByHand,
  resolveTaskByHand,
  resumeTask,
  retryStep,
} from '../../src/orchestration/operator-actions.ts';
import type { OperatorResult } from '../../src/orchestration/operator-transaction.ts';
import { WORKFLOW_STATES, type StepState, type TaskState } from '../../src/state-machine/states.ts';
import { openRepositories, type RepositoryFixture } from '../database/repositories/fixture.ts';
import { waitingSession } from '../database/with-client.ts';
import { moveStep, newOperatedTask, type OperatedFixture } from './operated-task.ts';

const BY = { actor: 'anna', reason: 'the gateway is back', correlationId: 'ticket-17' };
const METADATA = { actor: 'anna', reason: 'the gateway is back', correlation_id: 'ticket-17' };

let fixture: RepositoryFixture;
let client: pg.Client;

beforeAll(async () => {
  fixture = await openRepositories();
  client = await connect(fixture.url);
  await installRailsFunctions(client);
});

afterAll(async () => {
  await client.end();
  await fixture[Symbol.asyncDispose]();
});

type Row = Record<string, unknown>;

async function rowsOf(text: string, ...values: unknown[]): Promise<Row[]> {
  return (await client.query<Row>(text, values)).rows;
}

/** State of the task and of its steps by id, and whether it is paused. */
async function statesOf(taskId: bigint): Promise<string[]> {
  const rows = await rowsOf(
    `SELECT coalesce((SELECT to_state FROM tasker_task_transitions
                       WHERE task_id = $1 AND most_recent), 'pending') AS state, 0 AS id
      UNION ALL
     SELECT coalesce(x.to_state, 'pending'), s.workflow_step_id
       FROM tasker_workflow_steps s LEFT JOIN tasker_workflow_step_transitions x
         ON x.workflow_step_id = s.workflow_step_id AND x.most_recent
      WHERE s.task_id = $1 ORDER BY id`,
    taskId,
  );
  const paused = await rowsOf(
    'SELECT FROM tasker_core_tasks WHERE task_id = $1 AND paused_at IS NOT NULL',
    taskId,
  );
  return [...rows.map(({ state }) => state as string), ...(paused.length > 0 ? ['paused'] : [])];
}

const eventsOf = async (taskId: bigint): Promise<string[]> => {
  const rows = await rowsOf(
    `SELECT name FROM tasker_core_events WHERE task_id = $1 AND payload->>'actor' = 'anna'
      ORDER BY xid, position`,
    taskId,
  );
  return rows.map(({ name }) => name as string);
};

const countOf = async (table: string): Promise<unknown> =>
  (await rowsOf(`SELECT count(*) FROM ${table}`))[0]!['count'];

/** Everything that an action may write. */
async function written(): Promise<unknown[]> {
  const counts = [];
  for (const table of ['task_transitions', 'workflow_step_transitions']) {
    counts.push(await countOf(`tasker_${table}`));
  }
  for (const table of ['events', 'audit', 'tasks'])
    counts.push(await countOf(`tasker_core_${table}`));
  return counts;
}

async function openOther(): Promise<{ client: pg.Client } & AsyncDisposable> {
  const other = await connect(fixture.url);
  return { client: other, [Symbol.asyncDispose]: () => other.end() };
}

/** Steps of a task that is in each state. */
const STEPS_OF: Record<TaskState, StepState[]> = {
  pending: ['pending', 'pending'],
  in_progress: ['complete', 'in_progress', 'error', 'pending'],
  error: ['complete', 'error', 'error', 'pending'],
  complete: ['complete', 'resolved_manually'],
  cancelled: ['complete', 'cancelled'],
  resolved_manually: ['complete', 'error', 'pending'],
};

const TASK_ACTIONS = {
  cancel: cancelTask,
  pause: pauseTask,
  resume: resumeTask,
  redrive: redriveTask,
  resolve: resolveTaskByHand,
  hand_back: handBackTask,
};

type Expected = 'refused' | 'already' | { states: string[]; events: string[] };

const becomes = (states: string, ...events: string[]): Expected => ({
  states: states.split(' '),
  events,
});

/** What each action makes of a task in each state, written by hand. */
const TASK_TABLE: Record<keyof typeof TASK_ACTIONS, Record<TaskState, Expected>> = {
  cancel: {
    pending: becomes(
      'cancelled cancelled cancelled',
      'step.cancelled',
      'step.cancelled',
      'task.cancelled',
    ),
    in_progress: becomes(
      'cancelled complete cancelled cancelled cancelled',
      'step.cancelled',
      'step.retry_requested',
      'step.cancelled',
      'step.cancelled',
      'task.cancelled',
    ),
    error: becomes(
      'cancelled complete cancelled cancelled cancelled',
      'step.retry_requested',
      'step.cancelled',
      'step.retry_requested',
      'step.cancelled',
      'step.cancelled',
      'task.retry_requested',
      'task.cancelled',
    ),
    complete: becomes('cancelled complete resolved_manually', 'task.cancelled'),
    cancelled: 'already',
    resolved_manually: becomes(
      'cancelled complete cancelled cancelled',
      'step.retry_requested',
      'step.cancelled',
      'step.cancelled',
      'task.cancelled',
    ),
  },
  pause: {
    pending: becomes('pending pending pending paused', 'task.paused'),
    in_progress: becomes('in_progress complete in_progress error pending paused', 'task.paused'),
    error: becomes('error complete error error pending paused', 'task.paused'),
    complete: 'refused',
    cancelled: 'refused',
    resolved_manually: 'refused',
  },
  resume: {
    pending: 'already',
    in_progress: 'already',
    error: 'already',
    complete: 'refused',
    cancelled: 'refused',
    resolved_manually: 'refused',
  },
  redrive: {
    pending: 'already',
    in_progress: becomes(
      'in_progress complete in_progress pending pending',
      'step.retry_requested',
    ),
    error: becomes(
      'in_progress complete pending pending pending',
      'task.retry_requested',
      'task.start_requested',
      'step.retry_requested',
      'step.retry_requested',
    ),
    complete: 'refused',
    cancelled: 'refused',
    resolved_manually: 'refused',
  },
  resolve: {
    pending: 'refused',
    in_progress: 'refused',
    error: becomes('resolved_manually complete error error pending', 'task.resolved_manually'),
    complete: 'refused',
    cancelled: 'refused',
    resolved_manually: 'already',
  },
  hand_back: {
    pending: becomes('pending pending pending paused', 'task.paused'),
    in_progress: becomes(
      'pending complete in_progress error pending paused',
      'task.initialize_requested',
      'task.paused',
    ),
    error: becomes(
      'pending complete error error pending paused',
      'task.retry_requested',
      'task.paused',
    ),
    complete: 'refused',
    cancelled: 'refused',
    resolved_manually: 'refused',
  },
};

const STEP_ACTIONS = { cancel: cancelStep, retry: retryStep, resolve: resolveStepByHand };

/** What each action makes of a step in each state; its task is in progress. */
const STEP_TABLE: Record<keyof typeof STEP_ACTIONS, Record<StepState, Expected>> = {
  cancel: {
    pending: becomes('in_progress cancelled pending', 'step.cancelled'),
    in_progress: becomes('in_progress cancelled pending', 'step.cancelled'),
    complete: 'refused',
    error: becomes('in_progress cancelled pending', 'step.retry_requested', 'step.cancelled'),
    cancelled: 'already',
    resolved_manually: 'refused',
  },
  retry: {
    pending: 'already',
    in_progress: 'refused',
    complete: 'refused',
    error: becomes('in_progress pending pending', 'step.retry_requested'),
    cancelled: 'refused',
    resolved_manually: 'refused',
  },
  resolve: {
    pending: becomes('in_progress resolved_manually pending', 'step.resolved_manually'),
    in_progress: 'refused',
    complete: 'refused',
    error: becomes('in_progress resolved_manually pending', 'step.resolved_manually'),
    cancelled: 'refused',
    resolved_manually: 'already',
  },
};

/** One cell of a table. */
interface Case {
  readonly action: string;
  readonly state: TaskState;
  readonly expected: Expected;
}

/** A task for the case, and what acts on it. */
interface Prepared {
  readonly taskId: bigint;
  readonly stepId: bigint | undefined;
  readonly act: (more?: { dryRun: true }) => Promise<OperatorResult>;
}

const CASES: Case[] = Object.entries({ task: TASK_TABLE, step: STEP_TABLE }).flatMap(
  ([subject, table]) =>
    Object.entries(table).flatMap(([name, row]) =>
      WORKFLOW_STATES.map((state) => ({
        action: `${subject}.${name}`,
        state,
        expected: row[state],
      })),
    ),
);

async function prepare({ action, state }: Case): Promise<Prepared> {
  const [subject, name] = action.split('.') as [string, string];
  if (subject === 'task') {
    const { taskId } = await newOperatedTask(fixture, client, state, STEPS_OF[state]);
    const act = TASK_ACTIONS[name as keyof typeof TASK_ACTIONS];
    return { taskId, stepId: undefined, act: (more) => act(client, taskId, { ...BY, ...more }) };
  }
  const { taskId, steps } = await newOperatedTask(fixture, client, 'in_progress', [
    state,
    'pending',
  ]);
  const [stepId] = steps as [bigint];
  const act = STEP_ACTIONS[name as keyof typeof STEP_ACTIONS];
  return { taskId, stepId, act: (more) => act(client, stepId, { ...BY, ...more }) };
}

it.each(CASES.filter(({ expected }) => expected === 'refused'))(
  '$action is refused in state $state',
  async (refused) => {
    const { act } = await prepare(refused);
    const counts = await written();
    for (const trying of [act(), act({ dryRun: true })]) {
      await expect(trying).rejects.toMatchObject({
        code: 'TASKER_INVALID_TRANSITION',
        message: expect.stringContaining(`it is ${refused.state}`),
        data: { action: refused.action, state: refused.state },
      });
    }
    expect(await written()).toEqual(counts);
  },
);

it.each(CASES.filter(({ expected }) => expected === 'already'))(
  '$action has nothing to do in state $state',
  async (already) => {
    const { act, taskId } = await prepare(already);
    const counts = await written();
    for (const dryRun of [false, true]) {
      expect(await act(dryRun ? { dryRun } : undefined)).toMatchObject({
        action: already.action,
        taskId,
        alreadyDone: true,
        changes: [],
        dryRun,
      });
    }
    expect(await written()).toEqual(counts);
  },
);

it.each(
  CASES.flatMap((one) => (typeof one.expected === 'string' ? [] : [{ ...one, ...one.expected }])),
)('$action in state $state writes all there is to write', async (one) => {
  const { action, states, events } = one;
  const { act, taskId, stepId } = await prepare(one);
  const [before, counts] = [await statesOf(taskId), await written()];
  const tried = await act({ dryRun: true });
  expect(tried).toMatchObject({ action, dryRun: true, alreadyDone: false });
  expect(await written()).toEqual(counts);

  const result = await act();
  const after = await statesOf(taskId);
  expect(after).toEqual(states);
  expect(await eventsOf(taskId)).toEqual(events);
  expect(result).toMatchObject({ action, taskId, alreadyDone: false, dryRun: false });
  expect(result.changes).toMatchObject(tried.changes);
  expect([result.taskState, result.paused]).toEqual([after[0], after.includes('paused')]);
  expect([tried.taskState, tried.paused]).toEqual([result.taskState, result.paused]);

  for (const change of result.changes.filter(({ transitionId }) => transitionId !== undefined)) {
    const table = change.stepId === undefined ? 'task' : 'workflow_step';
    expect(
      await rowsOf(
        `SELECT to_state, most_recent, metadata FROM tasker_${table}_transitions WHERE id = $1`,
        change.transitionId,
      ),
    ).toEqual([{ to_state: change.to, most_recent: true, metadata: { ...METADATA, action } }]);
  }
  const { entries } = await auditOf(client, { taskId });
  expect(entries).toHaveLength(1);
  expect(entries[0]).toMatchObject({
    auditId: result.auditId,
    actor: 'anna',
    action,
    reason: BY.reason,
    taskId,
    stepId: stepId ?? null,
    at: result.at,
    details: {
      correlation_id: BY.correlationId,
      before: { state: before[0], paused: false },
      after: { state: result.taskState, paused: result.paused },
      changes: result.changes.map(({ from, to }) => ({ from, to })),
    },
  });
});

describe('a failed step of a task that is over', () => {
  it.each(['complete', 'cancelled', 'resolved_manually'] as const)(
    '(%s) is not tried again, but can be cancelled and resolved',
    async (state) => {
      const done = await newOperatedTask(fixture, client, state, ['resolved_manually']);
      // a step that came later, as a Rails engine may leave it
      const [late, later] = await fixture.newSteps(done.taskId, 'late', 'later');
      await moveStep(client, done.taskId, late!, ['in_progress', 'error']);
      await expect(retryStep(client, late!, BY)).rejects.toMatchObject({
        code: 'TASKER_INVALID_TRANSITION',
        message: expect.stringContaining(`its task ${done.taskId} is ${state}`),
      });
      expect((await cancelStep(client, late!, BY)).taskState).toBe(state);
      expect((await resolveStepByHand(client, later!, BY)).taskState).toBe(state);
      expect((await statesOf(done.taskId))[0]).toBe(state);
    },
  );
});

it.each([
  ['retry', retryStep, 'in_progress'],
  ['resolve', resolveStepByHand, 'in_progress'],
  ['cancel', cancelStep, 'error'],
] as const)('a failed task after step %s', async (_, act, state) => {
  const task = await newOperatedTask(fixture, client, 'error', ['error', 'pending']);
  expect((await act(client, task.steps[0]!, BY)).taskState).toBe(state);
  expect((await statesOf(task.taskId))[0]).toBe(state);
});

describe('the attempts of a step that is tried again', () => {
  const setLimits = async (
    task: OperatedFixture,
    limit: number,
    retryable: boolean,
  ): Promise<void> => {
    await client.query(
      `INSERT INTO tasker_named_tasks_named_steps
         (named_task_id, named_step_id, default_retry_limit, default_retryable, created_at, updated_at)
       SELECT t.named_task_id, s.named_step_id, $2, $3, now(), now()
         FROM tasker_tasks t JOIN tasker_workflow_steps s USING (task_id) WHERE t.task_id = $1`,
      [task.taskId, limit, retryable],
    );
  };
  const stepRow = async (stepId: bigint): Promise<Row> =>
    (
      await rowsOf(
        `SELECT attempts, retry_limit, retryable, processed, in_process, backoff_request_seconds,
                (SELECT count(*)::int FROM tasker_core_steps WHERE step_id = $1) AS waits
           FROM tasker_workflow_steps WHERE workflow_step_id = $1`,
        stepId,
      )
    )[0]!;

  it.each([
    [5, true, 6],
    [2, false, 3],
    [0, true, 2],
  ])(
    'are those of a template with limit %d, retryable %s, once more',
    async (limit, retryable, to) => {
      const task = await newOperatedTask(fixture, client, 'error', ['error']);
      await setLimits(task, limit, retryable);
      const [stepId] = task.steps as [bigint];
      await client.query(
        'UPDATE tasker_workflow_steps SET retry_limit = 1, retryable = false WHERE workflow_step_id = $1',
        [stepId],
      );
      expect(await stepRow(stepId)).toMatchObject({
        attempts: 1,
        waits: 1,
        backoff_request_seconds: 3600,
      });
      const result = await redriveTask(client, task.taskId, BY);
      expect(result.changes[0]?.retryLimit).toEqual({ from: 1, to });
      expect(await stepRow(stepId)).toEqual({
        attempts: 1,
        retry_limit: to,
        retryable,
        processed: false,
        in_process: false,
        backoff_request_seconds: null,
        waits: 0,
      });
      const [readiness] = await railsStepReadiness(client, task.taskId);
      expect(readiness).toMatchObject({
        current_state: 'pending',
        ready_for_execution: retryable,
        retry_eligible: true,
        attempts: 1,
        retry_limit: to,
      });
    },
  );

  it('grow by the limit each time, and never past what the column holds', async () => {
    const task = await newOperatedTask(fixture, client, 'error', ['error', 'pending']);
    const [stepId] = task.steps as [bigint];
    await retryStep(client, stepId, BY);
    expect(await stepRow(stepId)).toMatchObject({ attempts: 1, retry_limit: 4 });
    await moveStep(client, task.taskId, stepId, ['in_progress', 'error']);
    await retryStep(client, stepId, BY);
    expect(await stepRow(stepId)).toMatchObject({ attempts: 2, retry_limit: 5 });
    await moveStep(client, task.taskId, stepId, ['in_progress', 'error']);
    await client.query(
      'UPDATE tasker_workflow_steps SET attempts = 2147483647 WHERE workflow_step_id = $1',
      [stepId],
    );
    await retryStep(client, stepId, BY);
    expect(await stepRow(stepId)).toMatchObject({ attempts: 2147483647, retry_limit: 2147483647 });
  });
});

describe('a step resolved by hand', () => {
  it('takes results, and the journal keeps those that were there', async () => {
    const task = await newOperatedTask(fixture, client, 'error', ['error', 'pending']);
    const [stepId] = task.steps as [bigint];
    const results = { invoice: 17, note: 'paid by phone' };
    await resolveStepByHand(client, stepId, { ...BY, results });
    expect(
      await rowsOf(
        `SELECT results, processed, processed_at IS NOT NULL AS timed, in_process
           FROM tasker_workflow_steps WHERE workflow_step_id = $1`,
        stepId,
      ),
    ).toEqual([{ results, processed: true, timed: true, in_process: false }]);
    const { entries } = await auditOf(client, { taskId: task.taskId });
    expect(entries[0]?.details).toMatchObject({ results_replaced: { error: 'no luck' } });
    const readiness = await railsStepReadiness(client, task.taskId, [task.steps[1]!]);
    expect(readiness[0]).toMatchObject({ ready_for_execution: true });

    await expect(resolveStepByHand(client, stepId, { ...BY, results })).rejects.toMatchObject({
      code: 'TASKER_INVALID_TRANSITION',
      message: expect.stringContaining('its results stay'),
    });
  });

  it('leaves no task failed that could go on, nor wakes one that could not', async () => {
    // a chain: the third one waits for the second, which has failed too
    const chain = await newOperatedTask(fixture, client, 'error', ['error', 'error', 'pending']);
    const [first, second] = chain.steps as [bigint, bigint];
    expect((await resolveStepByHand(client, first, BY)).taskState).toBe('error');
    const last = await resolveStepByHand(client, second, BY);
    expect(last.taskState).toBe('in_progress');
    expect(last.changes.map(({ from, via, to }) => [from, via, to])).toEqual([
      ['error', undefined, 'resolved_manually'],
      ['error', 'pending', 'in_progress'],
    ]);
    expect(await railsTaskContext(client, chain.taskId)).toMatchObject({
      execution_status: 'has_ready_steps',
    });

    // two branches: the child of the first can run while the other stays failed
    const branches = await newOperatedTask(fixture, client, 'error', ['error', 'pending', 'error']);
    await client.query('DELETE FROM tasker_workflow_step_edges WHERE to_step_id = $1', [
      branches.steps[2],
    ]);
    expect((await resolveStepByHand(client, branches.steps[0]!, BY)).taskState).toBe('in_progress');

    // nothing else to do: the task goes on to be completed
    const only = await newOperatedTask(fixture, client, 'error', ['complete', 'error']);
    expect((await resolveStepByHand(client, only.steps[1]!, BY)).taskState).toBe('in_progress');
  });

  it.each([
    ['a function', () => 1],
    ['a bigint', { id: 1n }],
    ['NUL', ['a\0b']],
    ['a lone surrogate', { '\ud800': 1 }],
  ])('refuses results with %s', async (_, results) => {
    const task = await newOperatedTask(fixture, client, 'in_progress', ['pending']);
    const acting = resolveStepByHand(client, task.steps[0]!, { ...BY, results });
    await expect(acting).rejects.toMatchObject({
      code: 'TASKER_BAD_ARGUMENT',
      data: { field: 'results' },
    });
  });
});

describe('a request that cannot be taken', () => {
  it.each([
    ['actor', { actor: '' }],
    ['actor', { actor: 'x'.repeat(256) }],
    ['actor', { actor: undefined as unknown as string }],
    ['reason', { ...BY, reason: 'a\0b' }],
    ['reason', { ...BY, reason: 'x'.repeat(2001) }],
    ['correlationId', { ...BY, correlationId: '-17' }],
    ['correlationId', { ...BY, correlationId: 17 as unknown as string }],
  ])('is refused by its %s', async (field, request) => {
    await expect(cancelTask(client, 1n, request)).rejects.toMatchObject({
      code: 'TASKER_BAD_ARGUMENT',
      data: { field },
    });
  });

  it('names what does not exist', async () => {
    await expect(pauseTask(client, 2n ** 62n, BY)).rejects.toMatchObject({
      code: 'TASKER_UNKNOWN_TASK',
    });
    await expect(retryStep(client, 2n ** 62n, BY)).rejects.toMatchObject({
      code: 'TASKER_NOT_FOUND',
    });
    await expect(pauseTask(client, 2n ** 64n, BY)).rejects.toMatchObject({
      code: 'TASKER_BAD_ARGUMENT',
      data: { field: 'taskId' },
    });
    await expect(pauseTask(client, 7 as unknown as bigint, BY)).rejects.toMatchObject({
      code: 'TASKER_BAD_ARGUMENT',
    });
  });
});

it('pauses and resumes, and says where that is so already', async () => {
  const { taskId } = await newOperatedTask(fixture, client, 'in_progress', ['pending']);
  expect((await pauseTask(client, taskId, BY)).alreadyDone).toBe(false);
  expect(await pauseTask(client, taskId, BY)).toMatchObject({ alreadyDone: true, paused: true });
  expect(await resumeTask(client, taskId, BY)).toMatchObject({ alreadyDone: false, paused: false });
  expect((await resumeTask(client, taskId, BY)).alreadyDone).toBe(true);
  expect(await eventsOf(taskId)).toEqual(['task.paused', 'task.resumed']);

  await handBackTask(client, taskId, BY);
  expect((await handBackTask(client, taskId, BY)).alreadyDone).toBe(true);
  expect((await redriveTask(client, taskId, BY)).paused).toBe(true);
  expect(await statesOf(taskId)).toEqual(['pending', 'pending', 'paused']);
  expect(await resumeTask(client, taskId, BY)).toMatchObject({
    taskState: 'pending',
    paused: false,
  });
});

it('pauses no task of a Rails engine, which stays one', async () => {
  const { taskId } = await newOperatedTask(fixture, client, 'in_progress', ['pending']);
  await client.query('DELETE FROM tasker_core_tasks WHERE task_id = $1', [taskId]);
  await expect(pauseTask(client, taskId, BY)).rejects.toMatchObject({
    code: 'TASKER_INVALID_TRANSITION',
    remedy: 'Hold it back in the Rails application, or cancel it.',
  });
  await handBackTask(client, taskId, BY);
  expect(await statesOf(taskId)).toEqual(['pending', 'pending']);
  expect(await rowsOf('SELECT FROM tasker_core_tasks WHERE task_id = $1', taskId)).toEqual([]);
});

it('cancels what a cancelled task still has', async () => {
  const { taskId } = await newOperatedTask(fixture, client, 'cancelled', ['complete', 'pending']);
  const result = await cancelTask(client, taskId, BY);
  expect(result.changes).toHaveLength(1);
  expect(await statesOf(taskId)).toEqual(['cancelled', 'complete', 'cancelled']);
});

it('tells the engines, also of tasks that wait for the step', async () => {
  await using ear = await openOther();
  const one = await newOperatedTask(fixture, client, 'in_progress', ['error']);
  const other = await newOperatedTask(fixture, client, 'in_progress', ['pending']);
  await fixture.repositories.workflowStepEdges.create({
    fromStepId: one.steps[0]!,
    toStepId: other.steps[0]!,
  });
  const { promise, resolve } = Promise.withResolvers<bigint[]>();
  await listenForTasks(ear.client, resolve);
  await resolveStepByHand(client, one.steps[0]!, BY);
  expect(await promise).toEqual([one.taskId, other.taskId]);
});

describe("in the caller's transaction", () => {
  it('happens if and only if the caller commits', async () => {
    const { taskId } = await newOperatedTask(fixture, client, 'in_progress', ['pending']);
    await using own = await openOther();
    await own.client.query('BEGIN');
    await cancelTask(own.client, taskId, BY);
    expect(await statesOf(taskId)).toEqual(['in_progress', 'pending']);
    await own.client.query('ROLLBACK');
    expect(await statesOf(taskId)).toEqual(['in_progress', 'pending']);
    expect((await auditOf(client, { taskId })).entries).toEqual([]);

    await own.client.query('BEGIN');
    await cancelTask(own.client, taskId, BY);
    // a refusal leaves the transaction as it was
    await expect(pauseTask(own.client, taskId, BY)).rejects.toMatchObject({
      code: 'TASKER_INVALID_TRANSITION',
    });
    await own.client.query('COMMIT');
    expect(await statesOf(taskId)).toEqual(['cancelled', 'cancelled']);
    expect((await auditOf(client, { taskId })).entries).toHaveLength(1);
  });

  it('may be one of an entity manager', async () => {
    const { taskId } = await newOperatedTask(fixture, client, 'error', ['error']);
    const em = fixture.orm.em.fork();
    const failing = em.transactional(async (inside) => {
      await redriveTask(queriesOf(inside), taskId, BY);
      await pauseTask(queriesOf(inside), taskId, BY);
      throw new Error('not after all');
    });
    await expect(failing).rejects.toThrow('not after all');
    expect(await statesOf(taskId)).toEqual(['error', 'error']);
    const results = await em.transactional(async (inside) => {
      const session = queriesOf(inside);
      const redriven = await redriveTask(session, taskId, BY);
      return [redriven, await pauseTask(session, taskId, BY), await pauseTask(session, taskId, BY)];
    });
    expect(results.map(({ alreadyDone }) => alreadyDone)).toEqual([false, false, true]);
    expect(await statesOf(taskId)).toEqual(['in_progress', 'pending', 'paused']);
  });

  it('that sees no changes of others, one of them is a conflict', async () => {
    const { taskId, steps } = await newOperatedTask(fixture, client, 'in_progress', [
      'in_progress',
    ]);
    await using own = await openOther();
    await own.client.query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1');
    await moveStep(client, taskId, steps[0]!, ['error']);
    await expect(cancelTask(own.client, taskId, BY)).rejects.toMatchObject({
      code: 'TASKER_CONFLICT',
      data: { action: 'task.cancel', taskId: String(taskId) },
    });
    expect(own.client.getTransactionStatus()).toBe('T');
    await own.client.query('ROLLBACK');
  });
});

describe('while others change the task', () => {
  it('plans anew from what they left', async () => {
    const { taskId, steps } = await newOperatedTask(fixture, client, 'in_progress', [
      'in_progress',
      'pending',
      'in_progress',
    ]);
    await using engine = await openOther();
    await using operator = await openOther();
    await engine.client.query('BEGIN');
    await moveStep(engine.client, taskId, steps[0]!, ['complete']);
    await moveStep(engine.client, taskId, steps[1]!, ['in_progress']);
    const cancelling = cancelTask(operator.client, taskId, BY);
    await waitingSession(client);
    await engine.client.query('COMMIT');
    const result = await cancelling;
    expect(result.changes.map(({ stepId, from, to }) => [stepId, from, to])).toEqual([
      [steps[1], 'in_progress', 'cancelled'],
      [steps[2], 'in_progress', 'cancelled'],
      [undefined, 'in_progress', 'cancelled'],
    ]);
    expect(await statesOf(taskId)).toEqual(['cancelled', 'complete', 'cancelled', 'cancelled']);
    expect((await auditOf(client, { taskId })).entries).toHaveLength(1);
  });

  it('refuses what their change does not allow any more, and undoes its own part', async () => {
    const { taskId, steps } = await newOperatedTask(fixture, client, 'error', ['error']);
    await using other = await openOther();
    await using operator = await openOther();
    await other.client.query('BEGIN');
    await cancelTask(other.client, taskId, BY);
    const redriving = redriveTask(operator.client, taskId, BY);
    await waitingSession(client);
    await other.client.query('COMMIT');
    await expect(redriving).rejects.toMatchObject({ code: 'TASKER_INVALID_TRANSITION' });
    expect(operator.client.getTransactionStatus()).toBe('I');
    expect(await statesOf(taskId)).toEqual(['cancelled', 'cancelled']);

    expect(steps).toHaveLength(1);
  });

  it('lets one of two operators win, and tells the other that it is so already', async () => {
    const { taskId } = await newOperatedTask(fixture, client, 'error', ['error', 'error']);
    await using other = await openOther();
    const results = await Promise.all([
      redriveTask(client, taskId, BY),
      redriveTask(other.client, taskId, BY),
    ]);
    expect(new Set(results.map(({ alreadyDone }) => alreadyDone))).toEqual(new Set([false, true]));
    expect(results.flatMap(({ changes }) => changes)).toHaveLength(3);
    expect(await statesOf(taskId)).toEqual(['in_progress', 'pending', 'pending']);
    expect((await auditOf(client, { taskId })).entries).toHaveLength(1);
  });

  it('begins again after a deadlock', async () => {
    const { taskId } = await newOperatedTask(fixture, client, 'in_progress', ['in_progress']);
    await using other = await openOther();
    await using operator = await openOther();
    await other.client.query(`SET deadlock_timeout = '1h'; BEGIN`);
    await other.client.query(
      `UPDATE tasker_task_transitions SET updated_at = now() WHERE task_id = ${taskId} AND most_recent`,
    );
    // it cancels the step, then waits for the task
    await operator.client.query(`SET deadlock_timeout = '2s'`);
    const cancelling = cancelTask(operator.client, taskId, BY);
    await waitingSession(client);
    await other.client.query(
      `UPDATE tasker_workflow_step_transitions x SET updated_at = now()
         FROM tasker_workflow_steps s WHERE s.task_id = ${taskId}
          AND x.workflow_step_id = s.workflow_step_id AND x.most_recent`,
    );
    await other.client.query('COMMIT');
    expect((await cancelling).changes).toHaveLength(2);
    expect(await statesOf(taskId)).toEqual(['cancelled', 'cancelled']);
  });

  it('gives up when they never stop', async () => {
    await using own = await openRepositories();
    const operator = await connect(own.url);
    try {
      const { taskId } = await newOperatedTask(own, operator, 'error', ['error']);
      // somebody who is always quicker
      await operator.query(`
        CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
        CREATE TRIGGER lose BEFORE UPDATE ON tasker_workflow_step_transitions
          FOR EACH ROW EXECUTE FUNCTION lose()`);
      await expect(redriveTask(operator, taskId, BY)).rejects.toMatchObject({
        code: 'TASKER_CONFLICT',
      });
      expect(operator.getTransactionStatus()).toBe('I');
      const { rows } = await operator.query(
        `SELECT to_state FROM tasker_task_transitions WHERE task_id = $1 AND most_recent`,
        [taskId],
      );
      expect(rows).toEqual([{ to_state: 'error' }]);
    } finally {
      await operator.end();
    }
  });
});

it('cancels a task of a thousand steps in one go', async () => {
  const { taskId } = await newOperatedTask(fixture, client, 'in_progress', ['pending', 'pending']);
  await client.query(
    `INSERT INTO tasker_workflow_steps (task_id, named_step_id, created_at, updated_at)
     SELECT task_id, named_step_id, created_at, updated_at
       FROM tasker_workflow_steps, generate_series(1, 499) WHERE task_id = $1`,
    [taskId],
  );
  const result = await cancelTask(client, taskId, BY);
  expect(result.changes).toHaveLength(1001);
  expect(new Set(await statesOf(taskId))).toEqual(new Set(['cancelled']));
});

it('lists the journal page by page, newest first', async () => {
  const { taskId } = await newOperatedTask(fixture, client, 'in_progress', ['pending']);
  for (let round = 0; round < 3; round++) {
    await pauseTask(client, taskId, BY);
    await resumeTask(client, taskId, BY);
  }
  const actions: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await auditOf(client, {
      taskId,
      limit: 4,
      ...(cursor === undefined ? {} : { cursor }),
    });
    actions.push(...page.entries.map(({ action }) => action));
    cursor = page.next;
    // what is written meanwhile belongs before the first page
    if (actions.length === 4) await pauseTask(client, taskId, BY);
  } while (cursor !== undefined);
  const pair = ['task.resume', 'task.pause'];
  expect(actions).toEqual([...pair, ...pair, ...pair]);

  const all = await auditOf(client, { limit: 10_000 });
  expect(all.entries.length).toBeGreaterThan(7);
  expect(await auditOf(client, { since: 4e15 })).toEqual({ entries: [], next: undefined });
  for (const bad of [{ cursor: 'x' }, { cursor: 'WyJhIl0' }, { limit: 0 }, { limit: 1.5 }]) {
    await expect(auditOf(client, bad)).rejects.toMatchObject({ code: 'TASKER_BAD_ARGUMENT' });
  }
});
