import { expect, test } from 'vitest';

import { allocateSnapshot } from '../../src/graph/snapshot/layout.ts';
import { IdColumn } from '../../src/graph/snapshot/staged-columns.ts';
import { SnapshotTooLargeError } from '../../src/graph/snapshot/too-large.ts';
import type { SnapshotSource } from '../../src/graph/snapshot/snapshot-source.ts';
import { resolveTasks } from '../../src/resolver/resolve-tasks.ts';

const NOTHING = { tasks: 1, steps: 0, ghosts: 0, edges: 0, timed: 0 };

test.each([
  [{ ...NOTHING, tasks: 2 ** 31 }, 'tasks'],
  [{ ...NOTHING, steps: 2 ** 30, ghosts: 2 ** 30 }, 'steps'],
  [{ ...NOTHING, edges: 2 ** 31 }, 'edges'],
  [{ ...NOTHING, steps: 2 ** 31 - 1 }, 'bytes are more than the layout holds'],
])('%o is refused before anything is allocated', (counts, what) => {
  expect(() => allocateSnapshot(counts)).toThrow(SnapshotTooLargeError);
  expect(() => allocateSnapshot(counts)).toThrow(what);
});

test('a column grows to what positions number and no farther', () => {
  const column = new IdColumn(4);
  expect(() => column.grow(2 ** 33)).toThrow(SnapshotTooLargeError);
  expect(column.ids.length).toBe(4);
});

test('a run raises it by code', async () => {
  const source: SnapshotSource = {
    open: async () => {
      allocateSnapshot({ ...NOTHING, edges: 2 ** 31 });
      throw new Error('not reached');
    },
  };
  await expect(resolveTasks(source)[Symbol.asyncIterator]().next()).rejects.toMatchObject({
    code: 'TASKER_TOO_LARGE',
    remedy: expect.stringContaining('chunkSteps'),
  });
});
