import fc from 'fast-check';

import type {
  EdgeInput,
  RowsInput,
  StepInput,
  StepTransitionInput,
  TaskTransitionInput,
} from '../../src/resolver/sources/rows-source.ts';
import { oracleNaiveText } from './oracle-instants.ts';

/** Rows with the instant (µs since the epoch) around which their waits end. */
export interface RowsCase {
  readonly input: RowsInput;
  readonly nowMicros: number;
}

const INT_MAX = 2 ** 31 - 1;
const INT_MIN = -(2 ** 31);
const INT64_MAX = 2n ** 63n - 1n;

/** Steps of one task and edges inside it, by position. */
interface TaskShape {
  readonly steps: number;
  readonly edges: readonly (readonly [number, number])[];
}

/** Ids where representations change: 31, 32, 53 and 63 bits, negative ones, small ones. */
const idArb = fc.oneof(
  { weight: 3, arbitrary: fc.bigInt(1n, 400n) },
  ...[2n ** 31n, 2n ** 32n, 2n ** 53n, 0n].map((center) => ({
    weight: 1,
    arbitrary: fc.bigInt(center - 60n, center + 60n),
  })),
  { weight: 1, arbitrary: fc.bigInt(INT64_MAX - 200n, INT64_MAX) },
  { weight: 1, arbitrary: fc.bigInt(-(2n ** 63n), -(2n ** 63n) + 60n) },
);

const STATES = ['pending', 'in_progress', 'error', 'cancelled', 'complete', 'resolved_manually'];

/** Current states, done ones and failures most often; undefined for no transition at all. */
const stateArb = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('complete', 'error', 'pending') },
  { weight: 3, arbitrary: fc.constantFrom(...STATES) },
  { weight: 2, arbitrary: fc.constant(undefined) },
  { weight: 1, arbitrary: fc.constantFrom('skipped', 'Complete', '', 'schritt wartet ⏳') },
);

/** Distance of a wait's end from now: exactly now, one µs to either side, seconds, for ever. */
const distanceArb = fc.constantFrom(0, 0, 1, 1, -1, 5_000_000, -5_000_000, Infinity, -Infinity);

const waitSeconds = (attempts: number | null): number => Math.min(30, 2 ** (attempts ?? 1));

const attemptsArb = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(null, 0, 0, 1, 2, 3) },
  { weight: 1, arbitrary: fc.constantFrom(-1, -7, -40, 4, 5, 43, 44, 1023, 1024) },
  { weight: 1, arbitrary: fc.constantFrom(INT_MAX, INT_MIN) },
);
const limitArb = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(null, 1, 3, 4, 50) },
  { weight: 1, arbitrary: fc.constantFrom(0, -1, INT_MAX, INT_MIN) },
);
const flagArb = (unusual: boolean): fc.Arbitrary<boolean | null> =>
  fc.constantFrom(null, !unusual, !unusual, !unusual, unusual);

const stepArb = fc.record({
  named: fc.integer({ min: 1, max: 5 }),
  attempts: attemptsArb,
  limit: limitArb,
  retryable: flagArb(false),
  inProcess: flagArb(true),
  processed: flagArb(true),
  skippable: flagArb(true),
  backoff: fc.constantFrom(null, null, 0, 1, 30, -5, INT_MAX),
  lastAttempt: fc.option(distanceArb),
  nextAttempt: fc.option(distanceArb, { freq: 3 }),
  state: stateArb,
  failure: distanceArb,
  noise: fc.boolean(),
});

const taskArb = (maxSteps: number): fc.Arbitrary<TaskShape> =>
  fc.integer({ min: 0, max: maxSteps }).chain((steps) => {
    const at = fc.nat({ max: Math.max(0, steps - 1) });
    const any = fc.array(fc.tuple(at, at), { maxLength: steps === 0 ? 0 : steps * 2 });
    const acyclic = any.map((pairs) =>
      pairs
        .filter(([from, to]) => from !== to)
        .map(([from, to]): [number, number] => (from < to ? [from, to] : [to, from])),
    );
    const edges = fc.oneof({ weight: 4, arbitrary: acyclic }, { weight: 1, arbitrary: any });
    return fc.record({ steps: fc.constant(steps), edges });
  });

