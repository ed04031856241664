import { STEP_FLAGS } from '../snapshot/layout.ts';
import { STATE_CODES } from '../snapshot/state-codes.ts';
import { counterOf, countReady, ownBits, settle, spreadDeadEnd } from './settle.ts';
import { adoptGhost, clearOwn } from './ghosts.ts';
import { ownRowBits } from '../rules/own-row.ts';
import { SHAPE } from './shapes.ts';
import { type ResidentStore, ONE_PARENT, TASK, TASK_BITS, WORD } from './store.ts';
import { newRecord, risesTo, type AddRefusal, type Placing } from './tasks.ts';

/** A graph that many tasks have, with the rows that its steps begin with, by position. */
export interface ShapeDefinition {
  /** First child of each position: `Uint32Array` of length S+1, from 0. */
  readonly offsets: Uint32Array;
  /** Children by position. */
  readonly children: Uint32Array;
  /** Limits of attempts; default 3 each. */
  readonly retryLimits?: Int32Array;
  /** Flag bytes, see `STEP_FLAGS`; default `backoffNull`. */
  readonly flags?: Uint8Array;
  /** First values of the caller's columns. */
  readonly columns?: Readonly<Record<string, ArrayLike<number> | ArrayLike<bigint>>>;
}

/** Rows of tasks that have begun, step by step, task after task; what is left out is as at creation. */
export interface ShapedRows {
  readonly state?: ArrayLike<number>;
  readonly attempts?: ArrayLike<number>;
  readonly retryLimit?: ArrayLike<number>;
  readonly flags?: ArrayLike<number>;
  readonly failedAt?: ArrayLike<number>;
  readonly nextAttemptAt?: ArrayLike<number>;
  readonly explicitUntil?: ArrayLike<number>;
}

/** What all new tasks of a template have in common. */
export class TemplateShape {
  readonly number: number;
  readonly steps: number;
  readonly definition: ShapeDefinition;
  /** Parents of each position. */
  readonly parents: Uint32Array;
  readonly retryLimit: Int32Array;
  readonly flags: Uint8Array;
  /** Words of steps that have not begun. */
  readonly words: Uint32Array;
  /** Positions without parents. */
  readonly roots: readonly number[];
  /** How many of the steps are dead from the start. */
  readonly anyDead: boolean;

  constructor(store: ResidentStore, number: number, definition: ShapeDefinition) {
    const steps = definition.offsets.length - 1;
    this.number = number;
    this.steps = steps;
    this.definition = definition;
    this.parents = new Uint32Array(steps);
    for (const child of definition.children) this.parents[child]! += 1;
    this.retryLimit = definition.retryLimits ?? new Int32Array(steps).fill(3);
    this.flags = definition.flags ?? new Uint8Array(steps).fill(STEP_FLAGS.backoffNull);
    const bits = this.#bits(store);
    this.words = Uint32Array.from(bits, (own, at) => this.parents[at]! * ONE_PARENT + own);
    this.roots = [...this.parents.keys()].filter((at) => this.parents[at] === 0);
    this.anyDead = bits.some((own) => (own & WORD.dead) !== 0);
  }

  /** Own bits of each position, by the one rule for rows. */
  #bits(store: ResidentStore): number[] {
    const nothing = new Float64Array(this.steps).fill(NaN);
    const rows = {
      rules: store.rules,
      state: new Uint8Array(this.steps),
      flags: this.flags,
      attempts: new Int32Array(this.steps),
      retryLimit: this.retryLimit,
      failedAt: nothing,
      nextAttemptAt: nothing,
      explicitUntil: nothing,
    };
    return Array.from({ length: this.steps }, (_, at) => ownRowBits(rows, at, true));
  }
}

/** Many tasks of one shape; checked. */
export interface ShapedTasks {
  readonly taskIds: ArrayLike<bigint>;
  /** Task after task, ascending within each. */
  readonly stepIds: ArrayLike<bigint>;
  readonly placingOf: (task: number) => Placing;
  readonly rows: ShapedRows | undefined;
}

/**
 * Adds tasks of one shape, all or none. O(steps), for tasks that have begun O(steps + edges).
 *
 * @returns their numbers, or why nothing was added
 */
