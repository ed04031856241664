import { Collected, openResolvers, THREADS, type BenchContext } from './context.ts';
import { timeScenario, type Contestant } from './interleave.ts';
import { compareResolvers } from './kernels.ts';
import type { Measured, ResultRow } from './result.ts';
import { single } from './figures.ts';
import { BENCH_NOW } from './shapes.ts';

/** One task of 10 million steps and 40 million edges: nothing to share out by task. */
export async function benchHuge(context: BenchContext): Promise<Measured> {
  const collected = new Collected();
  const [size] = context.sizes(10_000_000) as [number];
  const snapshot = context.snapshot('lattice', size);
  const { steps } = snapshot.views.counts;
  const scenario = 'one huge task, readiness and contexts';
  context.phase(`${scenario}, ${steps.toLocaleString('en')} steps`);
  const names = ['TypeScript', 'native, 1 thread', `native, ${THREADS} threads`, 'auto'];
  await using resolvers = openResolvers(names, scenario, collected.skipped);
  await compareResolvers(snapshot, resolvers);
  const contestants: Contestant[] = [...resolvers].map(([name, resolver]) => ({
    name,
    run: () => resolver.resolve(snapshot, { nowMicros: BENCH_NOW, levels: false }),
  }));
  const floor = await context.floor(snapshot);
  if ('reason' in floor) {
    collected.skipped.push({ scenario, contestant: 'C loop', reason: floor.reason });
  } else {
    await floor.compare(['bits', 'completedParents']);
    contestants.push({ ...floor.readiness, name: 'C loop (floor), readiness alone' }, floor.read);
  }
  collected.rows.push(...(await timeScenario(scenario, steps, contestants, context.rounds)));
  if (!('reason' in floor)) await floor[Symbol.asyncDispose]();
  return collected;
}

/** A million tasks of 10 steps, on one thread and on two. */
export async function benchThreads(context: BenchContext): Promise<Measured> {
  const collected = new Collected();
  const [size] = context.sizes(10_000_000) as [number];
  const snapshot = context.snapshot('typical', size);
  const { steps } = snapshot.views.counts;
  const scenario = 'many tasks, one thread and two';
  context.phase(`${scenario}, ${steps.toLocaleString('en')} steps`);
  const names = [
    'TypeScript',
    'pool, 1 thread',
    `pool, ${THREADS} threads`,
    'native, 1 thread',
    `native, ${THREADS} threads`,
  ];
  await using resolvers = openResolvers(names, scenario, collected.skipped);
  await compareResolvers(snapshot, resolvers);
  const rows = await timeScenario(
    scenario,
    steps,
    [...resolvers].map(([name, resolver]) => ({
      name,
      run: () => resolver.resolve(snapshot, { nowMicros: BENCH_NOW }),
    })),
    context.rounds,
  );
  collected.rows.push(...rows);
  for (const backend of ['pool', 'native']) {
    const of = (threads: string): ResultRow | undefined =>
      rows.find(({ contestant }) => contestant === `${backend}, ${threads}`);
    const one = of('1 thread');
    const two = of(`${THREADS} threads`);
    if (one === undefined || two === undefined) continue;
    collected.figures.push(
      single(scenario, `${backend}: ${THREADS} threads against 1`, one.medianMs / two.medianMs, {
        unit: 'times faster',
        better: 'higher',
        note: `${steps.toLocaleString('en')} steps`,
      }),
    );
  }
  return collected;
}
