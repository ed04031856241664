import { IdIndex } from './id-index.ts';
import { STEP_FLAGS, TASK_FLAGS } from './layout.ts';
import { inexactRow, wordsOf, type InexactInstant } from './inexact-instant.ts';
import { orderSteps, orderTasks, ownersOf } from './order-rows.ts';
import { rowOf, type RowProblem } from './row-problem.ts';
import { grown, IdColumn } from './staged-columns.ts';
import { STATE_CODES, StateTexts } from './state-codes.ts';

/**
 * Rows on their way into snapshots: columns of numbers in any order, about 54 bytes a step and 20
 * an edge. Fill tasks and steps, call `indexSteps`, apply transitions, add edges and foreign
 * steps, call `indexEdges`; then `buildSnapshot` cuts ranges of tasks out of it.
 *
 * After `indexSteps` the steps of a task are neighbours, ordered by id; steps of other tasks
 * (foreign parents) follow behind `ownedSteps`.
 */
export class StagedRows {
  states = new StateTexts();
  problems: RowProblem[] = [];

  taskCount = 0;
  readonly taskIds = new IdColumn(64);
  namedTaskId = new Int32Array(64);
  taskState = new Uint8Array(64);
  taskFlags = new Uint8Array(64);

  stepCount = 0;
  /** Steps of the staged tasks; known after `indexSteps`. */
  ownedSteps = 0;
  readonly stepIds = new IdColumn(256);
  readonly stepTaskIds = new IdColumn(256);
  namedStepId = new Int32Array(256);
  attempts = new Int32Array(256);
  retryLimit = new Int32Array(256);
  backoffSeconds = new Int32Array(256);
  lastAttemptedAt = new Float64Array(256);
  flags = new Uint8Array(256);
  state = new Uint8Array(256);
  failedAt = new Float64Array(256);
  nextAttemptAt = new Float64Array(256);

  edgeCount = 0;
  readonly edgeFrom = new IdColumn(256);
  readonly edgeTo = new IdColumn(256);

  /** First step of each task; length T + 1, after `indexSteps`. */
  taskSteps = new Int32Array(1);
  /** First parent of each owned step in `parents`; after `indexEdges`. */
  parentOffsets = new Int32Array(1);
  /** Staged step of each edge's parent, grouped by child; after `indexEdges`. */
  parents = new Int32Array(0);

  #taskIndex: IdIndex | undefined;
  #stepIndex: IdIndex | undefined;
  #foreignIndex: IdIndex | undefined;
  #foreignStart = 0;
  #edgeParent = new Int32Array(0);
  #edgeChild = new Int32Array(0);
  /** What has been said of refused rows: a third row like two others is no further problem. */
  #said = new Set<string>();
  #inexact: InexactInstant[] = [];

  /** Forgets all rows and keeps their room, so that the next chunk allocates nothing. */
  reset(): void {
    this.states = new StateTexts();
    this.problems = [];
    this.#said = new Set();
    this.#inexact = [];
    this.#stepIndex = undefined;
    this.taskCount = 0;
    this.stepCount = 0;
    this.ownedSteps = 0;
    this.edgeCount = 0;
    this.#foreignIndex = undefined;
  }

  /** Makes room for one more task and returns its position. */
  nextTask(): number {
    const at = this.taskCount++;
    if (at === this.taskState.length) {
      const capacity = at * 2;
      this.taskIds.grow(capacity);
      this.namedTaskId = grown(this.namedTaskId, capacity);
      this.taskState = grown(this.taskState, capacity);
      this.taskFlags = grown(this.taskFlags, capacity);
    }
    // the room may have been used before
    this.taskState[at] = 0;
    this.taskFlags[at] = 0;
    return at;
  }

