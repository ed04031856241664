import type { Backend } from './backend.ts';

/** One place where the addon was looked for, and why it is not in use. */
export interface NativeAttempt {
  readonly place: string;
  readonly reason: string;
}

/** What came of looking for the addon. */
export interface NativeLoad {
  readonly backend: Backend | undefined;
  readonly attempts: readonly NativeAttempt[];
}

/**
 * Looks for the native addon. This version ships none, so the slot is always empty; the report
 * says so, and every backend choice works without it.
 */
export function loadNative(environment: Readonly<Record<string, string | undefined>>): NativeLoad {
  const reason =
    environment['TASKER_NATIVE'] === 'off'
      ? 'switched off by TASKER_NATIVE=off'
      : 'this version of tasker-core ships no addon';
  return { backend: undefined, attempts: [{ place: 'native addon', reason }] };
}
