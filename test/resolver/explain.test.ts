import { fileURLToPath } from 'node:url';

import { describe, expect, test } from 'vitest';

import { RESULT_BITS, STEP_FLAGS, TASK_FLAGS } from '../../src/graph/snapshot/layout.ts';
import type { GraphSnapshot } from '../../src/graph/snapshot/snapshot.ts';
import { STATE_CODES } from '../../src/graph/snapshot/state-codes.ts';
import {
  createResolver,
  directorySource,
  explainStep,
  isTaskerError,
  rowsSource,
  type Rules,
  type RowsInput,
  type SnapshotSource,
  type StepExplanation,
  type StepInput,
  type StepTransitionInput,
} from '../../src/resolver/index.ts';
import { GOLDEN_SETS, goldenDirectory } from '../support/golden.ts';

interface Resolved {
  readonly snapshot: GraphSnapshot;
  readonly now: number;
}

async function* resolved(
  source: SnapshotSource,
  rules: Rules,
  chunkSteps = 65_536,
): AsyncGenerator<Resolved> {
  await using resolver = createResolver({ backend: 'inline', rules });
  const stream = await source.open({ chunkSteps, signal: undefined, onProgress: undefined });
  for await (const snapshot of stream) {
    const options = stream.now === undefined ? {} : { nowMicros: stream.now };
    const { nowMicros } = await resolver.resolve(snapshot, options);
    yield { snapshot, now: nowMicros };
  }
}

function* everyStep(
  { snapshot, now }: Resolved,
  rules: Rules,
): Generator<{ step: number; task: number; found: StepExplanation }> {
  const { taskSteps, counts } = snapshot.views;
  for (let task = 0; task < counts.tasks; task++) {
    for (let step = taskSteps[task]!; step < taskSteps[task + 1]!; step++) {
      yield { step, task, found: explainStep(snapshot, task, step, rules, now) };
    }
  }
}

const CASES = GOLDEN_SETS.flatMap((set) =>
  (['rails', 'engine'] as const).map((rules) => [set, rules] as const),
);

describe.each(CASES)('every step of %s under %s rules', (set, rules) => {
  test('is explained as the kernels answer', async () => {
    const seen = new Set<string>();
    const source = directorySource(fileURLToPath(goldenDirectory(set)));
    for await (const result of resolved(source, rules, 200)) {
      const { views } = result.snapshot;
      for (const { step, task, found } of everyStep(result, rules)) {
        const bits = views.bits[step]!;
        const code = views.state[step]!;
        const flags = views.flags[step]!;
        const codes = found.reasons.map((reason) => reason.code);
        const name = found.sentence;
        expect(found.ready, name).toBe((bits & RESULT_BITS.ready) !== 0);
        expect(codes.length === 0, name).toBe(found.ready);
        expect(found.outlook === 'done', name).toBe(code >= STATE_CODES.complete);
        expect(name).toContain(String(found.workflow_step_id));
        for (const one of codes) seen.add(one);
        if (found.outlook === 'done') continue;
        const parents = new Set(
          views.parents.subarray(views.parentOffsets[step], views.parentOffsets[step + 1]),
        );
        const open = [...parents].filter((parent) => views.state[parent]! < STATE_CODES.complete);
        expect(
          codes.filter((one) => one === 'parent_not_done'),
          name,
        ).toHaveLength(open.length);
        expect(codes.includes('attempts_exhausted'), name).toBe(
          (bits & RESULT_BITS.retryEligible) === 0,
        );
        expect(codes.includes('processed'), name).toBe((flags & STEP_FLAGS.processed) !== 0);
        expect(codes.includes('in_process'), name).toBe((flags & STEP_FLAGS.inProcess) !== 0);
        const onlyTime = codes.length > 0 && codes.every((one) => one === 'waiting');
        expect(onlyTime, name).toBe((bits & RESULT_BITS.waiting) !== 0);
        if (rules !== 'engine') continue;
        const cyclic = (views.taskFlags[task]! & TASK_FLAGS.cyclic) !== 0;
        expect(codes.includes('cycle'), name).toBe(cyclic);
        if (cyclic) continue;
        const stuck = (bits & (RESULT_BITS.dead | RESULT_BITS.unreachable)) !== 0;
        expect(found.outlook === 'stuck', name).toBe(stuck);
        const unreachable = (bits & RESULT_BITS.unreachable) !== 0;
        expect(unreachable && !codes.includes('unreachable'), name).toBe(false);
      }
    }
    const expected = [
      'parent_not_done',
      'waiting',
      'attempts_exhausted',
      'not_retryable',
      'in_process',
      'state_not_runnable',
      'unreachable',
    ];
    expect([...seen]).toEqual(expect.arrayContaining(expected));
  });
});