/**
 * Row sets in no particular order: random DAGs and tangles, duplicate edges, edges between tasks,
 * edges from nowhere, empty tasks, every kind of field at its borders.
 */
export function rowsCaseArb(size: { maxTasks: number; maxSteps: number }): fc.Arbitrary<RowsCase> {
  return fc
    .record({
      shapes: fc.array(taskArb(size.maxSteps), { maxLength: size.maxTasks }),
      nowMicros: fc.integer({ min: -1_000_000_000_000_000, max: 4_000_000_000_000_000 }),
    })
    .chain(({ shapes, nowMicros }) => {
      const steps = shapes.reduce((sum, shape) => sum + shape.steps, 0);
      const ids = (count: number): fc.Arbitrary<bigint[]> =>
        fc.uniqueArray(idArb, { minLength: count, maxLength: count });
      const anyStep = fc.nat({ max: Math.max(0, steps - 1) });
      return fc
        .record({
          taskIds: ids(shapes.length),
          stepIds: ids(steps),
          details: fc.array(stepArb, { minLength: steps, maxLength: steps }),
          taskStates: fc.array(stateArb, { minLength: shapes.length, maxLength: shapes.length }),
          between: fc.array(fc.tuple(anyStep, anyStep), { maxLength: steps < 2 ? 0 : 4 }),
          fromNowhere: fc.array(anyStep, { maxLength: steps === 0 ? 0 : 1 }),
          named: fc.uniqueArray(fc.integer({ min: 1, max: 5 })),
        })
        .map((drawn) => ({ nowMicros, input: assemble(shapes, drawn, nowMicros) }));
    })
    .chain(({ input, nowMicros }) =>
      shuffledRows(input).map((shuffled) => ({ input: shuffled, nowMicros })),
    );
}

interface Drawn {
  readonly taskIds: bigint[];
  readonly stepIds: bigint[];
  readonly details: readonly (typeof stepArb extends fc.Arbitrary<infer S> ? S : never)[];
  readonly taskStates: readonly (string | undefined)[];
  readonly between: readonly (readonly [number, number])[];
  readonly fromNowhere: readonly number[];
  readonly named: readonly number[];
}

const NOWHERE = 1_234_567_890_123n;

function assemble(shapes: readonly TaskShape[], drawn: Drawn, now: number): RowsInput {
  const taskOfStep: number[] = shapes.flatMap((shape, task) =>
    Array.from({ length: shape.steps }, () => task),
  );
  const edges: EdgeInput[] = [];
  const link = (from: number, to: number): void =>
    void edges.push({ from_step_id: drawn.stepIds[from]!, to_step_id: drawn.stepIds[to]! });
  let first = 0;
  for (const shape of shapes) {
    for (const [from, to] of shape.edges) link(first + from, first + to);
    first += shape.steps;
  }
  for (const [from, to] of drawn.between) {
    if (taskOfStep[from] !== taskOfStep[to]) link(from, to);
  }
  for (const to of drawn.fromNowhere) {
    edges.push({ from_step_id: NOWHERE, to_step_id: drawn.stepIds[to]! });
  }
  const stepTransitions: StepTransitionInput[] = [];
  const steps = drawn.details.map((detail, at): StepInput => {
    const id = drawn.stepIds[at]!;
    const after = Math.round(waitSeconds(detail.attempts) * 1_000_000);
    const created_at = oracleNaiveText(now - after + detail.failure);
    if (detail.noise) {
      const noise = { to_state: 'complete', most_recent: false, created_at };
      stepTransitions.push({ workflow_step_id: id, ...noise });
    }
    if (detail.state !== undefined) {
      const current = { to_state: detail.state, most_recent: true, created_at };
      stepTransitions.push({ workflow_step_id: id, ...current });
    }
    const backoff = (detail.backoff ?? 0) * 1_000_000;
    return {
      workflow_step_id: id,
      task_id: drawn.taskIds[taskOfStep[at]!]!,
      named_step_id: detail.named,
      attempts: detail.attempts,
      retry_limit: detail.limit,
      retryable: detail.retryable,
      in_process: detail.inProcess,
      processed: detail.processed,
      skippable: detail.skippable,
      backoff_request_seconds: detail.backoff,
      last_attempted_at:
        detail.lastAttempt === null ? null : oracleNaiveText(now - backoff + detail.lastAttempt),
      next_attempt_at:
        detail.nextAttempt === null ? null : oracleNaiveText(now + detail.nextAttempt),
    };
  });
  const taskTransitions = drawn.taskStates.flatMap((to_state, at): TaskTransitionInput[] => {
    const noise = { task_id: drawn.taskIds[at]!, to_state: 'error', most_recent: false };
    return to_state === undefined ? [noise] : [noise, { ...noise, to_state, most_recent: true }];
  });
  return {
    tasks: shapes.map((_, at) => ({ task_id: drawn.taskIds[at]!, named_task_id: at - 1 })),
    steps,
    edges,
    stepTransitions,
    taskTransitions,
    namedSteps: drawn.named.map((id) => ({ named_step_id: id, name: `step ${id}` })),
  };
}

