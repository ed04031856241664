import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';

import { isTaskerError, type TaskerError } from '../../src/errors.ts';
import { allocateSnapshot, HEADER } from '../../src/graph/snapshot/layout.ts';
import type { Rules } from '../../src/graph/rules/rules.ts';
import type { GraphSnapshot } from '../../src/graph/snapshot/snapshot.ts';
import { asAddon } from '../../src/resolver/native-addon.ts';
import { loadNative } from '../../src/resolver/native.ts';
import { directorySource } from '../../src/resolver/sources/ndjson-source.ts';
import { openSnapshotBuffer } from '../../src/resolver/open-snapshot.ts';
import type { Resolver } from '../../src/resolver/resolver.ts';
import { rowsSource } from '../../src/resolver/sources/rows-source.ts';
import { answersOf, snapshotOf } from '../support/answers.ts';
import { badRowsCaseArb, rowsCaseArb, type RowsCase } from '../support/arbitraries.ts';
import {
  BACKENDS,
  differing,
  inputBytes,
  outputBytes,
  resolverOn,
  spoilOutputs,
} from '../support/backends.ts';
import { GOLDEN_SETS, goldenDirectory } from '../support/golden.ts';
import {
  bareSnapshot,
  chain,
  LARGE_NOW_MICROS,
  plannedViews,
  woven,
} from '../support/large-snapshots.ts';

const { binary } = loadNative(process.env);
const addon = binary === undefined ? undefined : asAddon(createRequire(import.meta.url)(binary));
const RULES: readonly Rules[] = ['rails', 'engine'];
const reference = { rails: resolverOn('inline', 'rails'), engine: resolverOn('inline', 'engine') };
afterAll(async () => {
  await Promise.all([reference.rails.stop(), reference.engine.stop()]);
});

/** What the check in Rust says of a buffer; without the addon, what the one in TypeScript does. */
function refusalOfRust(buffer: SharedArrayBuffer): string | undefined {
  if (addon === undefined) return messageOf(openedOrRefused(buffer));
  const problem = addon.findProblem(new Uint8Array(buffer));
  return problem === null ? undefined : `The snapshot's ${problem[0]} ${problem[1]}.`;
}

function messageOf(attempt: GraphSnapshot | TaskerError): string | undefined {
  return 'code' in attempt ? attempt.message : undefined;
}

/** What every backend is given only after it: the snapshot, or the error instead. */
function openedOrRefused(buffer: SharedArrayBuffer): GraphSnapshot | TaskerError {
  try {
    return openSnapshotBuffer(buffer);
  } catch (error) {
    if (isTaskerError(error, 'TASKER_BAD_SNAPSHOT')) return error;
    throw error;
  }
}

/** All but the calling thread, which the others are compared with. */
const COMPARED = BACKENDS.filter((backend) => backend !== 'inline');