const NOW = '2026-01-01T00:00:00.000000';

/** Explains one step of rows in memory, by its id. */
async function explain(
  rows: {
    steps: (Partial<StepInput> & { id: number; task?: number })[];
    edges?: [number, number][];
    states?: Record<number, string | [string, string]>;
  },
  id: number,
  rules: Rules = 'engine',
): Promise<StepExplanation> {
  const input: RowsInput = {
    now: NOW,
    tasks: [...new Set(rows.steps.map(({ task = 1 }) => task))].map((task) => ({
      task_id: task,
      named_task_id: 1,
    })),
    steps: rows.steps.map(({ id: stepId, task = 1, ...columns }) => ({
      workflow_step_id: stepId,
      task_id: task,
      named_step_id: stepId,
      ...columns,
    })),
    edges: (rows.edges ?? []).map(([from, to]) => ({ from_step_id: from, to_step_id: to })),
    stepTransitions: Object.entries(rows.states ?? {}).map(([step, state]): StepTransitionInput => {
      const [text, at] = typeof state === 'string' ? [state, NOW] : state;
      return { workflow_step_id: step, to_state: text, most_recent: true, created_at: at };
    }),
    namedSteps: rows.steps.map((step) => ({ named_step_id: step.id, name: `s${step.id}` })),
  };
  for await (const result of resolved(rowsSource(input), rules)) {
    const { taskSteps, stepId, counts } = result.snapshot.views;
    const step = stepId.subarray(0, counts.steps).indexOf(BigInt(id));
    if (step === -1) continue;
    const task = taskSteps.findLastIndex((first) => first <= step);
    return explainStep(result.snapshot, task, step, rules, result.now);
  }
  throw new Error(`there is no step ${id}`);
}

