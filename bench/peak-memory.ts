import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { databaseSource } from '../src/database/snapshot/snapshot-loader.ts';
import { createResolver, resolveTasks } from '../src/resolver/index.ts';
import { Collected, type BenchContext } from './context.ts';
import { single } from './figures.ts';
import { GraphologyGraph } from './graphology-graph.ts';
import { MapOfObjects } from './map-of-objects.ts';
import type { Measured } from './result.ts';
import { BENCH_NOW, SHAPES, shapedSnapshot } from './shapes.ts';

/** What one process reports of itself. */
interface Report {
  /** Largest resident set of the process, MiB. */
  readonly peakMiB: number;
  /** What the graph itself holds after garbage collection, bytes; NaN where it is not asked. */
  readonly heldBytes: number;
}

const WAYS = {
  'bare Node': async () => undefined,
  snapshot: async (steps: number) => {
    const snapshot = shapedSnapshot(SHAPES.typical, steps);
    await using resolver = createResolver({ backend: 'inline' });
    await resolver.resolve(snapshot, { nowMicros: BENCH_NOW });
    return snapshot;
  },
  'Map of objects': async (steps: number) => {
    const graph = new MapOfObjects(shapedSnapshot(SHAPES.typical, steps));
    graph.readiness(BENCH_NOW);
    return graph;
  },
  graphology: async (steps: number) => {
    const graph = new GraphologyGraph(shapedSnapshot(SHAPES.typical, steps));
    graph.readiness(BENCH_NOW);
    return graph;
  },
  'cold: load + resolve': async (steps: number, url: string) => {
    let count = 0;
    for await (const chunk of resolveTasks(databaseSource({ url }))) count += chunk.counts.steps;
    if (count !== steps) throw new Error(`${count} steps of ${steps}`);
    return undefined;
  },
} as const satisfies Record<string, (steps: number, url: string) => Promise<unknown>>;

type Way = keyof typeof WAYS;

/** Resident set after the garbage is gone, bytes. */
async function settledRss(): Promise<number> {
  for (let turn = 0; turn < 3; turn++) {
    globalThis.gc?.();
    await setTimeout(20);
  }
  return process.memoryUsage.rss();
}

/**
 * Largest resident set, MiB. Linux counts the parent's memory into `maxRSS` of a process that was
 * spawned from a large one; what it says in /proc starts with the program.
 */
function peakMiB(): number {
  if (process.platform === 'linux') {
    const found = /VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'));
    if (found !== null) return Number(found[1]) / 1024;
  }
  return process.resourceUsage().maxRSS / 1024;
}

async function measure(way: Way, steps: number, url: string): Promise<Report> {
  // a small one first, so that code and heap are there before the graph is
  if (!way.startsWith('cold')) await WAYS[way](Math.min(steps, 1000), url);
  const before = await settledRss();
  const kept = await WAYS[way](steps, url);
  const heldBytes = kept === undefined ? NaN : (await settledRss()) - before;
  // `kept` lives to here
  if (kept === null) throw new Error('nothing was kept');
  return { peakMiB: peakMiB(), heldBytes };
}

/** Peak and held memory of each way, each in a process of its own. */
export async function benchMemory(context: BenchContext): Promise<Measured> {
  const collected = new Collected();
  const [steps] = context.sizes(1_000_000) as [number];
  const url = await context.databases.url(steps);
  const scenario = 'memory';
  const note = `${steps.toLocaleString('en')} steps`;
  for (const way of Object.keys(WAYS) as Way[]) {
    context.phase(`memory: ${way}`);
    const script = fileURLToPath(import.meta.url);
    const given = ['--expose-gc', script, way, String(steps)];
    const environment = { ...process.env, TASKER_BENCH_URL: url };
    const { stdout } = await promisify(execFile)(process.execPath, given, { env: environment });
    const report = JSON.parse(stdout) as { peakMiB: number; heldBytes: number | null };
    collected.figures.push(
      single(scenario, `peak, ${way}`, report.peakMiB, { unit: 'MiB', better: 'lower', note }),
    );
    if (report.heldBytes === null) continue;
    collected.figures.push(
      single(scenario, `held, ${way}`, report.heldBytes / steps, {
        unit: 'bytes a step',
        better: 'lower',
        note,
      }),
    );
  }
  return collected;
}

if (import.meta.main) {
  const [way, steps] = process.argv.slice(2) as [Way, string];
  const report = await measure(way, Number(steps), process.env['TASKER_BENCH_URL'] ?? '');
  process.stdout.write(JSON.stringify(report));
}
