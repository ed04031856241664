import type pg from 'pg';

import { TransitionLog } from '../../src/database/engine/transition-log.ts';
import type { StepState, TaskState } from '../../src/state-machine/states.ts';
import type { RepositoryFixture } from '../database/repositories/fixture.ts';

/** How a fresh task or step comes to each state. */
const STEP_PATHS = {
  pending: [],
  in_progress: ['in_progress'],
  complete: ['in_progress', 'complete'],
  error: ['in_progress', 'error'],
  cancelled: ['cancelled'],
  resolved_manually: ['resolved_manually'],
} as const satisfies Record<StepState, StepState[]>;

const TASK_PATHS = {
  ...STEP_PATHS,
  resolved_manually: ['error', 'resolved_manually'],
} as const satisfies Record<TaskState, TaskState[]>;

/** A task whose steps depend on each other in the order given. */
export interface OperatedFixture {
  readonly taskId: bigint;
  readonly steps: readonly bigint[];
}

const log = new TransitionLog();

/** Creates a chain of steps in these states, in a task in this one; guards are not asked. */
export async function newOperatedTask(
  fixture: RepositoryFixture,
  client: pg.ClientBase,
  taskState: TaskState,
  stepStates: readonly StepState[],
  names: readonly string[] = stepStates.map((_, at) => `step_${at}`),
): Promise<OperatedFixture> {
  const taskId = await fixture.newTask();
  await client.query(`INSERT INTO tasker_core_tasks (task_id, fleet) VALUES ($1, 'default')`, [
    taskId,
  ]);
  const steps = await fixture.newSteps(taskId, ...names);
  for (let at = 1; at < steps.length; at++) {
    await fixture.repositories.workflowStepEdges.create({
      fromStepId: steps[at - 1]!,
      toStepId: steps[at]!,
    });
  }
  for (const [at, stepId] of steps.entries()) {
    await moveStep(client, taskId, stepId, STEP_PATHS[stepStates[at]!]);
  }
  let from: TaskState = 'pending';
  let token: bigint | undefined;
  for (const to of TASK_PATHS[taskState]) {
    const done = stepStates.every((state) => state === 'complete' || state === 'resolved_manually');
    if (to === 'complete' && !done) throw new Error('a task with such steps is not complete');
    const move = { taskId, from, to, token, metadata: '{"actor":"test"}' };
    token = (await log.apply(client, { steps: [], tasks: [move], at: now() })).tasks[0];
    if (token === undefined) throw new Error(`task ${taskId} did not move to ${to}`);
    from = to;
  }
  return { taskId, steps };
}

/** Moves a step from where it is through these states, as an engine would. */
export async function moveStep(
  client: pg.ClientBase,
  taskId: bigint,
  stepId: bigint,
  path: readonly StepState[],
): Promise<void> {
  for (const to of path) {
    const { rows } = await client.query<{ id: string; to_state: StepState }>(
      `SELECT id, to_state FROM tasker_workflow_step_transitions
        WHERE workflow_step_id = $1 AND most_recent`,
      [stepId],
    );
    const move = {
      taskId,
      stepId,
      from: rows[0]?.to_state ?? 'pending',
      to,
      token: rows[0] === undefined ? undefined : BigInt(rows[0].id),
      metadata: '{"actor":"engine","engine":"7","attempt":1}',
      guarded: false,
      ...(to === 'error'
        ? { results: '{"error":"no luck"}', backoffSeconds: 3600, nextAttemptAt: now() + 3.6e9 }
        : {}),
      ...(to === 'complete' ? { results: '{"done":true}' } : {}),
    };
    const [moved] = (await log.apply(client, { steps: [move], tasks: [], at: now() })).steps;
    if (moved === undefined) throw new Error(`step ${stepId} did not move to ${to}`);
  }
}

const now = (): number => Date.now() * 1000;
