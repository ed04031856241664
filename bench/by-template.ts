import { readyStepIds } from '../src/graph/kernels/answer-rows.ts';
import type { GraphSnapshot } from '../src/graph/snapshot/snapshot.ts';
import {
  createReadyIndex,
  createResolver,
  STATE_CODES,
  type ReadyIndex,
} from '../src/resolver/index.ts';
import { timeScenario, type Contestant } from './interleave.ts';
import type { ResultRow } from './result.ts';
import { BENCH_NOW } from './shapes.ts';

const SECOND = 1_000_000;

/** Fails where two lists of ids differ; `found` in the order of the snapshot. */
export function compareIds(expected: Iterable<bigint>, found: Iterable<bigint>, who: string): void {
  const others = [...expected];
  const ids = [...found];
  const at = ids.findIndex((id, index) => id !== others[index]);
  if (at !== -1 || ids.length !== others.length) {
    throw new Error(`${who}: ${ids.length} ready ids against ${others.length}, first at ${at}`);
  }
}

const waysOf = ({ groups }: ReadyIndex): string =>
  `${groups.templates.length} templates, ${groups.groupedTasks} tasks together`;

/**
 * Ready steps by template of a snapshot in memory, against the kernels.
 *
 * @param limits what the memory allows for the same question, from the ready steps
 */
export async function benchTemplateMemory(
  snapshot: GraphSnapshot,
  rounds: number,
  limits: (readySteps: number) => readonly Contestant[] = () => [],
): Promise<ResultRow[]> {
  const { steps } = snapshot.views.counts;
  await using resolver = createResolver({ backend: 'inline' });
  const answer = async (nowMicros: number): Promise<BigInt64Array> => {
    await resolver.resolve(snapshot, { nowMicros, contexts: false, levels: false });
    return readyStepIds(snapshot, 'rails');
  };
  // the addon's planes where it is there, and those in TypeScript
  const index = createReadyIndex(snapshot);
  const inline = createReadyIndex(snapshot, 'rails', { backend: 'inline' });
  for (const now of [BENCH_NOW, BENCH_NOW + 10 * SECOND, BENCH_NOW]) {
    const expected = await answer(now);
    compareIds(expected, index.readyStepIds(now), `the index (${index.backend})`);
    compareIds(expected, inline.readyStepIds(now), 'the index in TypeScript');
  }
  const moving = createReadyIndex(snapshot);
  let clock = BENCH_NOW - 60 * SECOND;
  const changing = createReadyIndex(snapshot);
  const changes = Math.max(1, Math.floor(steps / 1000));
  let turn = 0;
  const note = `${index.backend}, ${index.readyCount(BENCH_NOW)} ready, ${(index.groups.bytes / steps).toFixed(1)} bytes a step`;
  const contestants: Contestant[] = [
    { name: 'kernels: resolve readiness, collect ids', run: () => answer(BENCH_NOW) },
    { name: 'index: build', run: () => createReadyIndex(snapshot) },
    {
      name: 'index: build, first ids',
      run: () => createReadyIndex(snapshot).readyStepIds(BENCH_NOW),
    },
    { name: 'index: ids', run: () => index.readyStepIds(BENCH_NOW), note },
    { name: 'index: count', run: () => index.readyCount(BENCH_NOW) },
    {
      name: 'index: ids, 10 ms later each',
      run: () => moving.readyStepIds((clock += SECOND / 100)),
      repeat: 50,
    },
    {
      name: `index: ids after 0.1 % of the steps changed`,
      run() {
        const state = turn++ % 2 === 0 ? STATE_CODES.complete : STATE_CODES.pending;
        for (let at = 0; at < changes; at++) changing.update((at * 7919) % steps, { state });
        return changing.readyStepIds(BENCH_NOW);
      },
      repeat: 50,
    },
    ...(index.backend === 'inline' ? [] : inTypeScript(snapshot, inline)),
    ...limits(index.readyCount(BENCH_NOW)),
  ];
  return await timeScenario('ready ids by template', steps, contestants, rounds);
}

/** The same questions to the planes in TypeScript, where the addon has answered so far. */
function inTypeScript(snapshot: GraphSnapshot, index: ReadyIndex): Contestant[] {
  const build = (): ReadyIndex => createReadyIndex(snapshot, 'rails', { backend: 'inline' });
  return [
    {
      name: 'index in TypeScript: build, first ids',
      run: () => build().readyStepIds(BENCH_NOW),
    },
    {
      name: 'index in TypeScript: ids',
      run: () => index.readyStepIds(BENCH_NOW),
      note: `${(index.groups.bytes / snapshot.views.counts.steps).toFixed(1)} bytes a step`,
    },
    { name: 'index in TypeScript: count', run: () => index.readyCount(BENCH_NOW) },
  ];
}

/** The ways by template to the ready ids of loaded snapshots, and the ids, ascending. */
export function templateContestants(
  snapshots: readonly GraphSnapshot[],
  now: number,
): { readonly contestants: Contestant[]; readonly ids: bigint[] } {
  const indexes = snapshots.map((snapshot) => createReadyIndex(snapshot));
  const ask = (): BigInt64Array[] => indexes.map((index) => index.readyStepIds(now));
  const ids = ask().flatMap((some) => [...some]);
  return {
    ids: ids.sort((a, b) => (a < b ? -1 : 1)),
    contestants: [
      {
        name: 'by template: ready ids',
        run: ask,
        note: `${ids.length} ready, ${indexes.map(waysOf).join('; ')}`,
      },
    ],
  };
}
