import type { Outcome } from './handles.ts';
import { SHAPE, SHAPE_BITS } from './shapes.ts';
import {
  CANDIDATE,
  NO_TASK,
  ONE_PARENT,
  PARENTS_SHIFT,
  PLACE,
  RESIDENT_TASK,
  type ResidentStore,
  TASK,
  TASK_BITS,
  WORD,
} from './store.ts';
import { OWN_ROW_BITS, type StepChange, ownRowBits, writeRow } from '../rules/own-row.ts';
import { engineRetryLimit } from '../rules/rules.ts';
import { RESULT_BITS, STEP_FLAGS } from '../snapshot/layout.ts';
import { STATE_CODES } from '../snapshot/state-codes.ts';

/** Own bits of a slot's word: what its row says, and whether its task has a start of its own. O(1). */
export function ownBits(store: ResidentStore, slot: number): number {
  const task = store.taskOf[slot] as number;
  if (task === NO_TASK) return ownRowBits(store, slot, false);
  const flags = store.tasks[(task << TASK_BITS) + TASK.flags] as number;
  const answered = store.rules === 'rails' || (flags & RESIDENT_TASK.cyclic) === 0;
  const bits = ownRowBits(store, slot, answered);
  return (flags & RESIDENT_TASK.starts) === 0 || (bits & WORD.done) !== 0
    ? bits
    : bits | WORD.timed;
}

/**
 * Puts a step where it belongs by its word and the clock: the ready queue, the timer queue or
 * neither. Reports it where it becomes ready. O(1), see `ReadyQueue`.
 */
export function settle(store: ResidentStore, slot: number): void {
  const word = store.words[slot] as number;
  let wanted = 0;
  if ((word & CANDIDATE) === WORD.mayRun) {
    const waits = (word & WORD.timed) !== 0 && store.startOf(slot) > store.now;
    wanted = waits ? WORD.waiting : WORD.ready;
  }
  const held = word & (WORD.ready | WORD.waiting);
  if (held === wanted && held !== WORD.waiting) return;
  if (held !== 0) unlist(store, slot);
  if (wanted === 0) return;
  store.words[slot] = (store.words[slot] as number) | wanted;
  if (wanted === WORD.waiting) {
    store.timers.add(slot);
    return;
  }
  countReady(store, slot, (store.taskOf[slot] as number) << TASK_BITS);
}

/** Counts, queues and reports a step that became ready; `record` is where its task's begins. */
export function countReady(store: ResidentStore, slot: number, record: number): void {
  const { tasks } = store;
  tasks[record + TASK.ready] = (tasks[record + TASK.ready] as number) + 1;
  store.changed(record);
  enqueue(store, slot, record);
  store.report(slot);
}

/**
 * Puts a ready step that is in no list into the ready queue, or among the held ones where its task
 * is. O(1), see `ReadyQueue`.
 */
export function enqueue(store: ResidentStore, slot: number, record: number): void {
  const { tasks, words } = store;
  const word = (words[slot] as number) & ~PLACE.mask;
  if (((tasks[record + TASK.flags] as number) & RESIDENT_TASK.held) !== 0) {
    words[slot] = word | PLACE.held;
    store.lists.append(store.held, slot);
    return;
  }
  words[slot] = word;
  const position = slot - (tasks[record + TASK.first] as number);
  const rank = store.shapes.rank(tasks[record + TASK.shape] as number, position);
  store.ready.add(slot, tasks[record + TASK.priorityClass] as number, rank);
}

/** Takes a ready or waiting step out of its queue and its count. */
export function unlist(store: ResidentStore, slot: number): void {
  const word = store.words[slot] as number;
  store.words[slot] = word & ~(WORD.ready | WORD.waiting | PLACE.mask);
  if ((word & WORD.waiting) !== 0) {
    store.timers.remove(slot);
    return;
  }
  leaveReady(store, slot, word, (store.taskOf[slot] as number) << TASK_BITS);
}

/** Takes a ready step whose word was `word` out of its task's count and the list that it is in. */
function leaveReady(store: ResidentStore, slot: number, word: number, record: number): void {
  const { tasks } = store;
  tasks[record + TASK.ready] = (tasks[record + TASK.ready] as number) - 1;
  store.changed(record);
  dequeue(store, slot, word, record);
}

/** Takes a ready step whose word was `word` out of the list that it is in. */
export function dequeue(store: ResidentStore, slot: number, word: number, record: number): void {
  const place = word & PLACE.mask;
  if (place === PLACE.queued)
    store.ready.remove(slot, store.tasks[record + TASK.priorityClass] as number);
  else if (place !== PLACE.taken) store.lists.remove(slot);
}

/** Bits with which a step is not simply to become ready where its last parent is done. */
const SETTLED = WORD.timed | WORD.ready | WORD.waiting;

/**
 * Tells the children of a step inside its task that it is done (-1) or no longer done (+1).
 * O(out-degree).
 */
