import { expect, test } from 'vitest';

import type { Rules } from '../../src/graph/rules/rules.ts';
import { HEADER } from '../../src/graph/snapshot/layout.ts';
import { PIECE_VISITS } from '../../src/graph/snapshot/pieces.ts';
import { resolverOn, spoilOutputs } from '../support/backends.ts';
import { bareSnapshot, LARGE_NOW_MICROS, plannedViews, woven } from '../support/large-snapshots.ts';

const RULES: readonly Rules[] = ['rails', 'engine'];

test.each(RULES)(
  'others have their turn while one large task is resolved, %s rules',
  async (rules) => {
    const snapshot = bareSnapshot(plannedViews([woven(1_000_000)]));
    await using resolver = resolverOn('inline', rules);
    let turns = 0;
    const count = (): void => {
      turns++;
      next = setImmediate(count);
    };
    let next = setImmediate(count);
    await resolver.resolve(snapshot, { nowMicros: LARGE_NOW_MICROS });
    clearImmediate(next);
    const { steps, edges } = snapshot.views.counts;
    // one pass over steps and edges at least
    expect(turns).toBeGreaterThan((steps + edges) / PIECE_VISITS);
  },
);

test('a signal ends the resolution of one large task before it is done', async () => {
  const snapshot = bareSnapshot(plannedViews([woven(1_000_000)]));
  spoilOutputs(snapshot.views, 0xa5);
  await using resolver = resolverOn('inline', 'engine');
  const controller = new AbortController();
  const run = resolver.resolve(snapshot, {
    nowMicros: LARGE_NOW_MICROS,
    signal: controller.signal,
  });
  const reason = new Error('enough');
  setImmediate(() => controller.abort(reason));
  await expect(run).rejects.toBe(reason);
  // contexts come last
  expect(snapshot.views.executionStatus[0]).toBe(0xa5);
  expect(snapshot.views.header[HEADER.holder]).toBe(0);
  await resolver.resolve(snapshot, { nowMicros: LARGE_NOW_MICROS });
  expect(snapshot.views.executionStatus[0]).not.toBe(0xa5);
});