export function addShapedTasks(
  store: ResidentStore,
  shape: TemplateShape,
  { taskIds, stepIds, placingOf, rows }: ShapedTasks,
): number[] | AddRefusal {
  const count = taskIds.length;
  const { steps } = shape;
  if (!store.reserve(count, count * steps, 0, count)) return 'full';
  const firsts = Array.from({ length: count }, () =>
    steps === 0 ? 0 : store.slots.allocate(steps),
  );
  const ghosts: [number, number][] = [];
  const records: number[] = [];
  const refusal =
    enterSteps(store, firsts, steps, stepIds, ghosts) ??
    enterTasks(store, shape, taskIds, placingOf, records);
  if (refusal !== undefined) {
    // of the steps, all were entered or none is any more
    if (refusal === 'task-present') leaveSteps(store, firsts, steps, count * steps, ghosts);
    if (steps > 0) for (const first of firsts.reverse()) store.slots.release(first, steps);
    return refusal;
  }
  clearRows(store, firsts, steps);
  for (const [at, record] of records.entries()) {
    const first = firsts[at] as number;
    store.tasks[(record << TASK_BITS) + TASK.first] = first;
    store.tasks[(record << TASK_BITS) + TASK.steps] = steps;
    writeRows(store, shape, first, record);
    if (rows === undefined && Number.isNaN(store.startAt[record])) begin(store, shape, record);
    else resume(store, shape, record, rows, at * steps);
  }
  for (const [ghost, slot] of ghosts) adoptGhost(store, ghost, slot);
  return records;
}

/** Writes ids and makes the steps findable; on one that cannot be, takes all of it back. */
function enterSteps(
  store: ResidentStore,
  firsts: readonly number[],
  steps: number,
  stepIds: ArrayLike<bigint>,
  ghosts: [number, number][],
): AddRefusal | undefined {
  const { stepId, stepIndex } = store;
  const ids = stepIds instanceof BigInt64Array ? stepIds : BigInt64Array.from(stepIds);
  const words = new Uint32Array(stepId.buffer, 0, stepId.length * 2);
  let entered = 0;
  for (const first of firsts) {
    stepId.set(ids.subarray(entered, entered + steps), first);
    for (let slot = first; slot < first + steps; slot++, entered++) {
      const rises = slot === first || risesTo(words, slot);
      const found = rises ? stepIndex.addNew(slot) : -1;
      if (rises && found === -1) continue;
      if (rises && store.ghosts.has(found)) {
        stepIndex.move(found, slot);
        ghosts.push([found, slot]);
        continue;
      }
      leaveSteps(store, firsts, steps, entered, ghosts);
      return rises ? 'step-present' : 'bad-rows';
    }
  }
  return undefined;
}

/** Takes back the first `entered` steps. */
function leaveSteps(
  store: ResidentStore,
  firsts: readonly number[],
  steps: number,
  entered: number,
  ghosts: readonly (readonly [number, number])[],
): void {
  const replaced = new Map(ghosts.map(([ghost, slot]) => [slot, ghost]));
  for (let at = 0; at < entered; at++) {
    const slot = (firsts[Math.floor(at / steps)] as number) + (at % steps);
    const ghost = replaced.get(slot);
    if (ghost === undefined) store.stepIndex.delete(slot);
    else store.stepIndex.move(slot, ghost);
  }
}

/** Makes a record for each task; on a task that is resident, or here twice, takes all of it back. */
function enterTasks(
  store: ResidentStore,
  shape: TemplateShape,
  taskIds: ArrayLike<bigint>,
  placingOf: (task: number) => Placing,
  records: number[],
): AddRefusal | undefined {
  for (let at = 0; at < taskIds.length; at++) {
    const id = taskIds[at] as bigint;
    if (store.findTask(id) === -1) {
      store.shapes.join(shape.number, 1);
      records.push(newRecord(store, id, shape.number, placingOf(at)));
      continue;
    }
    for (const record of records.reverse()) leaveTask(store, record);
    return 'task-present';
  }
  return undefined;
}

function leaveTask(store: ResidentStore, record: number): void {
  const at = record << TASK_BITS;
  store.taskIndex.delete(record);
  store.ready.leave(store.tasks[at + TASK.priorityClass] as number);
  store.shapes.leave(store.tasks[at + TASK.shape] as number);
  store.tasks.fill(0, at, at + (1 << TASK_BITS));
  store.unusedTasks.push(record);
  store.taskCount--;
}