function passOn(store: ResidentStore, slot: number, change: 1 | -1): void {
  const { tasks, words, shapes } = store;
  const record = (store.taskOf[slot] as number) << TASK_BITS;
  const first = tasks[record + TASK.first] as number;
  const shape = (tasks[record + TASK.shape] as number) << SHAPE_BITS;
  const base = shapes.records[shape + SHAPE.base] as number;
  const graph = shapes.words;
  const from = base + slot - first;
  const last = base + (graph[from + 1] as number);
  const difference = change * ONE_PARENT;
  for (let edge = base + (graph[from] as number); edge < last; edge++) {
    const child = first + (graph[edge] as number);
    const word = ((words[child] as number) + difference) | 0;
    if ((word & (CANDIDATE | SETTLED)) === WORD.mayRun) {
      words[child] = word | WORD.ready;
      countReady(store, child, record);
      continue;
    }
    words[child] = word;
    if ((word & SETTLED) !== 0) settle(store, child);
  }
}

/** The same for children in other tasks. O(out-degree). */
export function passOnForeign(store: ResidentStore, slot: number, change: 1 | -1): void {
  const { foreign, words } = store;
  let edge = store.foreignEdges[slot] as number;
  for (; edge !== -1; edge = foreign.nextOfParent(edge)) {
    const child = foreign.child(edge);
    words[child] = (words[child] as number) + change * ONE_PARENT;
    settle(store, child);
  }
}

/** Tells children in other tasks that the slot's own row is dead (1) or no longer so (-1). */
export function passOnDeath(store: ResidentStore, slot: number, change: 1 | -1): void {
  const { foreign } = store;
  let edge = store.foreignEdges[slot] as number;
  for (; edge !== -1; edge = foreign.nextOfParent(edge)) block(store, foreign.child(edge), change);
}

/** One parent more or less of a step is at a dead end. */
export function block(store: ResidentStore, slot: number, change: 1 | -1): void {
  const before = isDeadEnd(store, slot);
  store.blocked[slot] = (store.blocked[slot] as number) + change;
  if (isDeadEnd(store, slot) !== before) spreadDeadEnd(store, slot, change);
}

/**
 * Counts a step that came to a dead end (1) or left it (-1), and all that this decides further down
 * in its task. O(steps decided and their edges). A task with a cycle is set apart as a whole.
 */
export function spreadDeadEnd(store: ResidentStore, slot: number, change: 1 | -1): void {
  const { tasks, shapes, blocked } = store;
  const task = store.taskOf[slot] as number;
  if (task === NO_TASK) return;
  const record = task << TASK_BITS;
  if (((tasks[record + TASK.flags] as number) & RESIDENT_TASK.cyclic) !== 0) return;
  store.changed(record);
  const first = tasks[record + TASK.first] as number;
  const base = shapes.field(tasks[record + TASK.shape] as number, SHAPE.base);
  const graph = shapes.words;
  const open = [slot];
  for (let step = open.pop(); step !== undefined; step = open.pop()) {
    tasks[record + TASK.deadEnds] = (tasks[record + TASK.deadEnds] as number) + change;
    if (change === 1) store.deadEnds?.push(step);
    const from = base + step - first;
    const last = base + (graph[from + 1] as number);
    for (let edge = base + (graph[from] as number); edge < last; edge++) {
      const child = first + (graph[edge] as number);
      const before = isDeadEnd(store, child);
      blocked[child] = (blocked[child] as number) + change;
      if (isDeadEnd(store, child) !== before) open.push(child);
    }
  }
}

/** True where the slot's step can never complete, for its own sake or an ancestor's (`engine`). O(1). */
function isDeadEnd(store: ResidentStore, slot: number): boolean {
  const word = store.words[slot] as number;
  if ((word & WORD.dead) !== 0) return true;
  if ((word & WORD.done) !== 0 || store.blocked[slot] === 0) return false;
  return store.state[slot] !== STATE_CODES.in_progress;
}

/** What a resolution would write for the step in a slot: `RESULT_BITS` but `onCycle`. O(1). */
export function resultBitsOf(store: ResidentStore, slot: number): number {
  const word = store.words[slot] as number;
  const stored = store.retryLimit[slot] as number;
  const limit = store.rules === 'engine' ? engineRetryLimit(stored) : stored;
  const dead = (word & WORD.dead) !== 0;
  return (
    (word >>> PARENTS_SHIFT === 0 ? RESULT_BITS.dependenciesSatisfied : 0) |
    ((store.attempts[slot] as number) < limit ? RESULT_BITS.retryEligible : 0) |
    ((word & WORD.ready) === 0 ? 0 : RESULT_BITS.ready) |
    ((word & WORD.waiting) === 0 ? 0 : RESULT_BITS.waiting) |
    (dead ? RESULT_BITS.dead : 0) |
    (!dead && isDeadEnd(store, slot) ? RESULT_BITS.unreachable : 0) |
    ((word & WORD.exhausted) === 0 ? 0 : RESULT_BITS.exhausted)
  );
}

