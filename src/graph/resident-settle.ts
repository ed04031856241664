import type { ResidentData } from './resident-data.ts';
import { isDeadEnd, waitEnd } from './resident-row.ts';
import { SHAPE, SHAPE_BITS } from './resident-shapes.ts';
import {
  CANDIDATE,
  NO_TASK,
  ONE_PARENT,
  RESIDENT_TASK,
  TASK,
  TASK_BITS,
  WORD,
} from './resident-words.ts';

/**
 * Puts a step where it belongs by its word and the clock: the ready queue, the timer queue or
 * neither. Reports it where it becomes ready. O(1).
 */
export function settle(data: ResidentData, slot: number): void {
  const word = data.words[slot] as number;
  let wanted = 0;
  if ((word & CANDIDATE) === WORD.mayRun) {
    const waits = (word & WORD.timed) !== 0 && waitEnd(data, slot) > data.now;
    wanted = waits ? WORD.waiting : WORD.ready;
  }
  const held = word & (WORD.ready | WORD.waiting);
  if (held === wanted && held !== WORD.waiting) return;
  if (held !== 0) unlist(data, slot);
  if (wanted === 0) return;
  data.words[slot] = (data.words[slot] as number) | wanted;
  if (wanted === WORD.waiting) {
    data.timers.add(slot);
    return;
  }
  countReady(data, slot, (data.taskOf[slot] as number) << TASK_BITS);
}

/** Counts, queues and reports a step that became ready; `record` is where its task's begins. */
function countReady(data: ResidentData, slot: number, record: number): void {
  const { tasks } = data;
  tasks[record + TASK.ready] = (tasks[record + TASK.ready] as number) + 1;
  enqueueOf(data, slot, record);
  data.report(slot);
}

/** Puts a ready step into the ready queue. O(1). */
export function enqueue(data: ResidentData, slot: number): void {
  enqueueOf(data, slot, (data.taskOf[slot] as number) << TASK_BITS);
}

function enqueueOf(data: ResidentData, slot: number, record: number): void {
  const { tasks } = data;
  const position = slot - (tasks[record + TASK.first] as number);
  const rank = data.shapes.rank(tasks[record + TASK.shape] as number, position);
  data.ready.add(slot, tasks[record + TASK.priorityClass] as number, rank);
}

/** Takes a ready or waiting step out of its queue and its count. O(1). */
export function unlist(data: ResidentData, slot: number): void {
  const word = data.words[slot] as number;
  data.words[slot] = word & ~(WORD.ready | WORD.waiting | WORD.taken);
  if ((word & WORD.waiting) !== 0) {
    data.timers.remove(slot);
    return;
  }
  leaveReady(data, slot, word, (data.taskOf[slot] as number) << TASK_BITS);
}

/** Takes a ready step whose word was `word` out of its task's count and, unless taken, the queue. */
export function leaveReady(data: ResidentData, slot: number, word: number, record: number): void {
  const { tasks } = data;
  tasks[record + TASK.ready] = (tasks[record + TASK.ready] as number) - 1;
  if ((word & WORD.taken) !== 0) return;
  data.ready.remove(slot, tasks[record + TASK.priorityClass] as number);
}

/** Bits with which a step is not simply to become ready where its last parent is done. */
const SETTLED = WORD.timed | WORD.ready | WORD.waiting;

/**
 * Tells the children of a step inside its task that it is done (-1) or no longer done (+1).
 * O(out-degree).
 */
export function passOn(data: ResidentData, slot: number, change: 1 | -1): void {
  const { tasks, words, shapes } = data;
  const record = (data.taskOf[slot] as number) << TASK_BITS;
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
      countReady(data, child, record);
      continue;
    }
    words[child] = word;
    if ((word & SETTLED) !== 0) settle(data, child);
  }
}

/** The same for children in other tasks. O(out-degree). */
export function passOnForeign(data: ResidentData, slot: number, change: 1 | -1): void {
  const { foreign, words } = data;
  let edge = data.foreignEdges[slot] as number;
  for (; edge !== -1; edge = foreign.nextOfParent(edge)) {
    const child = foreign.child(edge);
    words[child] = (words[child] as number) + change * ONE_PARENT;
    settle(data, child);
  }
}

/** Tells children in other tasks that the slot's own row is dead (1) or no longer so (-1). */
export function passOnDeath(data: ResidentData, slot: number, change: 1 | -1): void {
  const { foreign } = data;
  let edge = data.foreignEdges[slot] as number;
  for (; edge !== -1; edge = foreign.nextOfParent(edge)) block(data, foreign.child(edge), change);
}

/** One parent more or less of a step is at a dead end. */
export function block(data: ResidentData, slot: number, change: 1 | -1): void {
  const before = isDeadEnd(data, slot);
  data.blocked[slot] = (data.blocked[slot] as number) + change;
  if (isDeadEnd(data, slot) !== before) spreadDeadEnd(data, slot, change);
}

/**
 * Counts a step that came to a dead end (1) or left it (-1), and all that this decides further down
 * in its task. O(steps decided and their edges). A task with a cycle is set apart as a whole.
 */
export function spreadDeadEnd(data: ResidentData, slot: number, change: 1 | -1): void {
  const { tasks, shapes, blocked } = data;
  const task = data.taskOf[slot] as number;
  if (task === NO_TASK) return;
  const record = task << TASK_BITS;
  if (((tasks[record + TASK.flags] as number) & RESIDENT_TASK.cyclic) !== 0) return;
  const first = tasks[record + TASK.first] as number;
  const base = shapes.field(tasks[record + TASK.shape] as number, SHAPE.base);
  const graph = shapes.words;
  const open = [slot];
  for (let step = open.pop(); step !== undefined; step = open.pop()) {
    tasks[record + TASK.deadEnds] = (tasks[record + TASK.deadEnds] as number) + change;
    const from = base + step - first;
    const last = base + (graph[from + 1] as number);
    for (let edge = base + (graph[from] as number); edge < last; edge++) {
      const child = first + (graph[edge] as number);
      const before = isDeadEnd(data, child);
      blocked[child] = (blocked[child] as number) + change;
      if (isDeadEnd(data, child) !== before) open.push(child);
    }
  }
}
