import { describe, expect, test } from 'vitest';

import { TaskerError } from '../../src/errors.ts';
import type { GraphSnapshot } from '../../src/graph/snapshot/snapshot.ts';
import type { LoadProgress, SnapshotSource, SnapshotStream } from '../../src/resolver/index.ts';
import { DETAIL_LIMIT, resolveTasks } from '../../src/resolver/resolve-tasks.ts';
import { createResolver } from '../../src/resolver/resolver.ts';
import { rowsSource, type RowsInput } from '../../src/resolver/sources/rows-source.ts';
import { answersOf } from '../support/answers.ts';
import { BACKENDS } from '../support/backends.ts';

/** Tasks of three steps: done, ready, waiting for the second. */
function rows(tasks: number): RowsInput {
  const numbers = Array.from({ length: tasks }, (_, at) => at + 1);
  return {
    tasks: numbers.map((id) => ({ task_id: id, named_task_id: 1 })),
    steps: numbers.flatMap((id) =>
      [1, 2, 3].map((part) => ({
        workflow_step_id: id * 10 + part,
        task_id: id,
        named_step_id: part,
      })),
    ),
    edges: numbers.flatMap((id) => [
      { from_step_id: id * 10 + 1, to_step_id: id * 10 + 2 },
      { from_step_id: id * 10 + 2, to_step_id: id * 10 + 3 },
    ]),
    stepTransitions: numbers.map((id) => ({
      workflow_step_id: id * 10 + 1,
      to_state: 'complete',
      most_recent: true,
      created_at: '2026-01-01T00:00:00',
    })),
    now: '2026-02-01T00:00:00',
  };
}

/** What a source was asked for; the rows beneath are real. */
class Watched implements SnapshotSource {
  loaded = 0;
  ended = 0;
  readonly #source: SnapshotSource;
  readonly #beforeChunk: (index: number) => void | Promise<void>;

  constructor(
    source: SnapshotSource,
    beforeChunk: (index: number) => void | Promise<void> = () => undefined,
  ) {
    this.#source = source;
    this.#beforeChunk = beforeChunk;
  }

  async open(options: Parameters<SnapshotSource['open']>[0]): Promise<SnapshotStream> {
    const stream = await this.#source.open(options);
    const watch = async function* (this: Watched): AsyncGenerator<GraphSnapshot> {
      try {
        let index = 0;
        for await (const snapshot of stream) {
          await this.#beforeChunk(index++);
          this.loaded++;
          yield snapshot;
        }
      } finally {
        this.ended++;
      }
    };
    return {
      now: stream.now,
      totals: () => stream.totals(),
      [Symbol.asyncIterator]: () => watch.call(this),
    };
  }
}

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

