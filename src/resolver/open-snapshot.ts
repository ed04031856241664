import { types } from 'node:util';

import { TaskerError } from '../errors.ts';
import { openSnapshot } from '../graph/snapshot/layout.ts';
import type { GraphSnapshot, SnapshotTexts } from '../graph/snapshot/snapshot.ts';
import { findSnapshotProblem } from '../graph/snapshot/validate.ts';

/**
 * Opens a snapshot buffer that another program or thread has filled: header, section bounds,
 * offsets and every edge are checked once, so that no kernel can leave the buffer. O(N + E).
 *
 * Errors: TASKER_BAD_ARGUMENT for memory that threads cannot share; TASKER_BAD_SNAPSHOT names the
 * section and what is wrong with it.
 */
export function openSnapshotBuffer(
  buffer: SharedArrayBuffer,
  texts: SnapshotTexts = { stepNames: new Map(), foreignStates: [] },
): GraphSnapshot {
  // callers in plain JavaScript are not held back by the type: workers would get a copy
  if (!types.isSharedArrayBuffer(buffer)) {
    const value = Object.prototype.toString.call(buffer).slice('[object '.length, -1);
    throw new TaskerError(
      'TASKER_BAD_ARGUMENT',
      `Argument buffer is ${value}, not SharedArrayBuffer.`,
      { data: { field: 'buffer', value } },
    );
  }
  const views = openSnapshot(buffer);
  const problem = 'problem' in views ? views : findSnapshotProblem(views);
  if (problem !== undefined) {
    throw new TaskerError(
      'TASKER_BAD_SNAPSHOT',
      `The snapshot's ${problem.section} ${problem.problem}.`,
      { data: { section: problem.section } },
    );
  }
  return {
    views: views as Exclude<typeof views, { problem: string }>,
    texts,
    problems: [],
    loadedAt: undefined,
  };
}
