import { isHeldExactly } from '../../graph/snapshot/instants.ts';
import { STEP_FLAGS } from '../../graph/snapshot/layout.ts';
import { STATE_CODES } from '../../graph/snapshot/state-codes.ts';
import type { StagedRows } from '../../graph/snapshot/staged-rows.ts';
import { TaskerError } from '../../errors.ts';
import type { CopyRow } from '../copy/copy-out.ts';
import { POSTGRES_EPOCH_US } from '../copy/postgres-epoch.ts';

const WORD = 4_294_967_296;

/**
 * A binary timestamp as µs since the epoch; infinite ones as ±Infinity.
 *
 * @param onInexact called for one that a double does not hold, in place of which NaN comes back
 */
function instantAt(view: DataView, at: number, onInexact: (micros: bigint) => void): number {
  const high = view.getInt32(at);
  const low = view.getUint32(at + 4);
  if (high === 0x7f_ff_ff_ff && low === 0xff_ff_ff_ff) return Infinity;
  if (high === -0x80_00_00_00 && low === 0) return -Infinity;
  const micros = high * WORD + low + POSTGRES_EPOCH_US;
  if (Number.isSafeInteger(micros)) return micros;
  const exact = view.getBigInt64(at) + BigInt(POSTGRES_EPOCH_US);
  if (isHeldExactly(exact)) return Number(exact);
  onInexact(exact);
  return NaN;
}

const utf8 = new TextDecoder('utf-8');
const KNOWN = Object.entries(STATE_CODES).map(([text, code]) => ({
  code,
  bytes: new TextEncoder().encode(text),
}));

/** Code of a state text of `length` bytes at `at`; known texts are compared byte by byte. */
function stateAt(rows: StagedRows, view: DataView, at: number, length: number): number {
  for (const { code, bytes } of KNOWN) {
    if (bytes.length !== length) continue;
    let same = 0;
    while (same < length && view.getUint8(at + same) === bytes[same]) same++;
    if (same === length) return code;
  }
  return stateCode(rows, utf8.decode(new Uint8Array(view.buffer, view.byteOffset + at, length)));
}

/** Code of any state text; TASKER_TOO_LARGE where a snapshot meets too many unknown ones. */
export function stateCode(rows: StagedRows, text: string): number {
  const code = rows.states.code(text);
  if (code >= 0) return code;
  throw new TaskerError(
    'TASKER_TOO_LARGE',
    `State "${text}" is the 125th state text outside of the contract in one snapshot.`,
    { data: { state: text } },
  );
}

/** Bits of the `flags` column of the step query. */
const PACKED = { retryable: 1, inProcess: 2, processed: 4, skippable: 8 } as const;

/**
 * Columns of the step query, in the order that {@link stepRow} reads them. Binary rows are read by width, so every type
 * is said; the server leaves out a cast to the type that a column has. Null flags count as the contract says.
 */
export const STEP_COLUMNS = `s.workflow_step_id::bigint, s.task_id::bigint, s.named_step_id::int,
  s.attempts::int, s.retry_limit::int,
  coalesce(s.retryable::int, 1) + coalesce(s.in_process::int, 0) * 2 + coalesce(s.processed::int, 0) * 4
    + coalesce(s.skippable::int, 0) * 8,
  s.backoff_request_seconds::int, s.last_attempted_at::timestamp`;