describe.each(COMPARED.flatMap((backend) => RULES.map((rules) => ({ backend, rules }))))(
  '$backend under $rules rules',
  ({ backend, rules }) => {
    const resolver = resolverOn(backend, rules);
    afterAll(() => resolver.stop());

    /** What this backend writes otherwise than the calling thread does; nothing, it is hoped. */
    async function differences(snapshot: GraphSnapshot, nowMicros: number): Promise<string[]> {
      const { views } = snapshot;
      spoilOutputs(views, 0);
      const { cycles } = await reference[rules].resolve(snapshot, { nowMicros });
      const expected = outputBytes(views);
      const inputs = inputBytes(views);
      spoilOutputs(views, 0xa5);
      const resolution = await resolver.resolve(snapshot, { nowMicros });
      expect(resolution).toMatchObject({ backend, nowMicros });
      expect(resolution.cycles).toStrictEqual(cycles);
      return [...differing(expected, outputBytes(views)), ...differing(inputs, inputBytes(views))];
    }

    test.each(GOLDEN_SETS)('golden set %s', async (set) => {
      const stream = await directorySource(fileURLToPath(goldenDirectory(set))).open({
        chunkSteps: 500,
        signal: undefined,
        onProgress: undefined,
      });
      let chunks = 0;
      for await (const snapshot of stream) {
        expect(await differences(snapshot, stream.now as number)).toStrictEqual([]);
        chunks++;
      }
      expect(chunks).toBeGreaterThan(1);
    });

    test('random rows', async () => {
      await fc.assert(
        fc.asyncProperty(
          rowsCaseArb({ maxTasks: 6, maxSteps: 8 }),
          async ({ input, nowMicros }) => {
            const stream = await rowsSource(input).open({
              chunkSteps: 1_000_000,
              signal: undefined,
              onProgress: undefined,
            });
            for await (const snapshot of stream) {
              expect(await differences(snapshot, nowMicros)).toStrictEqual([]);
            }
          },
        ),
        { numRuns: 200 },
      );
    });

    test('rows that contradict each other, in the same words', async () => {
      const outcome = async ({ input, nowMicros }: RowsCase, on: Resolver): Promise<unknown> => {
        try {
          const source = rowsSource(input);
          const answers = await answersOf(source, {
            resolver: on,
            rules,
            nowMicros,
            chunkSteps: 9,
          });
          const { chunks: _, summary, ...rows } = answers;
          const { counts, read, problems, cycles } = summary;
          return { ...rows, counts, read, problems, cycles };
        } catch (error) {
          if (!isTaskerError(error)) throw error;
          return { code: error.code, message: error.message, data: error.data };
        }
      };
      await fc.assert(
        fc.asyncProperty(badRowsCaseArb({ maxTasks: 4, maxSteps: 6 }), async (drawn) => {
          expect(await outcome(drawn, resolver)).toStrictEqual(
            await outcome(drawn, reference[rules]),
          );
        }),
        { numRuns: 100 },
      );
    });

    test('buffers damaged at random: refused before any work, or answered alike', async () => {
      const damage = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 40 })), { maxLength: 3 });
      let refused = 0;
      await fc.assert(
        fc.asyncProperty(
          rowsCaseArb({ maxTasks: 4, maxSteps: 6 }),
          damage,
          async ({ input, nowMicros }, changes) => {
            fc.pre(input.tasks.length > 0);
            const { buffer } = (await snapshotOf(input)).views;
            const bytes = new Uint8Array(buffer);
            // after the sections that tell what is where: the graph and the rows' values
            for (const [place, value] of changes)
              bytes[256 + (place % (bytes.length - 256))] = value;
            const attempt = openedOrRefused(buffer);
            expect(refusalOfRust(buffer)).toBe(messageOf(attempt));
            if ('code' in attempt) refused++;
            expect('code' in attempt ? [] : await differences(attempt, nowMicros)).toStrictEqual(
              [],
            );
          },
        ),
        { numRuns: 300 },
      );
      expect(refused).toBeGreaterThan(10);
    });

    test('contexts and levels only where they are asked for', async () => {
      const untouched = (byte: number): boolean => byte === 0xa5;
      for (const [contexts, levels] of [
        [false, true],
        [true, false],
        [false, false],
      ] as const) {
        const { views } = bareSnapshot(plannedViews(Array.from({ length: 50 }, () => woven(9))));
        spoilOutputs(views, 0xa5);
        await resolver.resolve(bareSnapshot(views), { contexts, levels });
        const bytes = outputBytes(views);
        expect(bytes.get('level')!.every(untouched)).toBe(!levels);
        expect(bytes.get('executionStatus')!.every(untouched)).toBe(!contexts);
        expect(bytes.get('bits')!.some(untouched)).toBe(false);
      }
    });

    test('nothing at all', async () => {
      const empty = allocateSnapshot({ tasks: 0, steps: 0, ghosts: 0, edges: 0, timed: 0 });
      expect(await differences(openSnapshotBuffer(empty.buffer), 0)).toStrictEqual([]);
    });

    test('a snapshot is resolved as often as one likes, for any clock', async () => {
      const snapshot = bareSnapshot(plannedViews([woven(200)]));
      await resolver.resolve(snapshot, { nowMicros: -Infinity });
      const never = snapshot.views.readySteps[0]!;
      await resolver.resolve(snapshot, { nowMicros: Infinity });
      expect(snapshot.views.readySteps[0]).toBeGreaterThan(never);
      expect(await differences(snapshot, LARGE_NOW_MICROS)).toStrictEqual([]);
    });

    test('the clock is what the snapshot was loaded with unless the call names one', async () => {
      const snapshot = { ...bareSnapshot(plannedViews([chain(2)])), loadedAt: 42 };
      expect((await resolver.resolve(snapshot)).nowMicros).toBe(42);
      expect((await resolver.resolve(snapshot, { nowMicros: 43 })).nowMicros).toBe(43);
      const unnamed = bareSnapshot(snapshot.views);
      expect((await resolver.resolve(unnamed)).nowMicros).toBeGreaterThan(LARGE_NOW_MICROS - 1e15);
    });
  },
);

