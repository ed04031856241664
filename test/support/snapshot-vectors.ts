import { isDeepStrictEqual } from 'node:util';
import { fileURLToPath } from 'node:url';

import fc from 'fast-check';

import { HEADER, openSnapshot, type LayoutProblem } from '../../src/graph/snapshot/layout.ts';
import type { Rules } from '../../src/graph/rules/rules.ts';
import type { GraphSnapshot } from '../../src/graph/snapshot/snapshot.ts';
import { findSnapshotProblem } from '../../src/graph/snapshot/validate.ts';
import { directorySource } from '../../src/resolver/sources/ndjson-source.ts';
import { createResolver } from '../../src/resolver/resolver.ts';
import { rowsSource } from '../../src/resolver/sources/rows-source.ts';
import type { SnapshotSource } from '../../src/graph/snapshot/snapshot-source.ts';
import { answersOf } from './answers.ts';
import type { RowsCase } from './arbitraries.ts';
import { outputBytes } from './backends.ts';
import { GOLDEN_SETS, goldenDirectory } from './golden.ts';
import { askOracle } from './oracle.ts';
import { damagedCases, randomCases, VECTOR_SEED } from './vector-cases.ts';

/*
 * Snapshots with their answers for the kernels in Rust, which can read neither rows nor oracle. All
 * numbers are little-endian, u32 unless said otherwise; a text is its length and UTF-8.
 *
 * file:    'TKSV', sound snapshots, ill-formed ones, then these
 * sound:   clock (f64, µs), bytes, stored bytes, these (all else is 0xa5), answers under `rails` and
 *          under `engine`
 * answer:  written sections, for each one offset, length, bytes; cycles, for each one task, length,
 *          steps
 * ill:     number of the sound one it was made from, changed words, for each one offset and word;
 *          bytes (the rest is cut off); text of the section and of the problem
 */

const RULES: readonly Rules[] = ['rails', 'engine'];

/** File names below `test/vectors/snapshots`, each with what writes its bytes. */
export const SNAPSHOT_VECTORS = {
  'random.bin': randomVectors,
  'golden.bin': goldenVectors,
  'damaged.bin': damagedVectors,
};

/** Where a file of {@link SNAPSHOT_VECTORS} stands. */
export function snapshotVectorFile(name: string): string {
  return fileURLToPath(new URL(`../vectors/snapshots/${name}`, import.meta.url));
}

class Writer {
  readonly #parts: Buffer[] = [];

  u32(...values: readonly number[]): void {
    const part = Buffer.alloc(values.length * 4);
    values.forEach((value, at) => part.writeUInt32LE(value, at * 4));
    this.#parts.push(part);
  }

  f64(value: number): void {
    const part = Buffer.alloc(8);
    part.writeDoubleLE(value);
    this.#parts.push(part);
  }

  bytes(value: Uint8Array): void {
    this.#parts.push(Buffer.from(value));
  }

  text(value: string): void {
    const bytes = Buffer.from(value);
    this.u32(bytes.length);
    this.bytes(bytes);
  }

