import { formatNaive } from '../../graph/snapshot/instants.ts';
import { moveKind, type MoveKind } from '../../state-machine/moves.ts';
import type { StepState, TaskState } from '../../state-machine/states.ts';
import type { Subject } from '../../state-machine/transition.ts';
import {
  boolArray,
  int2Array,
  int4Array,
  int8Array,
  jsonbArray,
  timestampArray,
  uuidArray,
} from '../copy/binary-arrays.ts';
import { EventIds } from '../event-store/event-ids.ts';
import { IdBlock, type Queries } from '../id-block.ts';
import { shapedStatements } from './shaped-statement.ts';
import { parametersOf, transitionStatement, type StatementShape } from './transition-statement.ts';

/** What the two kinds of move have in common. */
interface AnyMove {
  readonly taskId: bigint;
  /**
   * Id of the transition row that tells the present state: the move is made only while that row
   * does. Undefined where there is no row: the move is made only while there is none.
   */
  readonly token: bigint | undefined;
  /** JSON text of an object: actor, reason, engine, attempt, correlation id. */
  readonly metadata: string;
  /** Made only if every step move of the batch that has a token is made. */
  readonly dependent?: boolean;
}

/** One transition of a step (or two, where `pending` lies between), made only if nobody was quicker. */
export interface StepMove extends AnyMove {
  readonly stepId: bigint;
  readonly from: StepState;
  readonly to: StepState;
  /**
   * False for a step whose parents are known to be done: the guard is then not checked by the
   * statement. Default true.
   */
  readonly guarded?: boolean;
  /** JSON text; null for none. Left out, a column that may keep its value does. */
  readonly results?: string | null;
  readonly retryable?: boolean;
  readonly retryLimit?: number;
  readonly backoffSeconds?: number;
  /** µs since the epoch. */
  readonly nextAttemptAt?: number;
}

/** One transition of a task. */
export interface TaskMove extends AnyMove {
  readonly from: TaskState;
  readonly to: TaskState;
}

/** Moves that are made by one statement. */
export interface MoveBatch {
  readonly steps: readonly StepMove[];
  readonly tasks: readonly TaskMove[];
  /** The instant of all moves, µs since the epoch. */
  readonly at: number;
}

/**
 * What became of each move: the id of the row that tells the new state, which is the fencing token
 * of a step that is now in progress, or undefined where the move was lost: the state was another
 * already, or a guard did not pass. A lost move writes nothing.
 */
export interface MoveOutcome {
  readonly steps: readonly (bigint | undefined)[];
  readonly tasks: readonly (bigint | undefined)[];
}

/**
 * Writes transitions of tasks and steps: one statement for any number of them, with the columns that
 * the machines name and the durable events. See `docs/state-machines.md`.
 */
export class TransitionLog {
  readonly #stepIds = new IdBlock('tasker_workflow_step_transitions_id_seq');
  readonly #taskIds = new IdBlock('tasker_task_transitions_id_seq', 250);
  readonly #eventIds = new EventIds();

  /**
   * Makes the moves: all that are not lost, in one transaction (the client's own, where it has begun
   * one). Their events are stored in the order of the batch: starting tasks, steps, other tasks.
   *
   * Errors: TASKER_INVALID_TRANSITION before anything is written. O(moves).
   */
  async apply(client: Queries, batch: MoveBatch): Promise<MoveOutcome> {
    return this.run(client, await this.prepare(client, batch));
  }

  /** Fetches ids ahead of the first moves. */
  async warm(client: Queries): Promise<void> {
    await this.#stepIds.fill(client);
    await this.#taskIds.fill(client);
  }

  /** Gives the moves of a batch their ids, so that what became of them can be found out later. */
  async prepare(client: Queries, batch: MoveBatch): Promise<PreparedMoves> {
    const { steps, tasks } = batch;
    const stepKinds = steps.map(({ from, to, stepId }) => moveKind('step', from, to, stepId));
    const taskKinds = tasks.map(({ from, to, taskId }) => moveKind('task', from, to, taskId));
    const stepIds = await this.#stepIds.draw(client, steps.length + viaCount(stepKinds));
    const taskIds = await this.#taskIds.draw(client, tasks.length + viaCount(taskKinds));
    return {
      batch,
      stepKinds,
      taskKinds,
      stepIds: stepIds.slice(0, steps.length),
      taskIds: taskIds.slice(0, tasks.length),
      stepViaIds: idsBetween(stepKinds, stepIds.slice(steps.length)),
      taskViaIds: idsBetween(taskKinds, taskIds.slice(tasks.length)),
      stepEvents: this.#idsOfEvents(stepKinds, batch.at),
      taskEvents: this.#idsOfEvents(taskKinds, batch.at),
    };
  }

