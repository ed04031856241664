import { SeededRandom } from '../src/graph/random.ts';
import { buildSnapshot } from '../src/graph/snapshot/build-snapshot.ts';
import { STEP_FLAGS } from '../src/graph/snapshot/layout.ts';
import type { GraphSnapshot } from '../src/graph/snapshot/snapshot.ts';
import { StagedRows } from '../src/graph/snapshot/staged-rows.ts';
import { STATE_CODES } from '../src/graph/snapshot/state-codes.ts';

/** A family of graphs: parents of each step of a task of `steps` steps, as smaller positions. */
export interface Shape {
  readonly name: string;
  readonly stepsPerTask: number | 'all';
  readonly parents: (step: number, steps: number, random: () => number) => readonly number[];
}

/** The clock of every bench snapshot, µs since the epoch. */
export const BENCH_NOW = 1_795_000_000_000_000;

/** Shapes that workflows have, and the ones that hurt. */
export const SHAPES = {
  /** 10 steps, 1.5 edges a step: the data set "batch10" of the measurements. */
  typical: {
    name: 'typical',
    stepsPerTask: 10,
    parents: (step) => {
      if (step < 2) return [];
      if (step < 5) return [step - 2];
      return step % 2 === 0 ? [step - 1, step - 3, step - 4] : [step - 1, step - 3];
    },
  },
  /** One root, everything else its child, the last step their join. */
  wide: {
    name: 'wide',
    stepsPerTask: 'all',
    parents: (step, steps) => {
      if (step === 0) return [];
      return step < steps - 1 ? [0] : Array.from({ length: steps - 2 }, (_, at) => at + 1);
    },
  },
  /** One chain. */
  deep: {
    name: 'deep',
    stepsPerTask: 'all',
    parents: (step) => (step === 0 ? [] : [step - 1]),
  },
  /** Layers of 100, each step below four random ones of the layer above: 4 edges a step. */
  lattice: {
    name: 'lattice',
    stepsPerTask: 'all',
    parents: (step, _steps, random) => {
      const layer = Math.floor(step / 100);
      if (layer === 0) return [];
      const above = (layer - 1) * 100;
      return [0, 1, 2, 3].map(() => above + Math.floor(random() * 100));
    },
  },
} as const satisfies Record<string, Shape>;

/** Numbers from 0 to below 1 that follow from a seed. */
function generator(seed: number): () => number {
  const random = new SeededRandom(seed);
  return () => random.next();
}

/** A state for a step whose parents are all done, or for one that has to wait. */
function drawState(open: boolean, random: () => number): number {
  if (!open) return STATE_CODES.pending;
  const draw = random();
  if (draw < 0.7) return STATE_CODES.complete;
  if (draw < 0.8) return STATE_CODES.in_progress;
  if (draw < 0.87) return STATE_CODES.error;
  return draw < 0.88 ? STATE_CODES.cancelled : STATE_CODES.pending;
}

/** One snapshot of about `steps` steps in mixed states, always the same for the same arguments. */
export function shapedSnapshot(shape: Shape, steps: number): GraphSnapshot {
  const perTask = shape.stepsPerTask === 'all' ? steps : Math.min(steps, shape.stepsPerTask);
  const tasks = Math.max(1, Math.floor(steps / perTask));
  const random = generator(42);
  const rows = new StagedRows();
  for (let task = 0; task < tasks; task++) {
    const at = rows.nextTask();
    rows.taskIds.words[at * 2] = at + 1;
    rows.namedTaskId[at] = 1;
    rows.taskState[at] = STATE_CODES.in_progress;
    const base = task * perTask;
    for (let step = 0; step < perTask; step++) {
      const parents = shape.parents(step, perTask, random);
      stageStep(rows, at + 1, base + step, parents, base, random);
    }
  }
  rows.indexSteps();
  rows.unknownParents();
  rows.indexEdges(false);
  return {
    views: buildSnapshot(rows, 0, rows.taskCount),
    texts: { stepNames: new Map([[1, 'step']]), foreignStates: [] },
    problems: [],
    loadedAt: BENCH_NOW,
  };
}

function stageStep(
  rows: StagedRows,
  task: number,
  step: number,
  parents: readonly number[],
  base: number,
  random: () => number,
): void {
  const at = rows.nextStep();
  rows.stepIds.words[at * 2] = step + 1;
  rows.stepTaskIds.words[at * 2] = task;
  rows.namedStepId[at] = 1;
  let open = true;
  for (const parent of parents) {
    const edge = rows.nextEdge();
    rows.edgeFrom.words[edge * 2] = base + parent + 1;
    rows.edgeTo.words[edge * 2] = step + 1;
    if ((rows.state[base + parent] as number) < STATE_CODES.complete) open = false;
  }
  const state = drawState(open, random);
  const attempts = state === STATE_CODES.pending ? 0 : 1 + Math.floor(random() * 3);
  const backoff = random() < 0.02;
  rows.state[at] = state;
  rows.attempts[at] = attempts;
  rows.lastAttemptedAt[at] = attempts === 0 ? NaN : BENCH_NOW - random() * 60_000_000;
  rows.flags[at] =
    (state >= STATE_CODES.complete ? STEP_FLAGS.processed : 0) |
    (backoff ? 0 : STEP_FLAGS.backoffNull);
  if (backoff) rows.backoffSeconds[at] = 30;
  if (state === STATE_CODES.error) rows.failedAt[at] = BENCH_NOW - random() * 40_000_000;
}