  /** Makes room for one more step, all null, pending and without flags, and returns its position. */
  nextStep(): number {
    const at = this.stepCount++;
    if (at === this.state.length) {
      const capacity = at * 2;
      this.stepIds.grow(capacity);
      this.stepTaskIds.grow(capacity);
      this.namedStepId = grown(this.namedStepId, capacity);
      this.attempts = grown(this.attempts, capacity);
      this.retryLimit = grown(this.retryLimit, capacity);
      this.backoffSeconds = grown(this.backoffSeconds, capacity);
      this.lastAttemptedAt = grown(this.lastAttemptedAt, capacity);
      this.flags = grown(this.flags, capacity);
      this.state = grown(this.state, capacity);
      this.failedAt = grown(this.failedAt, capacity);
      this.nextAttemptAt = grown(this.nextAttemptAt, capacity);
    }
    this.attempts[at] = 0;
    this.retryLimit[at] = 3;
    this.backoffSeconds[at] = 0;
    this.lastAttemptedAt[at] = NaN;
    this.flags[at] = 0;
    this.state[at] = 0;
    this.failedAt[at] = NaN;
    this.nextAttemptAt[at] = NaN;
    return at;
  }

  /** Makes room for one more edge and returns its position. */
  nextEdge(): number {
    const at = this.edgeCount++;
    if (at * 2 === this.edgeFrom.words.length) {
      this.edgeFrom.grow(at * 2);
      this.edgeTo.grow(at * 2);
    }
    return at;
  }