/**
 * Rows that contradict each other or lead nowhere: what {@link rowsCaseArb} draws, with one to three
 * of a step in two tasks, a step of no task, a task twice, two current transitions, an edge to
 * nowhere, an instant that is none.
 */
export function badRowsCaseArb(size: {
  maxTasks: number;
  maxSteps: number;
}): fc.Arbitrary<RowsCase> {
  const faults: readonly ((input: RowsInput) => Partial<RowsInput>)[] = [
    ({ steps, tasks }) => ({
      steps: [...steps, { ...steps[0]!, task_id: tasks.at(-1)?.task_id ?? 0 }],
    }),
    ({ steps }) => ({ steps: [...steps.slice(1), { ...steps[0]!, task_id: NOWHERE }] }),
    ({ tasks }) => ({ tasks: [...tasks, tasks[0]!] }),
    ({ steps, stepTransitions = [] }) => {
      const of = { workflow_step_id: steps[0]!.workflow_step_id, most_recent: true };
      const at = { created_at: '2026-01-01T00:00:00' };
      const two = ['complete', 'error'].map((to_state) => ({ ...of, ...at, to_state }));
      return { stepTransitions: [...stepTransitions, ...two] };
    },
    ({ steps, edges }) => ({
      edges: [...edges, { from_step_id: steps[0]!.workflow_step_id, to_step_id: NOWHERE }],
    }),
    ({ steps }) => ({ steps: [{ ...steps[0]!, last_attempted_at: 'soon' }, ...steps.slice(1)] }),
  ];
  const chosen = fc.subarray([...faults], { minLength: 1, maxLength: 3 });
  return fc
    .tuple(rowsCaseArb(size), chosen)
    .filter(([{ input }]) => input.steps.length > 0)
    .map(([{ input, nowMicros }, wanted]) => {
      const rows = { ...input };
      for (const fault of wanted) Object.assign(rows, fault(rows));
      return { nowMicros, input: rows };
    });
}

/** The same rows, each array in another order. */
export function shuffledRows(input: RowsInput): fc.Arbitrary<RowsInput> {
  const shuffled = <R>(rows: readonly R[]): fc.Arbitrary<R[]> =>
    fc.shuffledSubarray([...rows], { minLength: rows.length });
  return fc
    .record({
      tasks: shuffled(input.tasks),
      steps: shuffled(input.steps),
      edges: shuffled(input.edges),
      stepTransitions: shuffled(input.stepTransitions ?? []),
      taskTransitions: shuffled(input.taskTransitions ?? []),
    })
    .map((rows) => ({ ...input, ...rows }));
}
