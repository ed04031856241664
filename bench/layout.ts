import { SECTIONS, snapshotBytes } from '../src/graph/snapshot/layout.ts';
import { Collected, type BenchContext } from './context.ts';
import { single } from './figures.ts';
import type { Measured } from './result.ts';

/** What names a row in the database and never enters the kernels. */
const IDS: ReadonlySet<string> = new Set([
  'stepId',
  'namedStepId',
  'taskId',
  'namedTaskId',
  'ghostTaskId',
]);

/** Bytes that the kernels' input takes, ids and outputs apart, in the data set "batch10". */
export async function benchLayout(context: BenchContext): Promise<Measured> {
  const collected = new Collected();
  const [size] = context.sizes(1_000_000) as [number];
  const { counts } = context.snapshot('typical', size).views;
  const bytesOf = (wanted: (name: string, part: string) => boolean): number => {
    let bytes = 0;
    for (const [name, section] of Object.entries(SECTIONS)) {
      if (!wanted(name, section.part)) continue;
      const width = { u8: 1, u32: 4, i32: 4, f64: 8, i64: 8 }[section.type];
      bytes += section.length(counts) * width;
    }
    return bytes;
  };
  const edges = bytesOf((name) => name === 'parents' || name === 'children');
  const input = bytesOf((name, part) => part !== 'output' && !IDS.has(name));
  const scenario = 'layout';
  const about = { unit: 'bytes', better: 'lower', note: 'ids and outputs apart' } as const;
  const whole = snapshotBytes(counts) / counts.steps;
  collected.figures.push(
    single(scenario, 'bytes a step, input sections', (input - edges) / counts.steps, about),
    single(scenario, 'bytes an edge, input sections', edges / counts.edges, about),
    single(scenario, 'bytes a step, whole snapshot', whole, {
      ...about,
      note: `${(counts.edges / counts.steps).toFixed(2)} edges a step, ids and outputs included`,
    }),
  );
  return collected;
}
