import fc from 'fast-check';
import { expect, test } from 'vitest';

import { blastRadius as blastRadiusInPieces } from '../../src/graph/analysis/blast-radius.ts';
import { RESULT_BITS, STEP_FLAGS, type SnapshotViews } from '../../src/graph/snapshot/layout.ts';
import { finishNow } from '../../src/graph/snapshot/pieces.ts';
import { resolveTaskRange } from '../../src/graph/kernels/resolve.ts';
import { STATE_CODES } from '../../src/graph/snapshot/state-codes.ts';
import { Scratch } from '../../src/graph/snapshot/topological-order.ts';
import { snapshotOf } from '../support/answers.ts';
import { dagArb, edgesOf, FIRST, viewsOf } from './analysis-cases.ts';

const blastRadius = (views: SnapshotViews, starts: readonly number[]): Uint32Array =>
  finishNow(blastRadiusInPieces(views, starts));
const runsOn = (state: number): boolean =>
  state >= STATE_CODES.complete || state === STATE_CODES.in_progress;
const engine = { rules: 'engine', nowMicros: 0, contexts: false, levels: false } as const;

// fast-check prints seed and path of a counterexample with the failure
test('is the fixpoint of "a parent cannot complete"', () => {
  fc.assert(
    fc.property(dagArb, fc.nat({ max: 8 }), (dag, pick) => {
      const views = viewsOf(dag);
      views.state.set(dag.states, FIRST);
      const start = FIRST + (pick % dag.steps);
      const edges = edgesOf(views);
      const stopped = new Set<number>();
      for (let before = -1; before !== stopped.size;) {
        before = stopped.size;
        for (const [parent, child] of edges) {
          if (runsOn(views.state[child]!)) continue;
          if (parent === start || stopped.has(parent)) stopped.add(child);
        }
      }
      const expected = [...stopped].toSorted((a, b) => a - b);
      expect([...blastRadius(views, [start])]).toStrictEqual(expected);
    }),
    { numRuns: 1000 },
  );
});

test('is what the kernels call unreachable once the step has failed for good', () => {
  fc.assert(
    fc.property(dagArb, fc.nat({ max: 8 }), (dag, pick) => {
      const views = viewsOf(dag);
      // nothing is dead before: pending, running or done
      views.state.set(
        dag.states.map((state) => (state === 1 || state > 3 ? state : 0)),
        FIRST,
      );
      views.attempts.fill(0);
      const start = FIRST + (pick % dag.steps);
      views.state[start] = STATE_CODES.error;
      views.flags[start] = STEP_FLAGS.notRetryable;
      resolveTaskRange(views, engine, 1, 2, new Scratch());
      const unreachable = Array.from(views.bits.keys()).filter(
        (step) => step >= FIRST && (views.bits[step]! & RESULT_BITS.unreachable) !== 0,
      );
      expect([...blastRadius(views, [start])]).toStrictEqual(unreachable);
    }),
    { numRuns: 1000 },
  );
});

test('reaches into other tasks, from ghosts as well', async () => {
  const step = (
    id: number,
    task: number,
  ): { workflow_step_id: number; task_id: number; named_step_id: number } => ({
    workflow_step_id: id,
    task_id: task,
    named_step_id: 1,
  });
  const { views } = await snapshotOf({
    tasks: [
      { task_id: 1, named_task_id: 1 },
      { task_id: 2, named_task_id: 1 },
    ],
    steps: [step(1, 1), step(2, 1), step(3, 2), step(4, 2)],
    edges: [
      { from_step_id: 1, to_step_id: 2 },
      { from_step_id: 2, to_step_id: 3 },
      { from_step_id: 3, to_step_id: 4 },
      { from_step_id: 99, to_step_id: 4 },
    ],
  });
  expect([...blastRadius(views, [0])]).toStrictEqual([1, 2, 3]);
  expect([...blastRadius(views, [4])]).toStrictEqual([3]);
  expect([...blastRadius(views, [2, 3])]).toStrictEqual([3]);
  expect([...blastRadius(views, [])]).toStrictEqual([]);
});
