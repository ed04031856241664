import { benchBindings } from './bindings.ts';
import type { BenchContext } from './context.ts';
import { benchDatabase } from './database.ts';
import { benchKernels } from './kernels.ts';
import { benchHuge, benchThreads } from './large.ts';
import { benchLayout } from './layout.ts';
import { benchLevels } from './levels.ts';
import { benchLoading } from './loading.ts';
import { benchOneTask } from './one-task.ts';
import { benchMemory } from './peak-memory.ts';
import { benchResident } from './resident.ts';
import type { Measured } from './result.ts';
import { benchRouting } from './routing.ts';
import { benchTemplates } from './templates.ts';

/** A question that `npm run bench` asks. */
export interface Scenario {
  /** Selects it: `--only warm`. */
  readonly name: string;
  readonly about: string;
  readonly run: (context: BenchContext) => Promise<Measured>;
  /** Runs only when it is asked for by name. */
  readonly optional?: true;
}

/** All scenarios, in the order in which they run. A new one is one row here. */
export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'layout',
    about: 'bytes a step and an edge of the input sections',
    run: benchLayout,
  },
  {
    name: 'warm',
    about: 'snapshots in memory, every backend, C, Map of objects, graphology, four shapes',
    run: benchKernels,
  },
  { name: 'levels', about: 'dependency levels of tasks, a chain, a lattice', run: benchLevels },
  {
    name: 'template',
    about: 'ready ids by template against the kernels and the memory',
    run: benchTemplates,
  },
  {
    name: 'database',
    about: 'SQL functions, tuned SQL, cold load + resolve, warm, by template: 10 k to 1 M steps',
    run: benchDatabase,
  },
  { name: 'one-task', about: 'one task at a time, loaded in each call', run: benchOneTask },
  {
    name: 'resident',
    about: 'completions, compaction pauses and timers of the resident graph',
    run: benchResident,
  },
  { name: 'routing', about: '`auto` against the best backend, 1 to 10 M steps', run: benchRouting },
  { name: 'threads', about: '1 M tasks of 10 steps on one thread and two', run: benchThreads },
  { name: 'huge', about: 'one task of 10 M steps and 40 M edges', run: benchHuge },
  { name: 'memory', about: 'peak and held memory, each in a process of its own', run: benchMemory },
  {
    name: 'bindings',
    about: 'what a call costs over Rust: C (only by name)',
    run: benchBindings,
    optional: true,
  },
  {
    name: 'loading',
    about: 'ways from PostgreSQL to the client (only by name)',
    run: benchLoading,
    optional: true,
  },
];
