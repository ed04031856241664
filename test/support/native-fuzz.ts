/*
 * node native-fuzz.ts ADDON SEED ROUNDS: broken snapshots and wrong views into each function of the
 * addon, in a process of its own, which a fault in the addon may end. Before each round its seed
 * stands on stdout: the same with ROUNDS 1 repeats it. Exit code 1 where an answer is no answer.
 */
import { writeSync } from 'node:fs';
import { createRequire } from 'node:module';

import type { SnapshotViews } from '../../src/graph/snapshot/layout.ts';
import { SeededRandom } from '../../src/graph/random.ts';
import { asAddon, type NativeAddon } from '../../src/resolver/native-addon.ts';
import { chain, fan, lattice, plannedViews, woven, type TaskPlan } from './large-snapshots.ts';

const [binary = '', firstSeed = '1', rounds = '1'] = process.argv.slice(2);
const addon = asAddon(createRequire(import.meta.url)(binary));

class Random extends SeededRandom {
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)] as T;
  }
}

const CLOCKS = [0, 1.8e15, -1, NaN, Infinity, -Infinity, 1e300];

const question = (random: Random): Parameters<NativeAddon['etaOfTask']>[2] => {
  const count = random.below(12);
  const of = (length: number, value: () => number): number[] => Array.from({ length }, value);
  return {
    durations: {
      which: Uint32Array.from(of(count, () => random.pick([0, 0, 0, 1, 7]))),
      kinds: Uint8Array.from(of(1 + random.below(2), () => random.below(6))),
      offsets: Uint32Array.from(of(random.below(4), () => random.below(4))),
      values: Float64Array.from(of(random.below(6), () => random.pick([...CLOCKS, 1, 2]))),
    },
    elapsed: Float64Array.from(of(random.pick([0, count]), () => random.pick(CLOCKS))),
    runs: random.below(50),
    seed: random.below(2 ** 32),
    shares: Float64Array.from(of(random.below(3), () => random.pick([0, 0.5, 1, ...CLOCKS]))),
    threads: random.below(4),
  };
};

const durations = (random: Random): Float64Array =>
  Float64Array.from({ length: random.below(20) }, () => random.pick([1, 2, ...CLOCKS]));

const starts = (random: Random): Uint32Array =>
  Uint32Array.from({ length: random.below(4) }, () => random.pick([0, 1, 9, 2 ** 32 - 1]));

const cancellation = (random: Random): InstanceType<NativeAddon['Cancellation']> => {
  const made = new addon.Cancellation();
  if (random.below(4) === 0) made.cancel();
  return made;
};

/** As many flag bytes as the header tells of tasks, or others. */
const taskFlags = (view: Uint8Array, random: Random): Uint8Array => {
  const told = view.byteLength < 12 ? 0 : new DataView(view.buffer).getUint32(8, true);
  const tasks = random.pick([told, told, told, told + 1, 0]);
  return Uint8Array.from({ length: Math.min(tasks, 100) }, () => random.pick([0, 1, 8]));
};

type Call = (view: Uint8Array, random: Random, other: Uint8Array) => unknown;

/** Every function of the addon. A new one is one line here. */
const CALLS: Readonly<Record<keyof NativeAddon, Call>> = {
  abiVersion: () => addon.abiVersion(),
  layoutVersion: () => addon.layoutVersion(),
  findProblem: (view) => addon.findProblem(view),
  resolveTasks: (view, random) => {
    const [first, end] = [random.below(4), random.below(8)];
    const now = random.pick(CLOCKS);
    const [contexts, levels] = [random.below(2) === 0, random.below(2) === 0];
    return addon.resolveTasks(view, random.below(2) === 0, now, contexts, levels, first, end);
  },
  resolveAll: (view, random) =>
    addon.resolveAll(view, random.below(2) === 0, random.pick(CLOCKS), true, true, random.below(5)),
  // built from one snapshot, asked with another
  ReadyPlanes: (view, random, other) => {
    const flags = taskFlags(view, random);
    const planes = new addon.ReadyPlanes(view, random.below(2) === 0, random.below(4), flags);
    planes.groupOfTask();
    planes.groups();
    planes.bytes();
    const asked = random.pick([view, view, other]);
    const count = planes.count(asked, random.pick(CLOCKS));
    planes.setStep(asked, random.below(40), random.below(256), random.pick(CLOCKS));
    const again = planes.count(asked, random.pick(CLOCKS));
    const ids = new BigInt64Array(random.pick([again, count, again + 1, 0]));
    planes.readIds(random.pick([asked, other]), ids);
  },
  readyPlanesAsync: async (view, random) => {
    const flags = taskFlags(view, random);
    const engine = random.below(2) === 0;
    const planes = await addon.readyPlanesAsync(view, engine, random.below(4), flags);
    planes.count(view, random.pick(CLOCKS));
  },
  Cancellation: (_view, random) => cancellation(random),
  shapeOfTask: (view, random) => addon.shapeOfTask(view, random.below(7), durations(random)),
  shapeOfTaskAsync: (view, random) =>
    addon.shapeOfTaskAsync(view, random.below(7), durations(random), cancellation(random)),
  etaOfTask: (view, random) => addon.etaOfTask(view, random.below(7), question(random)),
  etaOfTaskAsync: (view, random) =>
    addon.etaOfTaskAsync(view, random.below(7), question(random), cancellation(random)),
  blastRadiusOf: (view, random) => addon.blastRadiusOf(view, starts(random)),
  blastRadiusOfAsync: (view, random) =>
    addon.blastRadiusOfAsync(view, starts(random), cancellation(random)),
};