  /**
   * Orders tasks by id and steps by (task, id), and finds every task's steps. Rows that come in
   * order cost O(n), others O(n log n).
   */
  indexSteps(): void {
    orderTasks(this);
    const index = new IdIndex(this.taskIds.words, this.taskCount);
    for (const at of index.duplicates) {
      const id = this.taskIds.ids[at] as bigint;
      // the rows are neighbours: none of them is answered, or the order of the input would decide
      this.taskFlags[at - 1] = (this.taskFlags[at - 1] as number) | TASK_FLAGS.refused;
      this.#refuse(at, 'tasks', id, 'stands in the input twice');
    }
    this.#taskIndex = index;
    const taskOf = ownersOf(this, index);
    this.ownedSteps = orderSteps(this, taskOf);
    this.taskSteps = new Int32Array(this.taskCount + 1);
    for (let at = 0; at < this.ownedSteps; at++) {
      const next = (taskOf[at] as number) + 1;
      this.taskSteps[next] = (this.taskSteps[next] as number) + 1;
    }
    for (let at = 0; at < this.taskCount; at++) {
      this.taskSteps[at + 1] = (this.taskSteps[at + 1] as number) + (this.taskSteps[at] as number);
    }
    this.#stepIndex = new IdIndex(this.stepIds.words, this.stepCount);
    for (const at of this.#stepIndex.duplicates) {
      const first = this.#stepIndex.find(
        this.stepIds.words[at * 2] as number,
        this.stepIds.words[at * 2 + 1] as number,
      );
      const id = this.stepIds.ids[at] as bigint;
      for (const position of [first, at]) {
        const task = taskOf[position] as number;
        if (task >= 0) this.#refuse(task, 'steps', id, 'stands in the input twice');
      }
    }
    this.#refuseInexact();
  }

  /** Takes the task of a step out of the answers because of an instant without an exact form; see there. */
  inexactInstant(step: number, column: InexactInstant['column'], micros: bigint): void {
    this.#inexact.push({ stepId: this.stepIds.ids[step] as bigint, column, micros });
    if (this.#stepIndex !== undefined) this.#refuseInexact();
  }

  #refuseInexact(): void {
    for (const instant of this.#inexact.splice(0)) {
      const task = this.taskOfStep(this.findStep(...wordsOf(instant.stepId)));
      // steps of other tasks are read for their state only
      if (task >= 0) this.#refuse(task, ...inexactRow(instant));
    }
  }

  /** Position of a staged task, or -1. */
  findTask(low: number, high: number): number {
    return (this.#taskIndex as IdIndex).find(low, high);
  }

  /** Position of a staged step, foreign ones included, or -1. */
  findStep(low: number, high: number): number {
    const own = (this.#stepIndex as IdIndex).find(low, high);
    if (own !== -1 || this.#foreignIndex === undefined) return own;
    const foreign = this.#foreignIndex.find(low, high);
    return foreign === -1 ? -1 : this.#foreignStart + foreign;
  }

  /** Task of a staged step, or -1 for a foreign one; O(log T). */
  taskOfStep(step: number): number {
    if (step < 0 || step >= this.ownedSteps) return -1;
    let low = 0;
    let high = this.taskCount;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.taskSteps[middle + 1] as number) <= step) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /**
   * Applies the current transition of a step.
   *
   * @param createdAt µs since the epoch; kept where the state is `error`
   * @param transitionId named in the problem, should this be a second current transition
   */
  setStepState(step: number, code: number, createdAt: number, transitionId?: bigint): void {
    const flags = this.flags[step] as number;
    if ((flags & STEP_FLAGS.transitioned) !== 0) {
      const task = this.taskOfStep(step);
      const id = this.stepIds.ids[step] as bigint;
      const message = `is the second current transition of step ${id}`;
      // nobody knows its state: to the steps of other tasks it counts as an unfinished parent
      this.state[step] = STATE_CODES.pending;
      this.failedAt[step] = NaN;
      if (task >= 0) this.#refuse(task, 'step_transitions', transitionId, message, id);
      else this.#reportSecondTransition(transitionId, message, id);
      return;
    }
    this.flags[step] = flags | STEP_FLAGS.transitioned;
    this.state[step] = code;
    if (code === STATE_CODES.error) this.failedAt[step] = createdAt;
  }

  /** A step outside of the staged tasks has no answer that could be refused. */
  #reportSecondTransition(id: bigint | undefined, message: string, step: bigint): void {
    this.problems.push({
      code: 'TASKER_BAD_ROW',
      message: `${rowOf('step_transitions', id)} ${message}; it counts as an unfinished parent.`,
      table: 'step_transitions',
      id: id ?? step,
      taskId: undefined,
      refused: false,
    });
  }

  /** Applies the current transition of a task. */
  setTaskState(task: number, code: number, transitionId?: bigint): void {
    const flags = this.taskFlags[task] as number;
    if ((flags & TASK_FLAGS.transitioned) !== 0) {
      const id = this.taskIds.ids[task] as bigint;
      const message = `is the second current transition of task ${id}`;
      this.#refuse(task, 'task_transitions', transitionId, message, id);
      return;
    }
    this.taskFlags[task] = flags | TASK_FLAGS.transitioned;
    this.taskState[task] = code;
  }

  /**
   * Looks up both ends of every edge.
   *
   * @returns ids of parents that no staged step has, each once; O(edges)
   */
  unknownParents(): bigint[] {
    if (this.#edgeParent.length < this.edgeCount) {
      this.#edgeParent = new Int32Array(this.edgeCount * 2);
      this.#edgeChild = new Int32Array(this.edgeCount * 2);
    }
    const unknown = new Set<bigint>();
    const from = this.edgeFrom.words;
    const to = this.edgeTo.words;
    for (let at = 0; at < this.edgeCount; at++) {
      const child = this.findStep(to[at * 2] as number, to[at * 2 + 1] as number);
      const parent = this.findStep(from[at * 2] as number, from[at * 2 + 1] as number);
      this.#edgeChild[at] = child;
      this.#edgeParent[at] = parent;
      if (parent === -1 && child !== -1) unknown.add(this.edgeFrom.ids[at] as bigint);
    }
    return [...unknown];
  }

  /** Makes the steps added behind the staged ones findable; call it after adding foreign steps. */
  indexForeign(from: number): void {
    this.#foreignStart = from;
    this.#foreignIndex = new IdIndex(
      this.stepIds.words.slice(from * 2, this.stepCount * 2),
      this.stepCount - from,
    );
  }

  /**
   * Groups the edges by child, in the order of the input; `unknownParents` comes first, and foreign
   * steps staged after it are found here. An edge from a step that does not exist counts as an
   * unfinished parent, as in SQL, and is reported; an edge to a step that does not exist is
   * reported. O(edges).
   *
   * @param ignoreUnknownChildren edges to steps outside the staged tasks are not ours to report
   */
  indexEdges(ignoreUnknownChildren: boolean): void {
    this.#findForeignParents();
    const offsets = new Int32Array(this.ownedSteps + 1);
    for (let at = 0; at < this.edgeCount; at++) {
      const step = this.#edgeChild[at] as number;
      if (step >= 0 && step < this.ownedSteps) {
        offsets[step + 1] = (offsets[step + 1] as number) + 1;
      } else if (step === -1 && !ignoreUnknownChildren) {
        this.#reportLostEdge(at);
      }
    }
    for (let at = 0; at < this.ownedSteps; at++) {
      offsets[at + 1] = (offsets[at + 1] as number) + (offsets[at] as number);
    }
    const fill = offsets.slice(0, this.ownedSteps);
    const parents = new Int32Array(offsets[this.ownedSteps] as number);
    for (let at = 0; at < this.edgeCount; at++) {
      const step = this.#edgeChild[at] as number;
      if (step < 0 || step >= this.ownedSteps) continue;
      const slot = fill[step] as number;
      fill[step] = slot + 1;
      parents[slot] = this.#edgeParent[at] as number;
    }
    this.parentOffsets = offsets;
    this.parents = parents;
  }

  /** Finds the parents staged since `unknownParents`; stages and reports those that do not exist. */
  #findForeignParents(): void {
    const from = this.edgeFrom.words;
    const missing = new Map<bigint, number>();
    for (let at = 0; at < this.edgeCount; at++) {
      const child = this.#edgeChild[at] as number;
      if (this.#edgeParent[at] !== -1 || child === -1) continue;
      let step = this.findStep(from[at * 2] as number, from[at * 2 + 1] as number);
      if (step === -1) {
        const id = this.edgeFrom.ids[at] as bigint;
        step = missing.get(id) ?? this.#stageMissing(id);
        missing.set(id, step);
        this.#reportMissingParent(at, child);
      }
      this.#edgeParent[at] = step;
    }
  }

  #stageMissing(id: bigint): number {
    const step = this.nextStep();
    this.stepIds.ids[step] = id;
    this.stepTaskIds.ids[step] = 0n;
    return step;
  }

  #reportMissingParent(at: number, child: number): void {
    const from = this.edgeFrom.ids[at] as bigint;
    const to = this.edgeTo.ids[at] as bigint;
    const task = this.taskOfStep(child);
    this.problems.push({
      code: 'TASKER_DANGLING_EDGE',
      message: `Edge ${from} -> ${to} comes from a step that does not exist; it counts as an unfinished parent.`,
      table: 'edges',
      id: from,
      taskId: task === -1 ? undefined : this.taskIds.ids[task],
      refused: false,
    });
  }

  #reportLostEdge(at: number): void {
    const from = this.edgeFrom.ids[at] as bigint;
    const to = this.edgeTo.ids[at] as bigint;
    this.problems.push({
      code: 'TASKER_DANGLING_EDGE',
      message: `Edge ${from} -> ${to} leads to a step that does not exist; no answer depends on it.`,
      table: 'edges',
      id: to,
      taskId: undefined,
      refused: false,
    });
  }

  /** Takes a task out of the answers because of a row; what is said of it already is not said again. */
  #refuse(
    task: number,
    table: RowProblem['table'],
    id: bigint | undefined,
    what: string,
    about = id ?? 0n,
  ): void {
    this.taskFlags[task] = (this.taskFlags[task] as number) | TASK_FLAGS.refused;
    const taskId = this.taskIds.ids[task] as bigint;
    const message = `${rowOf(table, id)} ${what}; task ${taskId} is set apart.`;
    if (this.#said.has(message)) return;
    this.#said.add(message);
    this.problems.push({
      code: 'TASKER_BAD_ROW',
      message,
      table,
      id: id ?? about,
      taskId,
      refused: true,
    });
  }
}