  end(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

/** Random rows whose answers are the oracle's, and what damage makes of their snapshots. */
async function randomVectors(): Promise<Buffer> {
  const sound = new Writer();
  const originals: Uint8Array[] = [];
  for (const drawn of randomCases()) {
    const source = rowsSource(drawn.input);
    originals.push(await writeSound(sound, source, drawn.nowMicros));
    for (const rules of RULES) await requireOracle(drawn, rules);
  }
  const damages = fc.sample(damageArb(originals), { seed: VECTOR_SEED, numRuns: 1500 });
  const ill = new Writer();
  let illFormed = 0;
  for (const damage of damages) if (writeIllFormed(ill, originals, damage)) illFormed++;
  return fileOf(originals.length, sound, illFormed, ill);
}

/** The golden sets, whose answers under `rails` are those of the Rails engine's SQL. */
async function goldenVectors(): Promise<Buffer> {
  const sound = new Writer();
  for (const set of GOLDEN_SETS) {
    const source = directorySource(fileURLToPath(goldenDirectory(set)));
    await writeSound(sound, source, undefined);
  }
  return fileOf(GOLDEN_SETS.length, sound, 0, new Writer());
}

/** Rows that contradict each other: their tasks are set apart, all else is answered. */
async function damagedVectors(): Promise<Buffer> {
  const sound = new Writer();
  const cases = damagedCases();
  for (const { input, nowMicros } of cases) await writeSound(sound, rowsSource(input), nowMicros);
  return fileOf(cases.length, sound, 0, new Writer());
}

function fileOf(soundCount: number, sound: Writer, illCount: number, ill: Writer): Buffer {
  const head = new Writer();
  head.bytes(Buffer.from('TKSV'));
  head.u32(soundCount, illCount);
  return Buffer.concat([head.end(), sound.end(), ill.end()]);
}

/** Throws where the answers to random rows are not the oracle's, column by column. */
async function requireOracle({ input, nowMicros }: RowsCase, rules: Rules): Promise<void> {
  const expected = askOracle(input, rules, nowMicros);
  await using resolver = createResolver({ backend: 'inline', rules });
  const { readiness, contexts, levels } = await answersOf(rowsSource(input), {
    resolver,
    rules,
    nowMicros,
  });
  const { cyclicTasks: _, ...rows } = expected;
  if (!isDeepStrictEqual({ readiness, contexts, levels }, rows)) {
    throw new Error('the kernels do not answer what the oracle answers');
  }
}

/** Writes the one snapshot of a source with its answers; gives its bytes before any resolution. */
async function writeSound(
  to: Writer,
  source: SnapshotSource,
  nowMicros: number | undefined,
): Promise<Uint8Array> {
  const stream = await source.open({
    chunkSteps: Infinity,
    signal: undefined,
    onProgress: undefined,
  });
  const snapshots: GraphSnapshot[] = [];
  for await (const snapshot of stream) snapshots.push(snapshot);
  const [snapshot, ...others] = snapshots;
  if (snapshot === undefined || others.length > 0) throw new Error('not one snapshot');
  const { views } = snapshot;
  const clock = nowMicros ?? stream.now ?? 0;
  const whole = new Uint8Array(views.buffer);
  const inputs = whole.slice(0, views.bits.byteOffset);
  to.f64(clock);
  to.u32(whole.length, inputs.length);
  to.bytes(inputs);
  for (const rules of RULES) {
    whole.set(inputs);
    whole.fill(0xa5, inputs.length);
    await using resolver = createResolver({ backend: 'inline', rules });
    const { cycles } = await resolver.resolve(snapshot, { nowMicros: clock });
    const written = [...outputBytes(views)];
    to.u32(written.length);
    for (const [name, bytes] of written) {
      to.u32(views[name as 'bits'].byteOffset, bytes.length);
      to.bytes(bytes);
    }
    to.u32(cycles.length);
    for (const { task, path } of cycles) to.u32(task, path.length, ...path);
  }
  const original = new Uint8Array(whole.length).fill(0xa5);
  original.set(inputs);
  return original;
}

interface Damage {
  readonly base: number;
  /** Places as fractions of what may be changed, and what is written there. */
  readonly words: readonly { readonly place: number; readonly value: number }[];
  /** Part of the buffer that is left. */
  readonly left: number;
}

function damageArb(originals: readonly Uint8Array[]): fc.Arbitrary<Damage> {
  const fraction = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
  const value = fc.oneof(
    { weight: 3, arbitrary: fc.nat({ max: 40 }) },
    { weight: 1, arbitrary: fc.constantFrom(2 ** 31, 2 ** 32 - 1, 2 ** 24) },
  );
  return fc.record({
    base: fc.nat({ max: originals.length - 1 }),
    words: fc.array(fc.record({ place: fraction, value }), { minLength: 1, maxLength: 3 }),
    left: fc.oneof({ weight: 9, arbitrary: fc.constant(1) }, { weight: 1, arbitrary: fraction }),
  });
}

/** Damages the header and the sections that describe the graph; false where the damage is none. */
function writeIllFormed(
  to: Writer,
  originals: readonly Uint8Array[],
  { base, words, left }: Damage,
): boolean {
  const original = originals[base] as Uint8Array;
  const buffer = new SharedArrayBuffer(original.length);
  const bytes = new Uint8Array(buffer);
  bytes.set(original);
  const header = new Uint32Array(buffer);
  const graphWords = (header[HEADER.firstSection + 5] as number) * 2;
  const changes = words.map(({ place, value }) => ({
    at: Math.floor(place * graphWords) * 4,
    value,
  }));
  for (const { at, value } of changes) header[at / 4] = value;
  const length = Math.floor((bytes.length * left) / 8) * 8;
  const cut = new SharedArrayBuffer(length);
  new Uint8Array(cut).set(bytes.subarray(0, length));
  const problem = problemOf(cut);
  if (problem === undefined) return false;
  to.u32(base, changes.length);
  for (const { at, value } of changes) to.u32(at, value);
  to.u32(length);
  to.text(problem.section);
  to.text(problem.problem);
  return true;
}

function problemOf(buffer: SharedArrayBuffer): LayoutProblem | undefined {
  const views = openSnapshot(buffer);
  return 'problem' in views ? views : findSnapshotProblem(views);
}
