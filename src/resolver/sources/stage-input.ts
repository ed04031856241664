import { TaskerError } from '../../errors.ts';
import { STEP_FLAGS } from '../../graph/snapshot/layout.ts';
import { rowOf } from '../../graph/snapshot/row-problem.ts';
import type { StagedRows } from '../../graph/snapshot/staged-rows.ts';
import {
  booleanField,
  idField,
  instantField,
  integerField,
  integerOrNull,
  requiredBooleanField,
  requiredInstantField,
  textField,
  type InputRecord,
  type Place,
} from './read-fields.ts';

/** Stages a row of `tasks`: task_id, named_task_id. */
export function stageTask(rows: StagedRows, row: InputRecord, place: Place): void {
  const id = idField(row, 'task_id', place);
  const namedTask = integerField(row, 'named_task_id', place);
  const at = rows.nextTask();
  rows.taskIds.ids[at] = id;
  rows.namedTaskId[at] = namedTask;
}

/** Stages a row of `steps`; absent nullable fields count as null. */
export function stageStep(rows: StagedRows, row: InputRecord, place: Place): void {
  const id = idField(row, 'workflow_step_id', place);
  const task = idField(row, 'task_id', place);
  const namedStep = integerField(row, 'named_step_id', place);
  const attempts = integerOrNull(row, 'attempts', place);
  const limit = integerOrNull(row, 'retry_limit', place);
  const backoff = integerOrNull(row, 'backoff_request_seconds', place);
  const lastAttempt = instantField(row, 'last_attempted_at', place);
  const nextAttempt = instantField(row, 'next_attempt_at', place);
  const flags =
    (booleanField(row, 'processed', place, false) ? STEP_FLAGS.processed : 0) |
    (booleanField(row, 'in_process', place, false) ? STEP_FLAGS.inProcess : 0) |
    (booleanField(row, 'retryable', place, true) ? 0 : STEP_FLAGS.notRetryable) |
    (booleanField(row, 'skippable', place, false) ? STEP_FLAGS.skippable : 0) |
    (attempts === null ? STEP_FLAGS.attemptsNull : 0) |
    (limit === null ? STEP_FLAGS.retryLimitNull : 0) |
    (backoff === null ? STEP_FLAGS.backoffNull : 0);
  const at = rows.nextStep();
  rows.stepIds.ids[at] = id;
  rows.stepTaskIds.ids[at] = task;
  rows.namedStepId[at] = namedStep;
  rows.attempts[at] = attempts ?? 0;
  rows.retryLimit[at] = limit ?? 3;
  rows.backoffSeconds[at] = backoff ?? 0;
  rows.lastAttemptedAt[at] = lastAttempt;
  rows.nextAttemptAt[at] = nextAttempt;
  rows.flags[at] = flags;
}

/** Stages a row of `edges`: from_step_id, to_step_id. */
export function stageEdge(rows: StagedRows, row: InputRecord, place: Place): void {
  const from = idField(row, 'from_step_id', place);
  const to = idField(row, 'to_step_id', place);
  const at = rows.nextEdge();
  rows.edgeFrom.ids[at] = from;
  rows.edgeTo.ids[at] = to;
}

const low = (id: bigint): number => Number(BigInt.asUintN(32, id));
const high = (id: bigint): number => Number(BigInt.asUintN(32, id >> 32n));

/** Code of a state text; TASKER_TOO_LARGE when one run meets too many unknown texts. */
function stateCode(rows: StagedRows, text: string): number {
  const code = rows.states.code(text);
  if (code >= 0) return code;
  throw new TaskerError(
    'TASKER_TOO_LARGE',
    `State "${text}" is the 125th state text outside of the contract in one snapshot.`,
    { data: { state: text } },
  );
}

/** Applies a row of `step_transitions`, where it is the current one. */
export function stageStepTransition(rows: StagedRows, row: InputRecord, place: Place): void {
  const stepId = idField(row, 'workflow_step_id', place);
  const state = textField(row, 'to_state', place);
  const createdAt = requiredInstantField(row, 'created_at', place);
  if (!requiredBooleanField(row, 'most_recent', place)) return;
  const step = rows.findStep(low(stepId), high(stepId));
  const id = row['id'] === undefined ? undefined : idField(row, 'id', place);
  if (step !== -1) {
    rows.setStepState(step, stateCode(rows, state), createdAt, id);
    return;
  }
  rows.problems.push({
    code: 'TASKER_BAD_ROW',
    message: `${rowOf('step_transitions', id)} names step ${stepId}, which does not exist; it is left out.`,
    table: 'step_transitions',
    id: id ?? stepId,
    taskId: undefined,
    refused: false,
  });
}

/** Applies a row of `task_transitions`, where it is the current one. */
export function stageTaskTransition(rows: StagedRows, row: InputRecord, place: Place): void {
  const taskId = idField(row, 'task_id', place);
  const state = textField(row, 'to_state', place);
  if (!requiredBooleanField(row, 'most_recent', place)) return;
  const task = rows.findTask(low(taskId), high(taskId));
  const id = row['id'] === undefined ? undefined : idField(row, 'id', place);
  if (task !== -1) {
    rows.setTaskState(task, stateCode(rows, state), id);
    return;
  }
  rows.problems.push({
    code: 'TASKER_BAD_ROW',
    message: `${rowOf('task_transitions', id)} names task ${taskId}, which does not exist; it is left out.`,
    table: 'task_transitions',
    id: id ?? taskId,
    taskId,
    refused: false,
  });
}
