import { StagedRows } from '../../graph/snapshot/staged-rows.ts';
import { parseInstant } from '../../graph/snapshot/instants.ts';
import { badField, integerField, textField, type InputRecord, type Place } from './read-fields.ts';
import type { SnapshotSource } from '../../graph/snapshot/snapshot-source.ts';
import {
  stageEdge,
  stageStep,
  stageStepTransition,
  stageTask,
  stageTaskTransition,
} from './stage-input.ts';
import { streamStaged } from './staged-stream.ts';

/** A 64-bit id in a row: exact as bigint or decimal text, a number up to 2^53. */
export type RowId = bigint | number | string;

/** A task as stored. */
export interface TaskInput {
  task_id: RowId;
  named_task_id: number;
}

/** A workflow step as stored; absent nullable columns count as null. */
export interface StepInput {
  workflow_step_id: RowId;
  task_id: RowId;
  named_step_id: number;
  attempts?: number | null;
  retry_limit?: number | null;
  retryable?: boolean | null;
  in_process?: boolean | null;
  processed?: boolean | null;
  skippable?: boolean | null;
  backoff_request_seconds?: number | null;
  /** UTC timestamp text. */
  last_attempted_at?: string | null;
  /** Stored next attempt (`tasker_core_steps`), read under `engine` rules. */
  next_attempt_at?: string | null;
}

/** An edge as stored. */
export interface EdgeInput {
  from_step_id: RowId;
  to_step_id: RowId;
}

/** A step transition as stored; rows that are not `most_recent` change nothing. */
export interface StepTransitionInput {
  id?: RowId;
  workflow_step_id: RowId;
  to_state: string;
  most_recent: boolean;
  created_at: string;
}

/** A task transition as stored. */
export interface TaskTransitionInput {
  id?: RowId;
  task_id: RowId;
  to_state: string;
  most_recent: boolean;
}

/** Rows in memory, in any order. */
export interface RowsInput {
  tasks: readonly TaskInput[];
  steps: readonly StepInput[];
  edges: readonly EdgeInput[];
  stepTransitions?: readonly StepTransitionInput[];
  taskTransitions?: readonly TaskTransitionInput[];
  /** Names of the named steps; a step without one has the name ''. */
  namedSteps?: readonly { named_step_id: number; name: string }[];
  /** The clock, UTC timestamp text; the host's clock where it is absent. */
  now?: string;
}

type StageRow = (rows: StagedRows, row: InputRecord, place: Place) => void;

/**
 * Rows in memory as a source of snapshots.
 *
 * @param taskIds restricts the answers to these tasks; edges from other tasks still count
 * Errors: TASKER_BAD_INPUT names the array, the index and the field; instants as in `directorySource`.
 */
export function rowsSource(input: RowsInput, taskIds?: readonly bigint[]): SnapshotSource {
  return {
    open: async (options) => {
      options.signal?.throwIfAborted();
      const rows = new StagedRows();
      const each = (file: string, records: readonly object[], stage: StageRow): void => {
        for (const [line, record] of records.entries()) {
          stage(rows, record as InputRecord, { file, line });
        }
      };
      each('tasks', input.tasks, stageTask);
      each('steps', input.steps, stageStep);
      rows.indexSteps();
      each('stepTransitions', input.stepTransitions ?? [], stageStepTransition);
      each('taskTransitions', input.taskTransitions ?? [], stageTaskTransition);
      each('edges', input.edges, stageEdge);
      rows.unknownParents();
      rows.indexEdges(false);
      return streamStaged({ rows, stepNames: namesOf(input), now: nowOf(input), taskIds }, options);
    },
  };
}

function namesOf(input: RowsInput): Map<number, string> {
  const names = new Map<number, string>();
  for (const [line, row] of (input.namedSteps ?? []).entries()) {
    const place = { file: 'namedSteps', line };
    const record = row as unknown as InputRecord;
    names.set(integerField(record, 'named_step_id', place), textField(record, 'name', place));
  }
  return names;
}

function nowOf(input: RowsInput): number | undefined {
  if (input.now === undefined) return undefined;
  const now = parseInstant(input.now);
  if (now === undefined)
    throw badField({ file: 'input', line: 0 }, 'now', input.now, 'a timestamp');
  return now;
}
