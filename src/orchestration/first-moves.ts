import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';

import type { ActiveTask } from './active-task.ts';

/** Longest wait, ms. */
const LONGEST_MS = 100;

/** Leaves the server to the first claims of a start, for a moment, before all other tasks are read. */
export class FirstMoves {
  #statements = 0;
  #returned: PromiseWithResolvers<void> | undefined;

  /** Resolves when the statements that the tasks are in now have returned, or have taken too long. */
  async wait(tasks: Iterable<ActiveTask>): Promise<void> {
    await nextTurn();
    const lanes = new Set<number>();
    for (const task of tasks) if (task.inFlight > 0) lanes.add(task.lane);
    this.#statements = lanes.size;
    if (lanes.size === 0) return;
    this.#returned = Promise.withResolvers();
    await Promise.race([this.#returned.promise, sleep(LONGEST_MS, undefined, { ref: false })]);
    this.#returned = undefined;
  }

  /** A statement has returned. */
  settled(): void {
    if (--this.#statements === 0) this.#returned?.resolve();
  }
}