/** Writes what is the same in every new row, block by block or over all blocks side by side. */
function clearRows(store: ResidentStore, firsts: readonly number[], steps: number): void {
  for (let at = 0; at < firsts.length;) {
    const start = firsts[at] as number;
    let end = start + steps;
    for (at++; at < firsts.length && firsts[at] === end; at++) end += steps;
    store.state.fill(STATE_CODES.pending, start, end);
    store.attempts.fill(0, start, end);
    store.blocked.fill(0, start, end);
    store.foreignEdges.fill(-1, start, end);
    store.failedAt.fill(NaN, start, end);
    store.nextAttemptAt.fill(NaN, start, end);
    store.explicitUntil.fill(NaN, start, end);
    clearOwn(store, start, end - start);
    if (steps === 0) return;
  }
}

/** What the template decides of the rows at creation, and the words that follow from them. */
function writeRows(
  store: ResidentStore,
  shape: TemplateShape,
  first: number,
  record: number,
): void {
  const { steps, words, flags, retryLimit, definition } = shape;
  const { tasks } = store;
  for (let at = 0, slot = first; at < steps; at++, slot++) {
    store.words[slot] = words[at] as number;
    store.flags[slot] = flags[at] as number;
    store.retryLimit[slot] = retryLimit[at] as number;
    store.taskOf[slot] = record;
  }
  if (store.own.size > 0) {
    for (const [name, values] of Object.entries(definition.columns ?? {}))
      store.own.get(name)?.set(values as never, first);
  }
  tasks[(record << TASK_BITS) + TASK.pending] = steps;
}

/** What may run at once in a task that has not begun. */
function begin(store: ResidentStore, shape: TemplateShape, record: number): void {
  const at = record << TASK_BITS;
  const first = store.tasks[at + TASK.first] as number;
  if (shape.anyDead) spreadOwnDeaths(store, first, shape.steps);
  for (const root of shape.roots) {
    const slot = first + root;
    const word = store.words[slot] as number;
    if ((word & WORD.mayRun) === 0) continue;
    if ((word & WORD.timed) !== 0) settle(store, slot);
    else {
      store.words[slot] = word | WORD.ready;
      countReady(store, slot, at);
    }
  }
}

function spreadOwnDeaths(store: ResidentStore, first: number, steps: number): void {
  for (let slot = first; slot < first + steps; slot++) {
    if (((store.words[slot] as number) & WORD.dead) !== 0) spreadDeadEnd(store, slot, 1);
  }
}

/** Puts the stored rows of a task that has begun in place of those at creation. */
function resume(
  store: ResidentStore,
  shape: TemplateShape,
  record: number,
  rows: ShapedRows | undefined,
  from: number,
): void {
  const { tasks, words, state } = store;
  const at = record << TASK_BITS;
  const first = tasks[at + TASK.first] as number;
  const { steps } = shape;
  for (let step = 0; step < steps; step++) {
    for (const name of ROW_COLUMNS) {
      const value = rows?.[name]?.[from + step];
      if (value !== undefined) store[name][first + step] = value;
    }
  }
  const base = store.shapes.field(shape.number, SHAPE.base);
  const graph = store.shapes.words;
  tasks[at + TASK.pending] = 0;
  for (let step = 0; step < steps; step++) {
    const slot = first + step;
    const bits = ownBits(store, slot);
    words[slot] = ((words[slot] as number) & ~(ONE_PARENT - 1)) | bits;
    const counter = at + counterOf(state[slot] as number);
    tasks[counter] = (tasks[counter] as number) + 1;
    if ((bits & WORD.exhausted) !== 0)
      tasks[at + TASK.exhausted] = (tasks[at + TASK.exhausted] as number) + 1;
  }
  for (let step = 0; step < steps; step++) {
    if (((words[first + step] as number) & WORD.done) === 0) continue;
    const last = base + (graph[base + step + 1] as number);
    for (let edge = base + (graph[base + step] as number); edge < last; edge++) {
      const child = first + (graph[edge] as number);
      words[child] = (words[child] as number) - ONE_PARENT;
    }
  }
  spreadOwnDeaths(store, first, steps);
  for (let slot = first; slot < first + steps; slot++) settle(store, slot);
}

const ROW_COLUMNS = [
  'state',
  'attempts',
  'retryLimit',
  'flags',
  'failedAt',
  'nextAttemptAt',
  'explicitUntil',
] as const;
