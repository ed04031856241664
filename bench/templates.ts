import { benchTemplateMemory } from './by-template.ts';
import { Collected, type BenchContext } from './context.ts';
import type { Contestant } from './interleave.ts';
import type { Measured } from './result.ts';

/** Bits of a step that a ready question needs at least: two of state, two of flags. */
const PLANES = 4;

/** Ready ids of tasks that share a few graphs, against the kernels and the memory's limit. */
export async function benchTemplates(context: BenchContext): Promise<Measured> {
  const collected = new Collected();
  for (const size of context.sizes(100_000, 1_000_000)) {
    const snapshot = context.snapshot('typical', size);
    const { steps } = snapshot.views.counts;
    context.phase(`ready ids by template, ${steps.toLocaleString('en')} steps`);
    const floor = await context.floor(snapshot);
    const limits = (ready: number): Contestant[] => {
      if ('reason' in floor) return [];
      const planes = Math.ceil((steps * PLANES) / 8);
      return [floor.readAndCopy(`memory: read ${PLANES} planes, copy the ids`, planes, ready * 8)];
    };
    if ('reason' in floor) {
      const scenario = 'ready ids by template';
      collected.skipped.push({ scenario, contestant: 'memory', reason: floor.reason });
    }
    collected.rows.push(...(await benchTemplateMemory(snapshot, context.rounds, limits)));
    if (!('reason' in floor)) await floor[Symbol.asyncDispose]();
  }
  return collected;
}