  /** Makes prepared moves; see {@link apply}. One statement. */
  async run(client: Queries, prepared: PreparedMoves): Promise<MoveOutcome> {
    const { batch, taskKinds, stepIds, taskIds } = prepared;
    const { steps, tasks } = batch;
    if (steps.length + tasks.length === 0) return { steps: [], tasks: [] };
    const places = taskKinds.map((kind, index) =>
      kind.to === 'in_progress' ? index : index + tasks.length + steps.length,
    );
    const encoded = { ...this.#encode(prepared), task_place: int4Array(places) };
    const { name, text, parameters } = statementOf(shapeOf(prepared));
    const { rows } = await client.query<{ lost_steps: number[]; lost_tasks: number[] }>({
      name,
      text,
      values: parameters.map((parameter) => encoded[parameter as keyof typeof encoded]),
    });
    const lostSteps = new Set(rows[0]?.lost_steps);
    const lostTasks = new Set(rows[0]?.lost_tasks);
    return {
      steps: stepIds.map((id, index) => (lostSteps.has(index + tasks.length) ? undefined : id)),
      tasks: taskIds.map((id, index) => (lostTasks.has(places[index] as number) ? undefined : id)),
    };
  }

  /**
   * What became of prepared moves whose answer was lost with the connection: their outcome where
   * the statement was committed, undefined where it was not. The session that ran it must be over.
   */
  async find(client: Queries, prepared: PreparedMoves): Promise<MoveOutcome | undefined> {
    const { rows } = await client.query<{ steps: string[]; tasks: string[] }>({
      name: 'tasker_find_moves',
      text: `SELECT ARRAY(SELECT id FROM tasker_workflow_step_transitions WHERE id = ANY ($1)) AS steps,
                    ARRAY(SELECT id FROM tasker_task_transitions WHERE id = ANY ($2)) AS tasks`,
      values: [int8Array(prepared.stepIds), int8Array(prepared.taskIds)],
    });
    const made = { steps: new Set(rows[0]?.steps), tasks: new Set(rows[0]?.tasks) };
    if (made.steps.size + made.tasks.size === 0) return undefined;
    const kept = (ids: readonly bigint[], found: ReadonlySet<string>): (bigint | undefined)[] =>
      ids.map((id) => (found.has(String(id)) ? id : undefined));
    return {
      steps: kept(prepared.stepIds, made.steps),
      tasks: kept(prepared.taskIds, made.tasks),
    };
  }

  #idsOfEvents(kinds: readonly MoveKind[], at: number): MoveEventIds[] {
    return kinds.map(({ via }) => ({
      via: via === undefined ? undefined : this.#eventIds.next(at),
      last: this.#eventIds.next(at),
    }));
  }

  #encode(prepared: PreparedMoves): Record<string, unknown> {
    const { steps, tasks, at } = prepared.batch;
    const { guards, stepRows } = shapeOf(prepared);
    return {
      at: formatNaive(at),
      flips: steps.filter(({ token }) => token !== undefined).length,
      ...encodeMoves(
        'step',
        steps,
        prepared.stepKinds,
        prepared.stepIds,
        prepared.stepViaIds,
        prepared.stepEvents,
      ),
      step_owner: int8Array(steps.map(({ stepId }) => stepId)),
      step_place: int4Array(steps.map((_, index) => index + tasks.length)),
      ...encodeMoves(
        'task',
        tasks,
        prepared.taskKinds,
        prepared.taskIds,
        prepared.taskViaIds,
        prepared.taskEvents,
      ),
      task_owner: int8Array(tasks.map(({ taskId }) => taskId)),
      ...(stepRows ? encodeStepRows(steps) : {}),
      ...(guards ? { step_guarded: boolArray(steps.map(({ guarded = true }) => guarded)) } : {}),
    };
  }
}