describe('an ill-formed buffer is refused', () => {
  const edge = (from: number, to: number): { from_step_id: number; to_step_id: number } => ({
    from_step_id: from,
    to_step_id: to,
  });
  const sound = (): Promise<GraphSnapshot> =>
    snapshotOf({
      tasks: [
        { task_id: 1, named_task_id: 1 },
        { task_id: 2, named_task_id: 1 },
      ],
      steps: [1, 2, 3, 4].map((id) => ({
        workflow_step_id: id,
        task_id: id === 4 ? 2 : 1,
        named_step_id: 1,
        backoff_request_seconds: 5,
        last_attempted_at: '2026-01-01T00:00:00',
      })),
      edges: [edge(1, 2), edge(2, 3), edge(3, 4)],
    });

  test('a sound one is opened and keeps its texts', async () => {
    const { views } = await sound();
    const texts = { stepNames: new Map([[1, 'one']]), foreignStates: [] };
    const opened = openSnapshotBuffer(views.buffer, texts);
    expect(opened.views.counts).toStrictEqual(views.counts);
    expect(opened.texts).toBe(texts);
    expect(addon?.findProblem(new Uint8Array(views.buffer)) ?? null).toBeNull();
    expect(openSnapshotBuffer(views.buffer).texts.stepNames.size).toBe(0);
  });

  const word = (at: number, value: number) => (snapshot: GraphSnapshot) => {
    snapshot.views.header[at] = value;
  };
  const faults: readonly (readonly [string, string, (snapshot: GraphSnapshot) => void])[] = [
    ['the magic word', 'header', word(HEADER.magic, 1)],
    ['the version', 'header', word(HEADER.version, 99)],
    ['the number of sections', 'header', word(HEADER.sections, 3)],
    ['more tasks than fit', 'taskSteps', word(HEADER.tasks, 0xff_ff_ff_ff)],
    ['a section in the header', 'taskSteps', word(HEADER.firstSection, 1)],
    ['a section behind the end', 'parents', word(HEADER.firstSection + 2, 0xff_ff_ff)],
    [
      'a section over another',
      'bits',
      ({ views }) => {
        const bits = HEADER.firstSection + 21;
        expect(views.header[bits]! * 8).toBe(views.bits.byteOffset);
        views.header[bits] = views.parents.byteOffset / 8;
      },
    ],
    ['tasks that do not begin at 0', 'taskSteps', ({ views }) => views.taskSteps.fill(1, 0, 1)],
    ['tasks that fall', 'taskSteps', ({ views }) => views.taskSteps.fill(9, 1, 2)],
    ['tasks that end too early', 'taskSteps', ({ views }) => views.taskSteps.fill(3, 2, 3)],
    ['parents that fall', 'parentOffsets', ({ views }) => views.parentOffsets.fill(3, 1, 2)],
    ['children that fall', 'childOffsets', ({ views }) => views.childOffsets.fill(3, 1, 2)],
    ['a parent out of range', 'parents', ({ views }) => views.parents.fill(4, 0, 1)],
    ['a child out of range', 'children', ({ views }) => views.children.fill(4, 0, 1)],
    ['children that contradict the parents', 'children', ({ views }) => views.children.fill(0)],
    [
      'counts of children that contradict the parents',
      'children',
      ({ views }) => views.childOffsets.set([0, 3, 3, 3, 3]),
    ],
    ['timed steps out of order', 'timedStep', ({ views }) => views.timedStep.set([1, 0])],
    ['a timed step twice', 'timedStep', ({ views }) => views.timedStep.set([1, 1])],
    ['a timed step out of range', 'timedStep', ({ views }) => views.timedStep.fill(4, 3)],
    [
      'a false topological flag',
      'taskFlags',
      ({ views }) => {
        views.parents[0] = 1; // step 1 is its own parent
        views.childOffsets.set([0, 0, 2, 3, 3]);
        views.children.set([1, 2, 3]);
      },
    ],
  ];

  test.each(faults)('%s', async (_name, section, spoil) => {
    const snapshot = await sound();
    spoil(snapshot);
    let caught: unknown;
    try {
      openSnapshotBuffer(snapshot.views.buffer);
    } catch (error) {
      caught = error;
    }
    expect(caught).toMatchObject({ code: 'TASKER_BAD_SNAPSHOT', data: { section } });
    expect(refusalOfRust(snapshot.views.buffer)).toBe((caught as Error).message);
  });

  test.each([
    ['ArrayBuffer', (whole: Uint8Array) => whole.slice().buffer],
    ['Uint8Array', (whole: Uint8Array) => whole],
    ['Undefined', () => undefined],
  ] as const)('%s: memory that no other thread sees', async (value, make) => {
    const { views } = await sound();
    const wrong = make(new Uint8Array(views.buffer)) as unknown as SharedArrayBuffer;
    expect(() => openSnapshotBuffer(wrong)).toThrow(
      expect.objectContaining({ code: 'TASKER_BAD_ARGUMENT', data: { field: 'buffer', value } }),
    );
  });

  test.each([0, 8, 255, 256, 300, -8])('%i bytes of one', async (bytes) => {
    const { views } = await sound();
    const whole = new Uint8Array(views.buffer).slice(0, bytes);
    const cut = new SharedArrayBuffer(whole.length);
    new Uint8Array(cut).set(whole);
    let caught: unknown;
    try {
      openSnapshotBuffer(cut);
    } catch (error) {
      caught = error;
    }
    expect(caught).toMatchObject({ code: 'TASKER_BAD_SNAPSHOT' });
    expect(refusalOfRust(cut)).toBe((caught as Error).message);
  });
});