/** Functions that are given nothing wrong but the snapshot. */
const RIGHT_ARGUMENTS = new Set<string>(['findProblem', 'resolveTasks', 'resolveAll']);

const CIRCLE: TaskPlan = { steps: 3, parentsOf: (step) => [(step + 1) % 3] };
const PLANS = [woven(7), chain(4), fan(3), lattice(3), lattice(3, true), CIRCLE];

function anySnapshot(random: Random): SnapshotViews {
  const plan = random.pick(PLANS);
  const tasks = random.below(6);
  const sameGraph = random.below(2) === 0;
  return plannedViews(Array.from({ length: tasks }, () => (sameGraph ? plan : random.pick(PLANS))));
}

/** Some words of a snapshot changed, its end cut off, or nothing of the kind. */
function damaged(random: Random): Uint8Array {
  const { buffer } = anySnapshot(random);
  const words = new Uint32Array(buffer);
  for (let left = random.pick([0, 0, 1, 1, 2, 5]); left > 0; left--) {
    // half of them in the header, where the sections are told
    const at = random.below(random.pick([64, words.length]));
    const values = [0, 1, 3, 2 ** 32 - 1, 2 ** 31, words[random.below(words.length)] as number];
    words[at] = random.pick([...values, (words[at] as number) + 1, (words[at] as number) ^ 128]);
  }
  if (random.below(6) > 0) return new Uint8Array(buffer);
  const kept = random.below(buffer.byteLength + 1);
  const cut = new SharedArrayBuffer(kept);
  new Uint8Array(cut).set(new Uint8Array(buffer, 0, kept));
  return new Uint8Array(cut);
}

/** What a caller may mistake for a view of a whole snapshot. */
function anyView(random: Random): Uint8Array {
  const view = damaged(random);
  const wrong: readonly (() => unknown)[] = [
    () => new Uint8Array(view),
    () => view.subarray(random.below(20)),
    () => new Uint16Array(view.buffer as SharedArrayBuffer, 0, view.length >> 1),
    () => new DataView(view.buffer as SharedArrayBuffer),
    () => view.buffer,
    () => [],
    () => undefined,
  ];
  return random.below(10) === 0 ? (random.pick(wrong)() as Uint8Array) : view;
}

/** Everything but the work itself may be wrong; then an error says so. */
async function round(seed: number): Promise<void> {
  const random = new Random(seed);
  const [view, other] = [anyView(random), damaged(random)];
  let isSound = false;
  try {
    isSound = addon.findProblem(view) === null;
  } catch (error) {
    requireError(error);
  }
  for (const [name, call] of Object.entries(CALLS)) {
    try {
      await call(view, random, other);
    } catch (error) {
      requireError(error);
      const isPanic = (error as Error).message.includes('panicked');
      if (isSound && isPanic && RIGHT_ARGUMENTS.has(name)) {
        throw new Error(`${name} panics on a sound snapshot`, { cause: error });
      }
    }
  }
}

function requireError(error: unknown): void {
  if (!(error instanceof Error) || error.message === '')
    throw new Error(`no error: ${String(error)}`);
}

const first = Number(firstSeed);
for (let seed = first; seed < first + Number(rounds); seed++) {
  writeSync(1, `${seed}\n`);
  await round(seed);
}
