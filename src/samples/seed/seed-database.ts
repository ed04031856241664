import {
  badOption,
  fillDatabase,
  type FillOptions,
  type SeedContent,
  type SeedReport,
} from '../../database/seed/seed.ts';
import type { SeedWorkflow } from '../../database/seed/seed-workflow.ts';
import { SEED_WRITERS } from './seed-rows.ts';
import { TaskSimulation } from './seed-simulation.ts';

/** A workflow and its share of the tasks: weight / sum of weights. */
export interface SeedShare {
  readonly workflow: SeedWorkflow;
  readonly weight: number;
}

/** Options of {@link seedDatabase}. */
export interface SeedOptions extends FillOptions {
  /** Workflows and their shares; `parseMix` reads them from text. */
  readonly mix: readonly SeedShare[];
  /** Same seed, same `now`, same first id: same rows. Default 1. */
  readonly seed?: number;
}

/**
 * Fills a migrated database with tasks of the given workflows in every situation that a busy system has: finished,
 * running, waiting to try again, out of attempts, cancelled, resolved by hand, untouched.
 *
 * {@link fillDatabase} says how the rows are written and what that means for other sessions. A task is simulated
 * again for each table, so memory does not grow with `tasks`.
 *
 * @throws TaskerError `TASKER_BAD_ARGUMENT` for a bad option, and those of {@link fillDatabase}
 */
export async function seedDatabase(options: SeedOptions): Promise<SeedReport> {
  const { mix, seed = 1 } = options;
  if (!Number.isSafeInteger(seed)) throw badOption('seed', seed, 'a whole number');
  if (mix.length === 0) throw badOption('mix', '(empty)', 'a list of workflows');
  return fillDatabase(simulatedTasks(mix, seed), options);
}

/** Tasks of the mix as the simulation plays them. */
function simulatedTasks(mix: readonly SeedShare[], seed: number): SeedContent {
  const weights = mix.map(({ weight }) => weight);
  return {
    workflows: mix.map(({ workflow }) => workflow),
    passes: (stored, now) => {
      const simulation = new TaskSimulation(stored, weights, seed, now);
      return (table, range) => {
        const { columns, rows } = SEED_WRITERS[table];
        return { columns, chunks: rows(simulation, range), done: () => simulation.played };
      };
    },
  };
}
