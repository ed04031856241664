import { SECTIONS, snapshotBytes } from '../src/graph/layout.ts';
import type { GraphSnapshot } from '../src/graph/snapshot.ts';
import {
  createResolver,
  isTaskerError,
  type BackendName,
  type Resolver,
} from '../src/resolver/index.ts';
import { interleave } from './interleave.ts';
import type { ResultRow } from './report.ts';
import { BENCH_NOW, SHAPES, shapedSnapshot } from './shapes.ts';

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
    const other = found[name] as Uint8Array;
    const at = bytes.findIndex((byte, index) => byte !== other[index]);
    if (at !== -1) throw new Error(`${who} differs from inline in ${name}, byte ${at}`);
  }
}

function resolvers(): Map<BackendName | 'auto', Resolver> {
  const made = new Map<BackendName | 'auto', Resolver>();
  for (const backend of ['inline', 'pool', 'native', 'auto'] as const) {
    try {
      made.set(backend, createResolver({ backend }));
    } catch (error) {
      if (!isTaskerError(error, 'TASKER_BACKEND_UNAVAILABLE')) throw error;
    }
  }
  return made;
}

/** Warm resolution of snapshots in memory, all backends, by shape and size. */
export async function benchKernels(
  sizes: readonly number[],
  rounds: number,
  onRow: (rows: readonly ResultRow[]) => void,
): Promise<ResultRow[]> {
  const rows: ResultRow[] = [];
  const made = resolvers();
  try {
    for (const shape of Object.values(SHAPES)) {
      for (const size of sizes) {
        const done = await benchShape(shape.name, shapedSnapshot(shape, size), made, rounds);
        rows.push(...done);
        onRow(done);
      }
    }
  } finally {
    for (const resolver of made.values()) await resolver.stop();
  }
  return rows;
}

async function benchShape(
  shape: string,
  snapshot: GraphSnapshot,
  made: ReadonlyMap<BackendName | 'auto', Resolver>,
  rounds: number,
): Promise<ResultRow[]> {
  const { counts } = snapshot.views;
  let expected: Outputs | undefined;
  for (const [name, resolver] of made) {
    await resolver.resolve(snapshot, { nowMicros: BENCH_NOW });
    const outputs = outputsOf(snapshot);
    if (expected === undefined) expected = outputs;
    else compareOutputs(expected, outputs, name);
  }
  const contestants = [...made].flatMap(([name, resolver]) => [
    {
      name,
      run: () => resolver.resolve(snapshot, { nowMicros: BENCH_NOW }),
    },
    {
      name: `${name}, readiness only`,
      run: () =>
        resolver.resolve(snapshot, { nowMicros: BENCH_NOW, contexts: false, levels: false }),
    },
  ]);
  // small snapshots are over in microseconds: more rounds for the same time
  const timings = await interleave(contestants, counts.steps < 10_000 ? rounds * 20 : rounds);
  const reference = timings.find(({ name }) => name === 'inline')?.medianMs ?? NaN;
  const bytes = (snapshotBytes(counts) - counts.edges * 8) / counts.steps;
  return timings.map((timing) => ({
    scenario: `memory, ${shape}`,
    contestant: timing.name,
    steps: counts.steps,
    medianMs: timing.medianMs,
    minMs: timing.minMs,
    maxMs: timing.maxMs,
    nsPerStep: (timing.medianMs * 1e6) / counts.steps,
    timesFaster: reference / timing.medianMs,
    note:
      timing.name === 'auto'
        ? `chose ${made.get('auto')?.report.chosen}`
        : timing.name === 'inline'
          ? `${bytes.toFixed(1)} bytes a step + 8 an edge`
          : '',
  }));
}