describe('a step', () => {
  test('that may run', async () => {
    const found = await explain({ steps: [{ id: 1 }] }, 1);
    expect(found).toEqual({
      workflow_step_id: 1n,
      task_id: 1n,
      name: 's1',
      rules: 'engine',
      now: `${NOW}Z`,
      current_state: 'pending',
      ready: true,
      outlook: 'ready',
      attempts: 0,
      retry_limit: 3,
      total_parents: 0,
      completed_parents: 0,
      reasons: [],
      sentence: 'Step 1 (s1) of task 1 may run now: nothing holds it back.',
    });
  });

  test('behind parents that can still finish', async () => {
    const found = await explain(
      {
        steps: [{ id: 1 }, { id: 2 }, { id: 3 }],
        edges: [
          [1, 3],
          [2, 3],
          [2, 3],
        ],
        states: { 1: 'in_progress', 2: 'complete' },
      },
      3,
    );
    expect(found.outlook).toBe('waiting');
    expect(found.reasons).toEqual([
      {
        code: 'parent_not_done',
        parent: {
          workflow_step_id: 1n,
          task_id: 1n,
          name: 's1',
          state: 'in_progress',
          foreign: false,
        },
        can_finish: true,
      },
    ]);
    expect(found.sentence).toBe(
      'Step 3 (s3) of task 1 is not running yet: its parent 1 (s1) is in_progress; 2 of 3 edges are satisfied.',
    );
  });

  test('with many parents names the first ones', async () => {
    const ids = [1, 2, 3, 4, 5];
    const found = await explain(
      { steps: [...ids, 6].map((id) => ({ id })), edges: ids.map((id) => [id, 6]) },
      6,
    );
    expect(found.reasons).toHaveLength(5);
    expect(found.sentence).toContain(
      'its parent 3 (s3) is pending; and 2 more parents are not done; 0 of 5 edges are satisfied.',
    );
  });

  test('behind a failure, with the chain up to it', async () => {
    const rows = {
      steps: [{ id: 1, attempts: 3 }, { id: 2 }, { id: 3 }],
      edges: [
        [1, 2],
        [2, 3],
      ] as [number, number][],
      states: { 1: 'error' },
    };
    for (const rules of ['engine', 'rails'] as const) {
      const found = await explain(rows, 3, rules);
      expect(found.outlook).toBe('stuck');
      expect(found.reasons).toMatchObject([
        { code: 'parent_not_done', can_finish: false, parent: { workflow_step_id: 2n } },
        {
          code: 'unreachable',
          cycle: null,
          chain: [
            { workflow_step_id: 2n, state: 'pending' },
            { workflow_step_id: 1n, state: 'error' },
          ],
        },
      ]);
      expect(found.sentence).toContain(
        'it cannot be reached, because 1 (s1) is in error for good (through 2)',
      );
    }
  });

  test('behind a step of another task', async () => {
    const found = await explain(
      {
        steps: [
          { id: 1, task: 7 },
          { id: 2, task: 8 },
        ],
        edges: [[1, 2]],
        states: { 1: 'cancelled' },
      },
      2,
    );
    expect(found.reasons[0]).toEqual({
      code: 'parent_not_done',
      parent: { workflow_step_id: 1n, task_id: 7n, name: null, state: 'cancelled', foreign: true },
      can_finish: false,
    });
    expect(found.sentence).toContain('because 1 of task 7 is cancelled for good');
  });

  test('in its waits', async () => {
    const step = {
      id: 1,
      attempts: 1,
      backoff_request_seconds: 60,
      last_attempted_at: '2025-12-31T23:59:30',
    };
    const failed = { 1: ['error', '2025-12-31T23:59:59.5'] } as Record<number, [string, string]>;
    const found = await explain({ steps: [step], states: failed }, 1);
    expect(found.outlook).toBe('waiting');
    expect(found.reasons).toEqual([
      { code: 'waiting', wait: 'explicit', until: '2026-01-01T00:00:30.000000Z', seconds_left: 30 },
      { code: 'waiting', wait: 'failure', until: '2026-01-01T00:00:01.500000Z', seconds_left: 1.5 },
    ]);
    const stored = { ...step, next_attempt_at: '2026-01-01T00:00:02' };
    expect((await explain({ steps: [stored], states: failed }, 1)).reasons).toEqual([
      { code: 'waiting', wait: 'stored', until: '2026-01-01T00:00:02.000000Z', seconds_left: 2 },
    ]);
    expect((await explain({ steps: [stored], states: failed }, 1, 'rails')).reasons).toHaveLength(
      2,
    );
    const over = { ...step, next_attempt_at: NOW };
    expect((await explain({ steps: [over], states: failed }, 1)).ready).toBe(true);
    const endless = await explain({ steps: [{ id: 1, next_attempt_at: 'infinity' }] }, 1);
    expect(endless.reasons).toEqual([
      { code: 'waiting', wait: 'stored', until: 'infinity', seconds_left: null },
    ]);
    expect(endless.sentence).toContain('it waits for its next attempt until infinity.');
  });

  test('that is not retryable may make its first attempt under engine rules only', async () => {
    const steps = [{ id: 1, retryable: false }];
    expect((await explain({ steps }, 1)).ready).toBe(true);
    expect((await explain({ steps }, 1, 'rails')).reasons).toEqual([{ code: 'not_retryable' }]);
    const failed = { 1: ['error', '2025-01-01'] } as Record<number, [string, string]>;
    const found = await explain({ steps, states: failed }, 1);
    expect(found).toMatchObject({ outlook: 'stuck', reasons: [{ code: 'not_retryable' }] });
  });

  test('with limit 0 has one attempt under engine rules', async () => {
    const steps = [{ id: 1, retry_limit: 0 }];
    expect(await explain({ steps }, 1)).toMatchObject({ ready: true, retry_limit: 1 });
    expect((await explain({ steps }, 1, 'rails')).reasons).toEqual([
      { code: 'attempts_exhausted', attempts: 0, retry_limit: 0 },
    ]);
  });

  test('with flags, in unknown states, running', async () => {
    const flagged = await explain({ steps: [{ id: 1, processed: true, in_process: true }] }, 1);
    expect(flagged.reasons).toEqual([{ code: 'processed' }, { code: 'in_process' }]);
    expect(flagged.sentence).toContain('it is marked as processed; it is marked as in process.');
    expect(await explain({ steps: [{ id: 1, in_process: true }] }, 1)).toMatchObject({
      outlook: 'waiting',
    });
    expect(await explain({ steps: [{ id: 1 }], states: { 1: 'skipped' } }, 1)).toMatchObject({
      outlook: 'stuck',
      reasons: [{ code: 'state_not_runnable', state: 'skipped' }],
    });
    const running = await explain(
      { steps: [{ id: 1, in_process: true }], states: { 1: 'in_progress' } },
      1,
    );
    expect(running.sentence).toBe(
      'Step 1 (s1) of task 1 is not to be started: its state is in_progress; it is marked as in process.',
    );
    const done = await explain(
      { steps: [{ id: 1, processed: true }], states: { 1: 'complete' } },
      1,
    );
    expect(done).toMatchObject({
      outlook: 'done',
      reasons: [{ code: 'state_not_runnable', state: 'complete' }],
    });
  });
});