/** Moves with the ids that their rows will have. */
export interface PreparedMoves {
  readonly batch: MoveBatch;
  readonly stepKinds: readonly MoveKind[];
  readonly taskKinds: readonly MoveKind[];
  readonly stepIds: readonly bigint[];
  readonly taskIds: readonly bigint[];
  readonly stepViaIds: readonly (bigint | undefined)[];
  readonly taskViaIds: readonly (bigint | undefined)[];
  readonly stepEvents: readonly MoveEventIds[];
  readonly taskEvents: readonly MoveEventIds[];
}

/** Ids of the events of a move, 16 bytes each. */
export interface MoveEventIds {
  /** Of the transition to `pending`, where one lies between. */
  readonly via: Uint8Array | undefined;
  readonly last: Uint8Array;
}

/** Ids for the rows between, at the places of the moves that have one. */
function idsBetween(kinds: readonly MoveKind[], ids: readonly bigint[]): (bigint | undefined)[] {
  let next = 0;
  return kinds.map(({ via }) => (via === undefined ? undefined : ids[next++]));
}

const viaCount = (kinds: readonly MoveKind[]): number =>
  kinds.reduce((count, { via }) => (via === undefined ? count : count + 1), 0);

function encodeMoves(
  subject: Subject,
  moves: readonly AnyMove[],
  kinds: readonly MoveKind[],
  newIds: readonly bigint[],
  viaIds: readonly (bigint | undefined)[],
  events: readonly MoveEventIds[],
): Record<string, Buffer> {
  return {
    [`${subject}_task`]: int8Array(moves.map(({ taskId }) => taskId)),
    [`${subject}_token`]: int8Array(moves.map(({ token }) => token)),
    [`${subject}_id`]: int8Array(newIds),
    [`${subject}_via_id`]: int8Array(viaIds),
    [`${subject}_kind`]: int2Array(kinds.map(({ code }) => code)),
    [`${subject}_metadata`]: jsonbArray(moves.map(({ metadata }) => metadata)),
    [`${subject}_dependent`]: boolArray(moves.map(({ dependent = false }) => dependent)),
    [`${subject}_event`]: uuidArray(events.map(({ last }) => last)),
    [`${subject}_via_event`]: uuidArray(events.map(({ via }) => via)),
  };
}

function encodeStepRows(steps: readonly StepMove[]): Record<string, Buffer> {
  return {
    step_results: jsonbArray(steps.map(({ results }) => results)),
    step_results_given: boolArray(steps.map(({ results }) => results !== undefined)),
    step_retryable: boolArray(steps.map(({ retryable }) => retryable)),
    step_retry_limit: int4Array(steps.map(({ retryLimit }) => retryLimit)),
    step_backoff: int4Array(steps.map(({ backoffSeconds }) => backoffSeconds)),
    step_next_attempt: timestampArray(steps.map(({ nextAttemptAt }) => nextAttemptAt)),
  };
}

function shapeOf({ batch, stepKinds, taskKinds }: PreparedMoves): StatementShape {
  const { steps, tasks } = batch;
  const hasRow = ({ token }: AnyMove): boolean => token !== undefined;
  return {
    stepFlips: steps.some(hasRow),
    stepFirsts: !steps.every(hasRow),
    stepRows: steps.some(
      (move) =>
        (move.results ?? undefined) !== undefined ||
        move.retryable !== undefined ||
        move.retryLimit !== undefined ||
        move.backoffSeconds !== undefined ||
        move.nextAttemptAt !== undefined,
    ),
    guards: steps.some(({ guarded = true, to }) => guarded && to === 'in_progress'),
    taskFlips: tasks.some(hasRow),
    taskFirsts: !tasks.every(hasRow),
    taskEnds: taskKinds.some(({ from, to }) => from !== 'pending' || to !== 'in_progress'),
    retries:
      steps.some(({ from, nextAttemptAt }) => from === 'error' || nextAttemptAt !== undefined) ||
      [...stepKinds, ...taskKinds].some(({ via }) => via !== undefined),
  };
}

const statementOf = shapedStatements<StatementShape>({
  name: 'tasker_moves',
  parameters: parametersOf,
  text: transitionStatement,
});