describe.each(BACKENDS)('a run on %s', (backend) => {
  const options = { backend, threads: 2, chunkSteps: 3 } as const;

  test('hands out chunks in order with rows that can be taken again', async () => {
    const run = resolveTasks(rowsSource(rows(5)), options);
    expect(run.summary()).toMatchObject({ read: { tasks: 0 }, totalMillis: 0, unknownTasks: [] });
    const indexes: number[] = [];
    for await (const chunk of run) {
      indexes.push(chunk.index);
      const first = [...chunk.readiness()];
      expect([...chunk.readiness()]).toStrictEqual(first);
      expect(first.map((row) => row.ready_for_execution)).toStrictEqual([false, true, false]);
      expect([...chunk.contexts()]).toMatchObject([
        { ready_steps: 1, completion_percentage: '33.33' },
      ]);
      expect([...chunk.levels()].map((row) => row.dependency_level)).toStrictEqual([0, 1, 2]);
      expect(chunk.readyStepIds()).toStrictEqual(
        BigInt64Array.of(BigInt((chunk.index + 1) * 10 + 2)),
      );
    }
    expect(indexes).toStrictEqual([0, 1, 2, 3, 4]);
    const summary = run.summary();
    expect(summary).toMatchObject({
      rules: 'rails',
      chunks: 5,
      read: { tasks: 5, steps: 15, edges: 10 },
    });
    expect(summary.counts).toMatchObject({ tasks: 5, steps: 15, edges: 10, ready: 5, cycles: 0 });
    expect(run.summary().totalMillis).toBe(summary.totalMillis);
    expect(summary.resolveMillis).toBeGreaterThan(0);
  });

  test('that is left early stops loading, and its threads', async () => {
    const source = new Watched(rowsSource(rows(500)));
    const run = resolveTasks(source, { ...options, chunksInFlight: 3 });
    for await (const chunk of run) {
      expect(chunk.index).toBe(0);
      break;
    }
    expect(source.ended).toBe(1);
    expect(source.loaded).toBeLessThanOrEqual(3);
    const before = source.loaded;
    await turn();
    expect(source.loaded).toBe(before);
    const first = run.summary().totalMillis;
    expect(run.summary().totalMillis).toBe(first);
  });

  test('never holds more chunks than it may', async () => {
    for (const chunksInFlight of [1, 2, 5]) {
      const source = new Watched(rowsSource(rows(60)));
      const run = resolveTasks(source, { ...options, chunksInFlight });
      let taken = 0;
      let most = 0;
      let bytes = 0;
      for await (const chunk of run) {
        for (let at = 0; at < 5; at++) await turn(); // time enough to load what may be loaded
        most = Math.max(most, source.loaded - taken);
        taken++;
        bytes = chunk.snapshot.views.buffer.byteLength;
      }
      expect(taken).toBe(60);
      expect(most).toBe(chunksInFlight);
      expect(run.summary().peakSnapshotBytes).toBe(chunksInFlight * bytes);
    }
  });

  test('raises what the source raises, after the chunks before it', async () => {
    const fault = new TaskerError('TASKER_DATABASE_UNREACHABLE', 'gone');
    const source = new Watched(rowsSource(rows(9)), (index) => {
      if (index === 3) throw fault;
    });
    const seen: number[] = [];
    const take = async (): Promise<void> => {
      for await (const chunk of resolveTasks(source, { ...options, chunksInFlight: 8 })) {
        seen.push(chunk.index);
        // busy elsewhere while the source fails: nobody may die of an unheard rejection
        for (let at = 0; at < 5; at++) await turn();
      }
    };
    await expect(take()).rejects.toBe(fault);
    expect(seen).toStrictEqual([0, 1, 2]);
    expect(source.ended).toBe(1);
  });

  test('raises what opening the source raises', async () => {
    const fault = new Error('no such place');
    const source: SnapshotSource = { open: () => Promise.reject(fault) };
    await expect(answersOf(source, options)).rejects.toBe(fault);
  });

  test.each(['before', 'while loading', 'while the caller is busy'])(
    'ends %s with the reason of its signal',
    async (when) => {
      const stop = new AbortController();
      const reason = new Error('enough');
      if (when === 'before') stop.abort(reason);
      const source = new Watched(rowsSource(rows(400)), (index) => {
        if (when === 'while loading' && index === 2) stop.abort(reason);
      });
      const take = async (): Promise<void> => {
        for await (const chunk of resolveTasks(source, { ...options, signal: stop.signal })) {
          if (chunk.index === 1) stop.abort(reason);
        }
      };
      await expect(take()).rejects.toBe(reason);
      expect(source.loaded).toBeLessThan(40);
      expect(source.ended).toBe(when === 'before' ? 0 : 1);
    },
  );

  test('without contexts and levels gives readiness alone, and its counts', async () => {
    const run = resolveTasks(rowsSource(rows(2)), { ...options, contexts: false, levels: false });
    let chunks = 0;
    for await (const chunk of run) {
      chunks++;
      expect(chunk.readyStepIds()).toHaveLength(1);
      expect([...chunk.readiness()].filter((row) => row.ready_for_execution)).toHaveLength(1);
      const refused = (field: string): unknown =>
        expect.objectContaining({ code: 'TASKER_BAD_ARGUMENT', data: { field } });
      expect(() => chunk.contexts()).toThrow(refused('contexts'));
      expect(() => chunk.levels()).toThrow(refused('levels'));
    }
    expect(chunks).toBe(2);
    expect(run.summary().counts).toMatchObject({ tasks: 2, ready: 2, tasksBlocked: 0 });
  });
});

test('a resolver of the caller stays open, and its rules are the rules', async () => {
  await using resolver = createResolver({ backend: 'inline', rules: 'engine' });
  for (let at = 0; at < 2; at++) {
    const { summary } = await answersOf(rowsSource(rows(3)), { resolver });
    expect(summary).toMatchObject({ rules: 'engine', counts: { tasks: 3 } });
  }
  expect(resolver.report.runs.inline).toBe(2);
  expect(() => resolveTasks(rowsSource(rows(1)), { resolver, rules: 'rails' })).toThrow(
    expect.objectContaining({ code: 'TASKER_BAD_ARGUMENT' }),
  );
});

test('a run is taken once', async () => {
  const run = resolveTasks(rowsSource(rows(1)), { backend: 'inline' });
  for await (const chunk of run) expect(chunk.index).toBe(0);
  expect(() => run[Symbol.asyncIterator]()).toThrow(
    expect.objectContaining({ code: 'TASKER_BAD_ARGUMENT' }),
  );
});

