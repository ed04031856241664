import { resolveLevels } from '../src/graph/kernels/levels.ts';
import { Scratch } from '../src/graph/snapshot/topological-order.ts';
import { Collected, openResolvers, THREADS, type BenchContext } from './context.ts';
import { GraphologyGraph } from './graphology-graph.ts';
import { timeScenario, type Contestant } from './interleave.ts';
import { compareResolvers } from './kernels.ts';
import { compareLevels, MapOfObjects } from './map-of-objects.ts';
import type { Measured } from './result.ts';
import { BENCH_NOW } from './shapes.ts';

/**
 * Dependency levels of many small tasks, of one chain and of one lattice. The resolver always
 * answers readiness as well; the kernel alone and the other contestants do not.
 */
export async function benchLevels(context: BenchContext): Promise<Measured> {
  const collected = new Collected();
  for (const shape of ['typical', 'deep', 'lattice'] as const) {
    const [size] = context.sizes(1_000_000) as [number];
    const snapshot = context.snapshot(shape, size);
    const { steps, tasks } = snapshot.views.counts;
    const scenario = `levels, ${shape}`;
    context.phase(`${scenario}, ${steps.toLocaleString('en')} steps`);
    const names = ['TypeScript', 'native, 1 thread', `native, ${THREADS} threads`];
    await using resolvers = openResolvers(names, scenario, collected.skipped);
    await compareResolvers(snapshot, resolvers);
    const scratch = new Scratch();
    const contestants: Contestant[] = [
      {
        name: 'TypeScript, levels alone',
        run: () => resolveLevels(snapshot.views, 0, tasks, scratch),
      },
      ...[...resolvers].map(([name, resolver]) => ({
        name: `${name}, readiness and levels`,
        run: () => resolver.resolve(snapshot, { nowMicros: BENCH_NOW, contexts: false }),
      })),
    ];
    const floor = await context.floor(snapshot);
    if ('reason' in floor) {
      collected.skipped.push({ scenario, contestant: 'C loop', reason: floor.reason });
    } else {
      await floor.compare(['level']);
      contestants.push(floor.levels);
    }
    // objects for four million edges take half a minute to make, and tell nothing new
    for (const make of shape === 'typical' ? [MapOfObjects, GraphologyGraph] : []) {
      const graph = new make(snapshot);
      const name = graph instanceof MapOfObjects ? 'Map of objects' : 'graphology';
      compareLevels(snapshot, graph.levels(), name);
      contestants.push({ name, run: () => graph.levels(), most: 3 });
    }
    collected.rows.push(...(await timeScenario(scenario, steps, contestants, context.rounds)));
    if (!('reason' in floor)) await floor[Symbol.asyncDispose]();
  }
  return collected;
}