/** Field of a task's record that counts the steps of a state. */
export function counterOf(state: number): number {
  if (state >= STATE_CODES.complete) return TASK.completed;
  if (state === STATE_CODES.pending) return TASK.pending;
  if (state === STATE_CODES.in_progress) return TASK.inProgress;
  return state === STATE_CODES.error ? TASK.failed : TASK.other;
}

/**
 * Writes the row of a step or ghost, whatever it was before, and everything that follows from it.
 * O(out-degree), plus what lies behind a step that comes to a dead end or leaves it.
 */
export function writeStep(store: ResidentStore, slot: number, change: StepChange): void {
  const before = store.words[slot] as number;
  const stateBefore = store.state[slot] as number;
  const deadEndBefore = isDeadEnd(store, slot);
  writeRow(store, slot, change, store.now);
  const task = store.taskOf[slot] as number;
  const word = (before & ~OWN_ROW_BITS) | ownBits(store, slot);
  store.words[slot] = word;
  if (task !== NO_TASK) {
    const record = task << TASK_BITS;
    add(store, record + counterOf(stateBefore), -1);
    add(store, record + counterOf(store.state[slot] as number), 1);
    const exhausted = (word & WORD.exhausted) - (before & WORD.exhausted);
    if (exhausted !== 0) add(store, record + TASK.exhausted, Math.sign(exhausted));
    store.changed(record);
  }
  if (((before ^ word) & WORD.done) !== 0) {
    const step = (word & WORD.done) === 0 ? 1 : -1;
    if (task !== NO_TASK) passOn(store, slot, step);
    passOnForeign(store, slot, step);
  }
  if (((before ^ word) & WORD.dead) !== 0) {
    passOnDeath(store, slot, (word & WORD.dead) === 0 ? -1 : 1);
  }
  const deadEnd = isDeadEnd(store, slot);
  if (deadEnd !== deadEndBefore) spreadDeadEnd(store, slot, deadEnd ? 1 : -1);
  settle(store, slot);
}

/** The same, but what is done stays done: a change that comes too late is `stale`. */
export function changeStep(store: ResidentStore, slot: number, change: StepChange): Outcome {
  if (((store.words[slot] as number) & WORD.done) !== 0) return 'stale';
  writeStep(store, slot, change);
  return 'ok';
}

/** What {@link completeStep} and {@link startStep} cannot do in passing. */
const UNUSUAL = WORD.timed | WORD.dead | WORD.exhausted | WORD.foreign;

/**
 * Completes a step: state `complete`, processed, not in process; its other fields stay. One that is
 * done already is `stale`. O(out-degree).
 */
export function completeStep(store: ResidentStore, slot: number): Outcome {
  const word = store.words[slot] as number;
  if ((word & WORD.done) !== 0) return 'stale';
  const flags = ((store.flags[slot] as number) | STEP_FLAGS.processed) & ~STEP_FLAGS.inProcess;
  const task = store.taskOf[slot] as number;
  if ((word & UNUSUAL) !== 0 || task === NO_TASK || store.blocked[slot] !== 0) {
    writeStep(store, slot, { state: STATE_CODES.complete, flags });
    return 'ok';
  }
  const record = task << TASK_BITS;
  // a step without an instant never waits
  if ((word & WORD.ready) !== 0) leaveReady(store, slot, word, record);
  else store.changed(record);
  add(store, record + counterOf(store.state[slot] as number), -1);
  add(store, record + TASK.completed, 1);
  store.state[slot] = STATE_CODES.complete;
  store.flags[slot] = flags;
  store.words[slot] = (word & ~(WORD.mayRun | WORD.ready | PLACE.mask)) | WORD.done;
  passOn(store, slot, -1);
  return 'ok';
}

/**
 * Begins an attempt of a ready step: state `in_progress`, waits cleared. One that is not ready is
 * `stale`. O(1), see `ReadyQueue`.
 */
export function startStep(store: ResidentStore, slot: number): Outcome {
  const word = store.words[slot] as number;
  if ((word & WORD.ready) === 0) return 'stale';
  if ((word & UNUSUAL) !== 0 || store.blocked[slot] !== 0) {
    writeStep(store, slot, {
      state: STATE_CODES.in_progress,
      nextAttemptAt: NaN,
      explicitUntil: NaN,
    });
    return 'ok';
  }
  const record = (store.taskOf[slot] as number) << TASK_BITS;
  leaveReady(store, slot, word, record);
  add(store, record + counterOf(store.state[slot] as number), -1);
  add(store, record + TASK.inProgress, 1);
  store.state[slot] = STATE_CODES.in_progress;
  store.words[slot] = word & ~(WORD.mayRun | WORD.ready | PLACE.mask);
  return 'ok';
}

function add(store: ResidentStore, at: number, difference: number): void {
  store.tasks[at] = (store.tasks[at] as number) + difference;
}
