import fc from 'fast-check';

import { readyStepIds } from '../../src/graph/kernels/answer-rows.ts';
import { buildSnapshot } from '../../src/graph/snapshot/build-snapshot.ts';
import { STEP_FLAGS, TASK_FLAGS, type SnapshotViews } from '../../src/graph/snapshot/layout.ts';
import type { StepChange } from '../../src/graph/rules/own-row.ts';
import { resolveTaskRange } from '../../src/graph/kernels/resolve.ts';
import type { Rules } from '../../src/graph/rules/rules.ts';
import { StagedRows } from '../../src/graph/snapshot/staged-rows.ts';
import { FIRST_FOREIGN_STATE, STATE_CODES } from '../../src/graph/snapshot/state-codes.ts';
import { Scratch } from '../../src/graph/snapshot/topological-order.ts';
import { bareSnapshot } from '../support/large-snapshots.ts';

/** The instant around which all waits end, µs since the epoch. */
export const NOW = 1_800_000_000_000_000;

/** Distances of an instant from the clock, none three times out of fourteen, µs. */
const DISTANCES = [
  NaN,
  NaN,
  NaN,
  0,
  1,
  -1,
  1000,
  40_000,
  2_000_000,
  -2_000_000,
  30_000_000,
  -30_000_000,
  Infinity,
  -Infinity,
];
const distanceArb = fc.constantFrom(...DISTANCES);

/** Any state, those that readiness turns on more often, and one that nobody knows. */
const stateArb = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('pending' as const, 'complete' as const) },
  { weight: 2, arbitrary: fc.constant('error' as const) },
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      'in_progress' as const,
      'cancelled' as const,
      'resolved_manually' as const,
    ),
  },
);
const stateCodeArb = fc.oneof(
  { weight: 9, arbitrary: stateArb.map((name) => STATE_CODES[name] as number) },
  { weight: 1, arbitrary: fc.constant(FIRST_FOREIGN_STATE) },
);

/** Flags that keep a step from running, every fourth time one. */
const holdArb = fc.oneof(
  { weight: 3, arbitrary: fc.constant(0) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(STEP_FLAGS.processed, STEP_FLAGS.inProcess, STEP_FLAGS.notRetryable),
  },
);

/** A row by the distances of its instants from a clock. */
export const rowArb = fc.record({
  state: stateCodeArb,
  attempts: fc.constantFrom(0, 0, 1, 1, 2, 4, 50, -1),
  retryLimit: fc.constantFrom(3, 3, 3, 50, 1, 0, -1),
  flags: fc
    .tuple(
      holdArb,
      fc.constantFrom(STEP_FLAGS.backoffNull, STEP_FLAGS.backoffNull, 0),
      fc.constantFrom(0, 0, STEP_FLAGS.attemptsNull, STEP_FLAGS.transitioned),
    )
    .map(([a, b, c]) => a | b | c),
  failure: distanceArb,
  next: distanceArb,
  last: distanceArb,
  backoffSeconds: fc.constantFrom(0, 1, 30),
});
export type Row = typeof rowArb extends fc.Arbitrary<infer R> ? R : never;

/** A task's graph: as many steps, and edges between their positions. */
interface Graph {
  readonly steps: number;
  readonly edges: readonly (readonly [number, number])[];
}

const graphArb: fc.Arbitrary<Graph> = fc.integer({ min: 1, max: 5 }).chain((steps) =>
  fc.record({
    steps: fc.constant(steps),
    edges: fc
      .array(fc.tuple(fc.nat({ max: steps - 1 }), fc.nat({ max: steps - 1 })), { maxLength: 7 })
      .map((pairs) =>
        pairs
          .filter(([a, b]) => a !== b)
          .map(([a, b]): [number, number] => [Math.min(a, b), Math.max(a, b)]),
      ),
  }),
);

/** What readiness knows of one step. */
export interface CaseStep extends StepColumns {
  readonly task: number;
}

interface StepColumns {
  state: number;
  attempts: number;
  retryLimit: number;
  flags: number;
  failedAt: number;
  nextAttemptAt: number;
  lastAttemptedAt: number;
  backoffSeconds: number;
}

/** Rows of tasks with few graphs; prints itself short, because fast-check prints what it draws. */
export class Case {
  readonly tasks: number;
  /** By task; a step's position is its number in the snapshot. */
  readonly steps: readonly CaseStep[];
  /** Parent and child by position; -1 is a step that is not there. */
  readonly edges: readonly (readonly [number, number])[];
  /** Tasks whose rows contradict each other. */
  readonly refused: readonly number[];
  /** State of the step that is not there: it may be in another snapshot. */
  foreignState: number = STATE_CODES.pending;

  constructor(of: Pick<Case, 'tasks' | 'steps' | 'edges' | 'refused'>) {
    this.tasks = of.tasks;
    this.steps = of.steps.map((step) => ({ ...step }));
    this.edges = of.edges;
    this.refused = of.refused;
  }

  [fc.toStringMethod](): string {
    const { tasks, steps, edges, refused } = this;
    return `${tasks} tasks, ${steps.length} steps, edges ${JSON.stringify(edges)}, refused ${JSON.stringify(refused)}`;
  }
}

/** Small numbers from a seed; the same for the same seed. */
function drawer(seed: number): (below: number) => number {
  let state = seed | 0;
  return (below) => {
    state = (Math.imul(state, 0x41_c6_4e_6d) + 0x30_39) | 0;
    return ((state >>> 8) ^ (state >>> 20)) % below;
  };
}

