import fc from 'fast-check';

import type { SnapshotViews } from '../../src/graph/snapshot/layout.ts';
import { plannedViews } from '../support/large-snapshots.ts';

/** A task's graph: edges from smaller to greater positions, some of them repeated. */
export interface DagCase {
  readonly steps: number;
  readonly edges: readonly (readonly [number, number])[];
  /** Database ids fall where positions rise, so that numbers are in no topological order. */
  readonly reversed: boolean;
  /** Whole seconds by step number in the snapshot: sums are exact. */
  readonly durations: readonly number[];
  readonly states: readonly number[];
}

/** Random graphs of up to nine steps. */
export const dagArb: fc.Arbitrary<DagCase> = fc.integer({ min: 1, max: 9 }).chain((steps) => {
  const at = fc.nat({ max: steps - 1 });
  return fc.record({
    steps: fc.constant(steps),
    edges: fc
      .array(fc.tuple(at, at), { maxLength: steps * 3 })
      .map((pairs) =>
        pairs
          .filter(([a, b]) => a !== b)
          .map(([a, b]): [number, number] => [Math.min(a, b), Math.max(a, b)]),
      ),
    reversed: fc.boolean(),
    durations: fc.array(fc.nat({ max: 5 }), { minLength: steps, maxLength: steps }),
    states: fc.array(fc.constantFrom(0, 0, 0, 1, 2, 3, 128, 129), {
      minLength: steps,
      maxLength: steps,
    }),
  });
});

/** The case as the second of two tasks, so that step numbers are not positions. */
export function viewsOf({ steps, edges, reversed }: DagCase): SnapshotViews {
  return plannedViews([
    { steps: 3, parentsOf: (step) => (step === 0 ? [] : [step - 1]) },
    {
      steps,
      reversed,
      parentsOf: (step) => edges.filter(([, to]) => to === step).map(([from]) => from),
    },
  ]);
}

/** Number of the task of {@link viewsOf} and of its first step. */
export const TASK = 1;
export const FIRST = 3;

/** Edges inside the task by step number, read from the parents. */
export function edgesOf(views: SnapshotViews): [number, number][] {
  const edges: [number, number][] = [];
  for (let step = FIRST; step < views.counts.steps; step++) {
    for (let edge = views.parentOffsets[step]!; edge < views.parentOffsets[step + 1]!; edge++) {
      edges.push([views.parents[edge]!, step]);
    }
  }
  return edges;
}

/** Every way from a step along these edges, the step included. */
export function waysFrom(step: number, edges: readonly (readonly [number, number])[]): number[][] {
  const next = [...new Set(edges.filter(([from]) => from === step).map(([, to]) => to))];
  const behind = next.flatMap((child) => waysFrom(child, edges));
  return [[step], ...behind.map((way) => [step, ...way])];
}

/** A task whose second and third step depend on each other. */
export const circle = (): SnapshotViews =>
  plannedViews([
    { steps: 3, parentsOf: (step) => (step === 0 ? [] : [step - 1]) },
    { steps: 3, parentsOf: (step) => [[], [0, 2], [1]][step]! },
  ]);