test.each([
  ['chunkSteps', 0],
  ['chunkSteps', 1.5],
  ['chunkSteps', NaN],
  ['chunksInFlight', -1],
  ['chunksInFlight', 0],
])('option %s %d is refused by name', (field, value) => {
  expect(() => resolveTasks(rowsSource(rows(1)), { [field]: value })).toThrow(
    expect.objectContaining({ code: 'TASKER_BAD_ARGUMENT', data: { field, value } }),
  );
});

test('the clock of the call goes before that of the source', async () => {
  const source = rowsSource(rows(1));
  expect((await answersOf(source, { backend: 'inline', nowMicros: 5 })).summary.nowMicros).toBe(5);
  const loadedAt: SnapshotSource = {
    async open(options) {
      const { now: _now, ...clockless } = rows(1);
      const stream = await rowsSource(clockless).open(options);
      const chunks = async function* (): AsyncGenerator<GraphSnapshot> {
        for await (const snapshot of stream) yield { ...snapshot, loadedAt: 77 };
      };
      return { now: undefined, totals: () => stream.totals(), [Symbol.asyncIterator]: chunks };
    },
  };
  expect((await answersOf(loadedAt, { backend: 'inline' })).summary.nowMicros).toBe(77);
});

test('progress rises to the number of tasks', async () => {
  const progress: LoadProgress[] = [];
  const onProgress = (at: LoadProgress): void => void progress.push(at);
  await answersOf(rowsSource(rows(4)), { backend: 'inline', chunkSteps: 6, onProgress });
  expect(progress).toStrictEqual([
    { done: 2, total: 4, unit: 'tasks' },
    { done: 4, total: 4, unit: 'tasks' },
  ]);
});

test('cycles and problems are counted all, and listed up to a limit', async () => {
  const count = DETAIL_LIMIT + 5;
  const input = rows(count);
  const circles = input.tasks.map((task) => ({
    from_step_id: Number(task.task_id) * 10 + 3,
    to_step_id: Number(task.task_id) * 10 + 2,
  }));
  const lost = input.tasks.map(() => ({ from_step_id: 11, to_step_id: 5 }));
  const twisted = { ...input, edges: [...input.edges, ...circles, ...lost] };
  for (const rules of ['rails', 'engine'] as const) {
    const { summary, readiness } = await answersOf(rowsSource(twisted), {
      backend: 'inline',
      rules,
      chunkSteps: 100,
    });
    expect(summary.counts.cycles).toBe(count);
    expect(summary.cycles).toHaveLength(DETAIL_LIMIT);
    expect(summary.cycles[0]).toMatchObject({ code: 'TASKER_CYCLE', taskId: 1n });
    expect(summary.problemCount).toBe(count);
    expect(summary.problems).toHaveLength(DETAIL_LIMIT);
    const answered = rules === 'rails' ? count : 0;
    expect(summary.counts).toMatchObject({ tasks: answered, tasksSetApart: count - answered });
    expect(readiness).toHaveLength(answered * 3);
  }
});

test('exhausted steps and blocked tasks are counted', async () => {
  const input = rows(3);
  const failed = { to_state: 'error', most_recent: true, created_at: '2026-01-01T00:00:00' };
  const { summary } = await answersOf(
    rowsSource({
      ...input,
      steps: input.steps.map((step) =>
        step.workflow_step_id === 12 ? { ...step, attempts: 3 } : step,
      ),
      stepTransitions: [
        ...input.stepTransitions!,
        { workflow_step_id: 12, ...failed },
        { workflow_step_id: 22, ...failed },
      ],
    }),
    { backend: 'inline' },
  );
  expect(summary.counts).toMatchObject({ exhausted: 1, tasksBlocked: 1, ready: 2 });
});

test('nothing to resolve is no error', async () => {
  const { summary } = await answersOf(rowsSource({ tasks: [], steps: [], edges: [] }), {
    backend: 'inline',
  });
  expect(summary).toMatchObject({
    chunks: 0,
    read: { tasks: 0, steps: 0, edges: 0 },
    problemCount: 0,
  });
});

test('a chunk with more cycles than a call takes arguments', async () => {
  const count = 150_000;
  const ids = Array.from({ length: count }, (_, at) => at + 1);
  const input = {
    tasks: ids.map((id) => ({ task_id: id, named_task_id: 1 })),
    steps: ids.map((id) => ({ workflow_step_id: id, task_id: id, named_step_id: 1 })),
    edges: ids.map((id) => ({ from_step_id: id, to_step_id: id })),
  };
  for (const backend of ['inline', 'pool'] as const) {
    const run = resolveTasks(rowsSource(input), { backend, chunkSteps: count });
    for await (const chunk of run) expect(chunk.cycles.length).toBe(count);
    expect(run.summary()).toMatchObject({ counts: { cycles: count }, chunks: 1 });
    expect(run.summary().cycles.length).toBe(1000);
  }
});
