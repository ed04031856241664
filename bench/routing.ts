import { Collected, hasCores, openResolvers, THREADS, withoutAddon } from './context.ts';
import type { BenchContext } from './context.ts';
import { single } from './figures.ts';
import { timeScenario } from './interleave.ts';
import type { Measured } from './result.ts';
import { BENCH_NOW } from './shapes.ts';

const SIZES = [
  1, 5, 10, 20, 50, 100, 1000, 10_000, 65_000, 100_000, 200_000, 500_000, 1_000_000, 10_000_000,
] as const;

/** What `auto` takes against the best single backend, with the addon and without it. */
export async function benchRouting(context: BenchContext): Promise<Measured> {
  const collected = new Collected();
  for (const addon of [true, false]) {
    const scenario = addon ? 'routing' : 'routing without the addon';
    const names = [
      'auto',
      'TypeScript',
      ...(hasCores() ? [`pool, ${THREADS} threads`] : []),
      ...(addon ? ['native, 1 thread', `native, ${THREADS} threads`] : []),
    ];
    const open = (): ReturnType<typeof openResolvers> =>
      openResolvers(names, scenario, collected.skipped);
    await using resolvers = addon ? open() : await withoutAddon(open);
    for (const size of context.sizes(...SIZES)) {
      const snapshot = context.snapshot('typical', size);
      context.phase(`${scenario}, ${size.toLocaleString('en')} steps`);
      const rows = await timeScenario(
        scenario,
        size,
        [...resolvers].map(([name, resolver]) => ({
          name,
          run: () => resolver.resolve(snapshot, { nowMicros: BENCH_NOW }),
        })),
        size < 1_000_000 ? context.rounds * 3 : context.rounds,
      );
      const [auto, ...others] = rows;
      const best = others.reduce((a, b) => (a.medianMs <= b.medianMs ? a : b));
      const chosen = resolvers.get('auto')?.report.chosen ?? 'nothing';
      collected.rows.push(
        ...rows.map((row) => (row === auto ? { ...row, note: `chose ${chosen}` } : row)),
      );
      collected.figures.push(
        single(
          scenario,
          `auto against the best, ${size.toLocaleString('en')} steps`,
          (auto?.medianMs ?? NaN) / best.medianMs,
          { unit: 'times as long', better: 'lower', note: `${chosen}; best: ${best.contestant}` },
        ),
      );
    }
  }
  return collected;
}
