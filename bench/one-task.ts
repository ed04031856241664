import {
  railsDependencyLevels,
  railsStepReadiness,
  railsStepReadinessBatch,
} from '../src/database/repositories/rails-queries.ts';
import { createReadinessRepository } from '../src/database/repositories/readiness-repository.ts';
import { Collected, type BenchContext } from './context.ts';
import { timeScenario } from './interleave.ts';
import type { Measured } from './result.ts';

/** Calls that make one sample: another task in each. */
const CALLS = 20;

/** One task of 10 steps at a time, loaded and resolved anew in each call. */
export async function benchOneTask(context: BenchContext): Promise<Measured> {
  const collected = new Collected();
  const [size] = context.sizes(100_000) as [number];
  const client = await context.databases.connect(size);
  try {
    const found = await client.query<[string]>({
      text: 'SELECT task_id FROM tasker_tasks ORDER BY 1',
      rowMode: 'array',
    });
    const taskIds = found.rows.map(([id]) => BigInt(id));
    const repository = createReadinessRepository(client);
    const probe = taskIds[0] as bigint;
    const bySql = await railsStepReadiness(client, probe);
    const ours = await repository.stepReadiness(probe);
    for (const row of ours) {
      const other = bySql.find((one) => one.workflow_step_id === String(row.workflow_step_id));
      if (other?.ready_for_execution !== row.ready_for_execution || ours.length !== bySql.length) {
        throw new Error(`step ${row.workflow_step_id}: SQL and repository differ`);
      }
    }
    const turns = new Map<string, number>();
    const next = (who: string): bigint => {
      const turn = (turns.get(who) ?? 0) + 1;
      turns.set(who, turn);
      return taskIds[(turn * 7919) % taskIds.length] as bigint;
    };
    context.phase('one task at a time');
    const contestants = [
      { name: 'SQL function', run: () => railsStepReadiness(client, next('sql')) },
      {
        name: 'SQL batch function',
        run: () => railsStepReadinessBatch(client, [next('batch')]),
      },
      { name: 'cold: load + resolve', run: () => repository.stepReadiness(next('ours')) },
    ].map((contestant) => ({ ...contestant, repeat: CALLS }));
    const rounds = context.rounds * 3;
    collected.rows.push(...(await timeScenario('one task, readiness', 10, contestants, rounds)));
    const levels = [
      { name: 'SQL function', run: () => railsDependencyLevels(client, next('sql')) },
      { name: 'cold: load + resolve', run: () => repository.dependencyLevels(next('ours')) },
    ].map((contestant) => ({ ...contestant, repeat: CALLS }));
    collected.rows.push(...(await timeScenario('one task, levels', 10, levels, rounds)));
  } finally {
    await client.end();
  }
  return collected;
}
