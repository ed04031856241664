import { setImmediate as nextTurn } from 'node:timers/promises';

import type { Coordinator } from './coordinator.ts';

/** Turns of the event loop without anything under way after which nothing will come of itself. */
const CALM_TURNS = 2;

/**
 * Resolves when nothing of a coordinator is under way: no attempt, no statement, no hook, no read of
 * tasks. Then only a timer, a notice or somebody else can make it do something.
 */
export async function quiet(coordinator: Coordinator): Promise<void> {
  const { executor, intake, lanes, memory } = coordinator;
  const isBusy = (): boolean =>
    executor.running > 0 ||
    memory.attempts.size > 0 ||
    intake.reading ||
    lanes.some((lane) => lane.busy) ||
    // its move is under way, or the hook at its end
    [...memory.discovery.tasks.values()].some((task) => task.moving);
  for (let calm = 0; calm < CALM_TURNS;) {
    await executor.idle();
    await Promise.all(lanes.map((lane) => lane.idle()));
    await nextTurn();
    calm = isBusy() ? 0 : calm + 1;
  }
}