/** Stages a step from {@link STEP_COLUMNS}. */
export function stepRow(rows: StagedRows): CopyRow {
  return (view, start) => {
    const at = rows.nextStep();
    const id = rows.stepIds.words;
    const task = rows.stepTaskIds.words;
    id[at * 2 + 1] = view.getUint32(start + 4);
    id[at * 2] = view.getUint32(start + 8);
    task[at * 2 + 1] = view.getUint32(start + 16);
    task[at * 2] = view.getUint32(start + 20);
    rows.namedStepId[at] = view.getInt32(start + 28);
    let next = start + 32;
    let flags = 0;
    if (view.getInt32(next) === -1) {
      flags |= STEP_FLAGS.attemptsNull;
      rows.attempts[at] = 0;
      next += 4;
    } else {
      rows.attempts[at] = view.getInt32(next + 4);
      next += 8;
    }
    if (view.getInt32(next) === -1) {
      flags |= STEP_FLAGS.retryLimitNull;
      rows.retryLimit[at] = 3;
      next += 4;
    } else {
      rows.retryLimit[at] = view.getInt32(next + 4);
      next += 8;
    }
    const packed = view.getInt32(next + 4);
    next += 8;
    if ((packed & PACKED.retryable) === 0) flags |= STEP_FLAGS.notRetryable;
    if ((packed & PACKED.inProcess) !== 0) flags |= STEP_FLAGS.inProcess;
    if ((packed & PACKED.processed) !== 0) flags |= STEP_FLAGS.processed;
    if ((packed & PACKED.skippable) !== 0) flags |= STEP_FLAGS.skippable;
    if (view.getInt32(next) === -1) {
      flags |= STEP_FLAGS.backoffNull;
      next += 4;
    } else {
      rows.backoffSeconds[at] = view.getInt32(next + 4);
      next += 8;
    }
    rows.lastAttemptedAt[at] =
      view.getInt32(next) === -1
        ? NaN
        : instantAt(view, next + 4, (micros) =>
            rows.inexactInstant(at, 'last_attempted_at', micros),
          );
    rows.flags[at] = flags;
  };
}

/** Stages an edge from (to_step_id, from_step_id). */
export function edgeRow(rows: StagedRows): CopyRow {
  return (view, start) => {
    const at = rows.nextEdge();
    const to = rows.edgeTo.words;
    const from = rows.edgeFrom.words;
    to[at * 2 + 1] = view.getUint32(start + 4);
    to[at * 2] = view.getUint32(start + 8);
    from[at * 2 + 1] = view.getUint32(start + 16);
    from[at * 2] = view.getUint32(start + 20);
  };
}

/** Position of the step whose id stands in the first column, or -1 for another selection's. */
function stepAt(rows: StagedRows, view: DataView, start: number): number {
  return rows.findStep(view.getUint32(start + 8), view.getUint32(start + 4));
}

/**
 * Applies a current step transition from (workflow_step_id, to_state).
 *
 * @param onError called for each step that is in `error`: its instant is still to be read
 */
export function stepStateRow(rows: StagedRows, onError: () => void): CopyRow {
  return (view, start) => {
    const step = stepAt(rows, view, start);
    if (step === -1) return;
    const length = view.getInt32(start + 12);
    const code = stateAt(rows, view, start + 16, length);
    if (code === STATE_CODES.error) onError();
    rows.setStepState(step, code, NaN);
  };
}

/** Applies the instant of a failure, or a stored next attempt, from (step id, timestamp). */
export function instantRow(rows: StagedRows, into: 'failedAt' | 'nextAttemptAt'): CopyRow {
  return (view, start) => {
    const step = stepAt(rows, view, start);
    if (step === -1 || view.getInt32(start + 12) === -1) return;
    const column = into === 'failedAt' ? 'created_at' : 'next_attempt_at';
    rows[into][step] = instantAt(view, start + 16, (micros) =>
      rows.inexactInstant(step, column, micros),
    );
  };
}

/** Stages a task from (task_id, named_task_id, to_state). */
export function taskRow(rows: StagedRows): CopyRow {
  return (view, start) => {
    const at = rows.nextTask();
    const id = rows.taskIds.words;
    id[at * 2 + 1] = view.getUint32(start + 4);
    id[at * 2] = view.getUint32(start + 8);
    rows.namedTaskId[at] = view.getInt32(start + 16);
    const length = view.getInt32(start + 20);
    if (length === -1) return;
    const code = stateAt(rows, view, start + 24, length);
    rows.setTaskState(at, code);
  };
}
