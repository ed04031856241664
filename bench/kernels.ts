import { SECTIONS } from '../src/graph/snapshot/layout.ts';
import type { GraphSnapshot } from '../src/graph/snapshot/snapshot.ts';
import { Collected, openResolvers, THREADS, type BenchContext } from './context.ts';
import { GraphologyGraph } from './graphology-graph.ts';
import { timeScenario, type Contestant } from './interleave.ts';
import { compareReadiness, MapOfObjects } from './map-of-objects.ts';
import type { Measured } from './result.ts';
import { BENCH_NOW, SHAPES } from './shapes.ts';

type Outputs = Readonly<Record<string, Uint8Array>>;

/** Copies of all output sections. */
function outputsOf({ views }: GraphSnapshot): Outputs {
  const outputs: Record<string, Uint8Array> = {};
  for (const [name, section] of Object.entries(SECTIONS)) {
    if (section.part !== 'output') continue;
    const view = views[name as keyof typeof SECTIONS];
    outputs[name] = new Uint8Array(view.buffer, view.byteOffset, view.byteLength).slice();
  }
  return outputs;
}

function compareOutputs(expected: Outputs, found: Outputs, who: string): void {
  for (const [name, bytes] of Object.entries(expected)) {
    if (Buffer.compare(bytes, found[name] as Uint8Array) !== 0) {
      throw new Error(`${who} differs from TypeScript in ${name}`);
    }
  }
}

/** Resolves with each and fails where an output differs from the first one's. */
export async function compareResolvers(
  snapshot: GraphSnapshot,
  resolvers: Awaited<ReturnType<typeof openResolvers>>,
): Promise<void> {
  let expected: Outputs | undefined;
  for (const [name, resolver] of resolvers) {
    // what is left out must not be found in the rest of an earlier run
    for (const [section, { part }] of Object.entries(SECTIONS)) {
      if (part === 'output') snapshot.views[section as 'bits'].fill(0);
    }
    await resolver.resolve(snapshot, { nowMicros: BENCH_NOW });
    const outputs = outputsOf(snapshot);
    if (expected === undefined) expected = outputs;
    else compareOutputs(expected, outputs, name);
  }
}

const NAMES = [
  'TypeScript',
  `pool, ${THREADS} threads`,
  'native, 1 thread',
  `native, ${THREADS} threads`,
  'auto',
] as const;

/** Objects take half a second for a million steps; three samples tell enough. */
const OBJECTS_MOST = 3;

/** Warm resolution of snapshots in memory by every backend, beside what else one might write. */
export async function benchKernels(context: BenchContext): Promise<Measured> {
  const collected = new Collected();
  for (const shape of Object.keys(SHAPES) as (keyof typeof SHAPES)[]) {
    const sizes =
      shape === 'typical' ? context.sizes(1000, 100_000, 1_000_000) : context.sizes(1_000_000);
    for (const size of sizes) {
      const snapshot = context.snapshot(shape, size);
      await benchReadiness(context, shape, snapshot, collected);
    }
  }
  return collected;
}

async function benchReadiness(
  context: BenchContext,
  shape: keyof typeof SHAPES,
  snapshot: GraphSnapshot,
  collected: Collected,
): Promise<void> {
  const { steps } = snapshot.views.counts;
  const readiness = `warm readiness, ${shape}`;
  const everything = `warm readiness, contexts and levels, ${shape}`;
  context.phase(`${readiness}, ${steps.toLocaleString('en')} steps`);
  await using resolvers = openResolvers(NAMES, readiness, collected.skipped);
  await compareResolvers(snapshot, resolvers);
  const of = (contexts: boolean, levels: boolean): Contestant[] =>
    [...resolvers].map(([name, resolver]) => ({
      name,
      run: () => resolver.resolve(snapshot, { nowMicros: BENCH_NOW, contexts, levels }),
    }));
  const contestants = of(false, false);
  const floor = await context.floor(snapshot);
  if ('reason' in floor) {
    collected.skipped.push({ scenario: readiness, contestant: 'C loop', reason: floor.reason });
  } else {
    await floor.compare(['bits', 'completedParents']);
    contestants.push(floor.readiness, floor.read);
  }
  if (shape === 'typical') {
    for (const [name, graph] of [
      ['Map of objects', new MapOfObjects(snapshot)],
      ['graphology', new GraphologyGraph(snapshot)],
    ] as const) {
      compareReadiness(snapshot, graph.readiness(BENCH_NOW), name);
      contestants.push({ name, run: () => graph.readiness(BENCH_NOW), most: OBJECTS_MOST });
    }
  }
  try {
    collected.rows.push(...(await timeScenario(readiness, steps, contestants, context.rounds)));
  } finally {
    if (!('reason' in floor)) await floor[Symbol.asyncDispose]();
  }
  collected.rows.push(...(await timeScenario(everything, steps, of(true, true), context.rounds)));
}
