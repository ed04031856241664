import { describe, expect, it } from 'vitest';

import { ResidentGraph } from '../../src/graph/resident/resident-graph.ts';
import { verdictOf } from '../../src/orchestration/task-finalizer.ts';
import { rowsSource, type StepInput } from '../../src/resolver/sources/rows-source.ts';

const NOW = 1_800_000_000_000_000;

interface Row {
  readonly state: string | undefined;
  readonly attempts?: number;
  readonly retryable?: boolean;
  readonly processed?: boolean;
  /** Seconds until the next attempt. */
  readonly wait?: number;
}

/** Every way in which a step's row can stand, as far as the engine's rules tell them apart. */
const STANDS = {
  pending: { state: undefined },
  'pending, not retryable': { state: undefined, retryable: false },
  'pending, attempts used up': { state: undefined, attempts: 3 },
  'in progress': { state: 'in_progress' },
  complete: { state: 'complete', processed: true },
  'resolved by hand': { state: 'resolved_manually', processed: true },
  cancelled: { state: 'cancelled' },
  'failed, to be repeated now': { state: 'error', attempts: 1, wait: -1 },
  'failed, waiting': { state: 'error', attempts: 1, wait: 60 },
  'failed for good': { state: 'error', attempts: 1, retryable: false },
  'failed too often': { state: 'error', attempts: 3 },
} as const satisfies Record<string, Row>;

type Stand = keyof typeof STANDS;
const NAMES = Object.keys(STANDS) as Stand[];

const GRAPHS: Readonly<Record<string, readonly (readonly [number, number])[]>> = {
  'three of their own': [],
  'a chain': [
    [1, 2],
    [2, 3],
  ],
  'two before one': [
    [1, 3],
    [2, 3],
  ],
  'one before two': [
    [1, 2],
    [1, 3],
  ],
};

const timeOf = (seconds: number): string =>
  new Date(NOW / 1000 + seconds * 1000).toISOString().replace('Z', '000Z');

async function graphOf(
  stands: readonly Stand[],
  edges: readonly (readonly [number, number])[],
): Promise<{ graph: ResidentGraph; task: number }> {
  const steps = stands.map((name, at): StepInput => {
    const stand: Row = STANDS[name];
    return {
      workflow_step_id: at + 1,
      task_id: 1,
      named_step_id: at + 1,
      attempts: stand.attempts ?? 0,
      retry_limit: 3,
      retryable: stand.retryable ?? true,
      processed: stand.processed ?? false,
      in_process: false,
      next_attempt_at: stand.wait === undefined ? null : timeOf(stand.wait),
    };
  });
  const source = rowsSource({
    now: timeOf(0),
    tasks: [{ task_id: 1, named_task_id: 1 }],
    steps,
    edges: edges.map(([from, to]) => ({ from_step_id: from, to_step_id: to })),
    stepTransitions: stands.flatMap((name, at) => {
      const { state } = STANDS[name];
      return state === undefined
        ? []
        : [
            {
              workflow_step_id: at + 1,
              to_state: state,
              most_recent: true,
              created_at: timeOf(-3600),
            },
          ];
    }),
    namedSteps: stands.map((_, at) => ({ named_step_id: at + 1, name: `s${at}` })),
  });
  const graph = new ResidentGraph({ rules: 'engine', nowMicros: NOW });
  const stream = await source.open({
    chunkSteps: 10,
    signal: undefined,
    onProgress: undefined,
  });
  let task: ReturnType<ResidentGraph['addTask']> = -1;
  for await (const { views } of stream) task = graph.addTask(views, 0);
  if (typeof task === 'string') throw new Error(task);
  return { graph, task };
}

describe.each(Object.entries(GRAPHS))('a task of three steps, %s', (_, edges) => {
  it('has in every combination of states an end, or something that will wake it', async () => {
    const verdicts = { active: 0, complete: 0, blocked: 0 };
    for (const a of NAMES) {
      for (const b of NAMES) {
        for (const c of NAMES) {
          const stands = [a, b, c];
          const { graph, task } = await graphOf(stands, edges);
          const verdict = verdictOf(graph.status(task)!);
          verdicts[verdict.kind]++;
          const running = stands.includes('in progress');
          const wakes = graph.queuedCount() > 0 || running || graph.nextDueAt() < Infinity;
          const done = stands.every((name) => name === 'complete' || name === 'resolved by hand');
          const what = stands.join(' / ');
          expect(verdict.kind === 'complete', what).toBe(done);
          expect(verdict.kind !== 'active' || wakes, `${what} waits for nothing`).toBe(true);
          expect(verdict.kind !== 'blocked' || !wakes, `${what} is given up`).toBe(true);
        }
      }
    }
    expect(verdicts.complete).toBe(8);
    expect(verdicts.active).toBeGreaterThan(500);
    expect(verdicts.blocked).toBeGreaterThan(50);
  });
});

it('names what stands in the way', async () => {
  const { graph, task } = await graphOf(['complete', 'failed for good', 'pending'], [[2, 3]]);
  expect(verdictOf(graph.status(task)!)).toEqual({
    kind: 'blocked',
    reason: '1 of 3 steps complete, 1 failed, 1 out of reach',
  });
});
