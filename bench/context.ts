import { availableParallelism } from 'node:os';

import type { GraphSnapshot } from '../src/graph/snapshot/snapshot.ts';
import {
  createResolver,
  isTaskerError,
  type Resolver,
  type ResolverOptions,
} from '../src/resolver/index.ts';
import { compileFloor, startFloor, type Floor, type FloorProgram } from './floor.ts';
import type { Figure, Measured, ResultRow, Skipped } from './result.ts';
import { SHAPES, shapedSnapshot } from './shapes.ts';
import { SeededDatabases } from './seeded-databases.ts';

/** What the scenarios of a run share. */
export class BenchContext implements AsyncDisposable {
  readonly rounds: number;
  /** No scenario goes beyond so many steps. */
  readonly maxSteps: number;
  /** Names what is going on. */
  readonly phase: (name: string) => void;
  readonly databases: SeededDatabases;
  #floor: Promise<FloorProgram> | undefined;
  #kept: { readonly key: string; readonly snapshot: GraphSnapshot } | undefined;

  constructor(options: { rounds: number; maxSteps: number; phase: (name: string) => void }) {
    this.rounds = options.rounds;
    this.maxSteps = options.maxSteps;
    this.phase = options.phase;
    this.databases = new SeededDatabases(options.phase);
  }

  /** Those of the sizes that the run allows; where it allows none, the largest that it does. */
  sizes(...steps: readonly number[]): number[] {
    const allowed = steps.filter((size) => size <= this.maxSteps);
    return allowed.length > 0 ? allowed : [this.maxSteps];
  }

  /** A snapshot; the latest one is kept for who asks for it again. */
  snapshot(shape: keyof typeof SHAPES, steps: number): GraphSnapshot {
    const key = `${shape} ${steps}`;
    if (this.#kept?.key === key) return this.#kept.snapshot;
    this.#kept = undefined;
    this.phase(`building ${steps.toLocaleString('en')} steps, ${shape}`);
    const snapshot = shapedSnapshot(SHAPES[shape], steps);
    this.#kept = { key, snapshot };
    return snapshot;
  }

  /** The C program over a snapshot, or why there is none. */
  async floor(snapshot: GraphSnapshot): Promise<Floor | { readonly reason: string }> {
    this.#floor ??= compileFloor();
    const program = await this.#floor;
    return 'reason' in program ? program : startFloor(program.path, snapshot);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.databases[Symbol.asyncDispose]();
  }
}

/** What a scenario collects on its way. */
export class Collected implements Measured {
  readonly rows: ResultRow[] = [];
  readonly figures: Figure[] = [];
  readonly skipped: Skipped[] = [];
}

/** Threads of the contestants that have several: enough to tell, few enough for small machines. */
export const THREADS = 2;

/** Resolvers by the name of their contestant. */
export type Resolvers = Map<string, Resolver>;

const RESOLVERS: Readonly<Record<string, ResolverOptions>> = {
  TypeScript: { backend: 'inline' },
  'pool, 1 thread': { backend: 'pool', threads: 1 },
  [`pool, ${THREADS} threads`]: { backend: 'pool', threads: THREADS },
  'native, 1 thread': { backend: 'native', threads: 1 },
  [`native, ${THREADS} threads`]: { backend: 'native', threads: THREADS },
  auto: {},
};

/** Creates the named resolvers; one that cannot be used here is skipped with the reason. */
export function openResolvers(
  names: readonly string[],
  scenario: string,
  skipped: Skipped[],
): Resolvers & AsyncDisposable {
  const made: Resolvers = new Map();
  for (const name of names) {
    try {
      made.set(name, createResolver(RESOLVERS[name]));
    } catch (error) {
      if (!isTaskerError(error, 'TASKER_BACKEND_UNAVAILABLE')) throw error;
      skipped.push({ scenario, contestant: name, reason: error.message });
    }
  }
  return Object.assign(made, {
    async [Symbol.asyncDispose]() {
      for (const resolver of made.values()) await resolver.stop();
    },
  });
}

/** Runs work as if no addon were there. */
export async function withoutAddon<T>(work: () => T | Promise<T>): Promise<T> {
  const before = process.env['TASKER_NATIVE'];
  process.env['TASKER_NATIVE'] = 'off';
  try {
    return await work();
  } finally {
    if (before === undefined) delete process.env['TASKER_NATIVE'];
    else process.env['TASKER_NATIVE'] = before;
  }
}

/** True where threads can run beside each other. */
export const hasCores = (): boolean => availableParallelism() >= THREADS;