/**
 * Groups of 31 to 65 tasks, their tasks mixed, some tasks alone; a few edges between tasks, edges
 * from a step that is not there, edges against the order and circles.
 */
export const caseArb: fc.Arbitrary<Case> = fc
  .record({
    groups: fc.array(fc.tuple(graphArb, fc.constantFrom(1, 2, 31, 32, 33, 64, 65)), {
      minLength: 1,
      maxLength: 3,
    }),
    rows: fc.array(rowArb, { minLength: 1, maxLength: 12 }),
    seed: fc.nat(),
    between: fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 3 }),
    foreign: fc.array(fc.nat(), { maxLength: 2 }),
    backward: fc.array(fc.nat(), { maxLength: 2 }),
    refused: fc.array(fc.nat({ max: 130 }), { maxLength: 2 }),
  })
  .map((drawn) => {
    const draw = drawer(drawn.seed);
    const graphs = drawn.groups.flatMap(([graph, tasks]) =>
      Array.from({ length: tasks }, () => ({ graph, key: draw(1 << 20) })),
    );
    graphs.sort((a, b) => a.key - b.key);
    const steps: CaseStep[] = [];
    const edges: [number, number][] = [];
    for (const [task, { graph }] of graphs.entries()) {
      const first = steps.length;
      for (let step = 0; step < graph.steps; step++) {
        steps.push({ task, ...columnsOf(drawn.rows[draw(drawn.rows.length)]!, NOW) });
      }
      for (const [from, to] of graph.edges) edges.push([first + from, first + to]);
    }
    const any = (at: number): number => at % steps.length;
    for (const [from, to] of drawn.between) edges.push([any(from), any(to)]);
    for (const to of drawn.foreign) edges.push([-1, any(to)]);
    for (const from of drawn.backward) edges.push([any(from + 1), any(from)]);
    const refused = drawn.refused.filter((task) => task < graphs.length);
    return new Case({ tasks: graphs.length, steps, edges, refused });
  });

/** Of the step that is not there. */
const FOREIGN = 7n;

/** Ids that rise with the positions, past 32 bits. */
const idOf = (at: number): bigint => 2n ** 32n - 100n + BigInt(at) * 3n;

/** A row's columns, its instants set around a clock. */
export function columnsOf(row: Row, now: number): StepColumns {
  return {
    state: row.state,
    attempts: (row.flags & STEP_FLAGS.attemptsNull) === 0 ? row.attempts : 0,
    retryLimit: row.retryLimit,
    flags: row.flags,
    failedAt: row.state === STATE_CODES.error ? now + row.failure : NaN,
    nextAttemptAt: now + row.next,
    lastAttemptedAt: now + row.last,
    backoffSeconds: row.backoffSeconds,
  };
}

/** The same row as a change of everything. */
export function changeOf(step: CaseStep): StepChange {
  const { state, attempts, retryLimit, flags, failedAt, nextAttemptAt } = step;
  const change = { state, attempts, retryLimit, flags, failedAt, nextAttemptAt };
  const explicit = (flags & STEP_FLAGS.backoffNull) === 0;
  const explicitUntil = explicit ? step.lastAttemptedAt + step.backoffSeconds * 1_000_000 : NaN;
  return { ...change, explicitUntil };
}

/** A snapshot of the rows as they are now. */
export function viewsOf({ tasks, steps, edges, refused, foreignState }: Case): SnapshotViews {
  const rows = new StagedRows();
  for (let task = 0; task < tasks; task++) {
    const at = rows.nextTask();
    rows.taskIds.ids[at] = BigInt(task + 1);
    rows.namedTaskId[at] = task % 3;
  }
  for (const [position, step] of steps.entries()) {
    const at = rows.nextStep();
    rows.stepIds.ids[at] = idOf(position);
    rows.stepTaskIds.ids[at] = BigInt(step.task + 1);
    rows.state[at] = step.state;
    rows.attempts[at] = step.attempts;
    rows.retryLimit[at] = step.retryLimit;
    rows.flags[at] = step.flags;
    rows.failedAt[at] = step.failedAt;
    rows.nextAttemptAt[at] = step.nextAttemptAt;
    rows.lastAttemptedAt[at] = step.lastAttemptedAt;
    rows.backoffSeconds[at] = step.backoffSeconds;
  }
  const foreign = rows.nextStep();
  rows.stepIds.ids[foreign] = FOREIGN;
  rows.stepTaskIds.ids[foreign] = BigInt(tasks + 1);
  rows.state[foreign] = foreignState;
  for (const [from, to] of edges) {
    const at = rows.nextEdge();
    rows.edgeFrom.ids[at] = from === -1 ? FOREIGN : idOf(from);
    rows.edgeTo.ids[at] = idOf(to);
  }
  rows.indexSteps();
  rows.unknownParents();
  rows.indexEdges(true);
  const views = buildSnapshot(rows, 0, rows.taskCount);
  for (const task of refused) views.taskFlags[task] = views.taskFlags[task]! | TASK_FLAGS.refused;
  return views;
}

/** What the kernels say of the rows as they are now. */
export function askKernels(of: Case, rules: Rules, nowMicros: number): bigint[] {
  const views = viewsOf(of);
  const parameters = { rules, nowMicros, contexts: false, levels: false };
  resolveTaskRange(views, parameters, 0, views.counts.tasks, new Scratch());
  return [...readyStepIds(bareSnapshot(views), rules)];
}
