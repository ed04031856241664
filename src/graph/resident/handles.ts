import { MOST_SLOTS, type ResidentStore, NO_TASK, TASK, TASK_BITS } from './store.ts';

/** What became of an operation: carried out, refused because the handle or the row is older than what
 * is resident, or refused because there is nothing at all that it could name. */
export type Outcome = 'ok' | 'stale' | 'unknown';

/** In place of a slot or task number where there is none. */
const UNKNOWN = -1;
const STALE = -2;

/**
 * Handle of the step or ghost in a used slot: its slot, and above it a stamp that changes when the
 * slot is given to another step. O(1).
 */
export function stepHandle(store: ResidentStore, slot: number): number {
  const task = store.taskOf[slot] as number;
  const stamp =
    task === NO_TASK
      ? (store.ghosts.get(slot) as number)
      : (store.tasks[(task << TASK_BITS) + TASK.stepStamp] as number);
  return stamp * MOST_SLOTS + slot;
}

/** Slot that a handle names, or `UNKNOWN` for what was never a handle here, or `STALE`. O(1). */
export function slotOf(store: ResidentStore, handle: number): number {
  const stamp = (handle / MOST_SLOTS) | 0;
  const slot = (handle - stamp * MOST_SLOTS) | 0;
  // what is not a whole number in range is not put together again
  if (stamp <= 0 || stamp * MOST_SLOTS + slot !== handle) return UNKNOWN;
  const task = store.taskOf[slot];
  if (task === undefined) return UNKNOWN;
  if (task === NO_TASK) return store.ghosts.get(slot) === stamp ? slot : STALE;
  if (store.tasks[(task << TASK_BITS) + TASK.stepStamp] !== stamp) return STALE;
  const first = store.tasks[(task << TASK_BITS) + TASK.first] as number;
  const count = store.tasks[(task << TASK_BITS) + TASK.steps] as number;
  return slot >= first && slot < first + count ? slot : STALE;
}

/** Handle of a resident task. O(1). */
export function taskHandle(store: ResidentStore, task: number): number {
  return (store.tasks[(task << TASK_BITS) + TASK.taskStamp] as number) * MOST_SLOTS + task;
}

/** Number of the task that a handle names, or `UNKNOWN`, or `STALE`. O(1). */
export function taskNumberOf(store: ResidentStore, handle: number): number {
  const stamp = (handle / MOST_SLOTS) | 0;
  const task = (handle - stamp * MOST_SLOTS) | 0;
  if (stamp <= 0 || stamp * MOST_SLOTS + task !== handle || task >= store.taskTop) return UNKNOWN;
  return store.tasks[(task << TASK_BITS) + TASK.taskStamp] === stamp ? task : STALE;
}

/** The outcome of an operation whose handle names nothing. */
export function refusal(found: number): 'stale' | 'unknown' {
  return found === STALE ? 'stale' : 'unknown';
}