describe('a circle', () => {
  // 1 -> 2 -> 3 -> 4 -> 2, 4 -> 5, 6 alone; the shortest way round 2 is 2 -> 3 -> 4
  const rows = {
    steps: [1, 2, 3, 4, 5, 6].map((id) => ({ id })),
    edges: [
      [1, 2],
      [2, 3],
      [3, 4],
      [4, 2],
      [4, 5],
    ] as [number, number][],
  };

  test('is named by its path, from the step on', async () => {
    for (const rules of ['rails', 'engine'] as const) {
      const found = await explain(rows, 3, rules);
      expect(found.outlook).toBe('stuck');
      expect(found.reasons[0]).toEqual({ code: 'cycle', path: [3n, 4n, 2n], on_cycle: true });
      expect(found.sentence).toContain('it stands on the circle 3 -> 4 -> 2 -> 3');
    }
  });

  test('keeps what is behind it', async () => {
    const found = await explain(rows, 5, 'rails');
    expect(found).toMatchObject({ outlook: 'stuck' });
    expect(found.reasons.at(-1)).toMatchObject({
      code: 'unreachable',
      chain: [{ workflow_step_id: 4n }],
      cycle: [4n, 2n, 3n],
    });
    expect(found.sentence).toContain('because 4 (s4) stands on the circle 4 -> 2 -> 3 -> 4');
  });

  test('sets the task apart under engine rules, not under rails', async () => {
    const found = await explain(rows, 6);
    expect(found).toMatchObject({ ready: false, outlook: 'stuck' });
    expect(found.reasons).toMatchObject([{ code: 'cycle', on_cycle: false }]);
    expect(found.sentence).toMatch(
      /its task holds the circle \d -> \d -> \d -> \d and is set apart/,
    );
    expect(await explain(rows, 6, 'rails')).toMatchObject({ ready: true });
  });

  test('is broken by a step that is done, under rails rules', async () => {
    const states = { 4: 'complete' };
    expect(await explain({ ...rows, states }, 5, 'rails')).toMatchObject({ ready: true });
    expect(
      await explain({ ...rows, states: { ...states, 1: 'complete' } }, 2, 'rails'),
    ).toMatchObject({ ready: true });
    expect((await explain({ ...rows, states }, 3, 'rails')).reasons).toMatchObject([
      { code: 'parent_not_done', can_finish: true },
    ]);
  });

  test('of one step', async () => {
    const found = await explain({ steps: [{ id: 1 }], edges: [[1, 1]] }, 1);
    expect(found.reasons[0]).toEqual({ code: 'cycle', path: [1n], on_cycle: true });
  });
});

test('rows that contradict each other are the reason', async () => {
  const created = { to_state: 'error', most_recent: true, created_at: '2025-01-01' };
  const source = rowsSource({
    now: NOW,
    tasks: [{ task_id: 1, named_task_id: 1 }],
    steps: [{ workflow_step_id: 1, task_id: 1, named_step_id: 1 }],
    edges: [],
    stepTransitions: [1, 2].map((id) => ({ id, workflow_step_id: 1, ...created })),
  });
  for await (const result of resolved(source, 'engine')) {
    const found = explainStep(result.snapshot, 0, 0, 'engine', result.now);
    expect(found).toMatchObject({
      ready: false,
      outlook: 'stuck',
      reasons: [{ code: 'task_set_apart', problems: [{ code: 'TASKER_BAD_ROW' }] }],
    });
    expect(found.sentence).toContain('rows of its task contradict each other (');
    for (const step of [-1, 1, Number.NaN]) {
      expect(() => explainStep(result.snapshot, 0, step, 'engine', 0)).toThrow(
        expect.toSatisfy((error) => isTaskerError(error, 'TASKER_BAD_ARGUMENT')),
      );
    }
  }
});

test('a long chain and very many parents are walked without recursion', async () => {
  const count = 100_000;
  const steps = Array.from({ length: count }, (_, at) => ({ id: at + 1 }));
  const chain = steps.slice(1).map(({ id }): [number, number] => [id - 1, id]);
  const found = await explain({ steps, edges: chain, states: { 1: 'cancelled' } }, count);
  const last = found.reasons.at(-1);
  expect(last?.code === 'unreachable' && last.chain.length).toBe(count - 1);
  const star = steps.slice(0, -1).map(({ id }): [number, number] => [id, count]);
  // a length of its own: a matcher on the array would print all of it
  const { length } = (await explain({ steps, edges: star }, count)).reasons;
  expect(length).toBe(count - 1);
});
