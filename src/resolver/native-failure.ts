import { TaskerError } from '../errors.ts';
import type { NativeAddon } from './native-addon.ts';

/**
 * The error for a call of the addon that failed: TASKER_BAD_SNAPSHOT with the section where the
 * snapshot contradicts itself, else TASKER_WORKER_LOST. O(steps + edges).
 */
export function nativeFailure(
  addon: NativeAddon,
  view: Uint8Array,
  cause: unknown,
  ticket?: number,
): TaskerError {
  const problem = problemOf(addon, view, ticket);
  if (problem === null) {
    const message = 'The native addon failed at its work.';
    const remedy = 'Set TASKER_NATIVE=off to do without it, and report the cause.';
    return new TaskerError('TASKER_WORKER_LOST', message, { cause, remedy });
  }
  const [section, what] = problem;
  const message = `The snapshot's ${section} ${what}.`;
  return new TaskerError('TASKER_BAD_SNAPSHOT', message, { cause, data: { section } });
}

function problemOf(
  addon: NativeAddon,
  view: Uint8Array,
  ticket: number | undefined,
): ReturnType<NativeAddon['findProblem']> {
  try {
    return addon.findProblem(view, ticket);
  } catch {
    return null; // another call has the snapshot, which is not looked into then
  }
}
