import type pg from 'pg';

import { connect } from '../src/database/connection.ts';
import {
  startEmbeddedServer,
  type EmbeddedServer,
} from '../src/database/embedded/embedded-server.ts';
import { migrate } from '../src/database/schema/migrate.ts';
import { seedDatabase } from '../src/samples/seed/seed-database.ts';
import { parseMix } from '../src/samples/workflows/sample-workflows.ts';

/** Settings of the server that decide what SQL takes. */
const SETTINGS = [
  'server_version',
  'shared_buffers',
  'work_mem',
  'effective_cache_size',
  'jit',
  'synchronous_commit',
  'fsync',
  'max_parallel_workers_per_gather',
] as const;

/** Databases of the data set "batch10" on one embedded server, made when they are first asked for. */
export class SeededDatabases implements AsyncDisposable {
  readonly #phase: (name: string) => void;
  readonly #urls = new Map<number, Promise<string>>();
  #server: Promise<EmbeddedServer> | undefined;

  constructor(phase: (name: string) => void) {
    this.#phase = phase;
  }

  /** URL of a database with so many steps, 10 a task, and the functions of the Rails engine. */
  url(steps: number): Promise<string> {
    const made = this.#urls.get(steps) ?? this.#seed(steps);
    this.#urls.set(steps, made);
    return made;
  }

  async #seed(steps: number): Promise<string> {
    this.#phase('starting PostgreSQL');
    this.#server ??= startEmbeddedServer();
    const server = await this.#server;
    this.#phase(`seeding ${steps.toLocaleString('en')} steps`);
    const url = await server.createDatabase(`bench_${steps}`);
    await migrate({ url, railsFunctions: true });
    await seedDatabase({ url, tasks: Math.max(1, steps / 10), mix: parseMix('batch10') });
    return url;
  }

  /** A session on that database; the caller ends it. */
  async connect(steps: number): Promise<pg.Client> {
    return connect(await this.url(steps));
  }

  /** Version and settings of the server; nothing where none was needed. */
  async describe(): Promise<Record<string, string>> {
    if (this.#server === undefined) return {};
    const { url } = await this.#server;
    const client = await connect(url);
    try {
      const described: Record<string, string> = {};
      for (const name of SETTINGS) {
        const { rows } = await client.query<Record<string, string>>(`SHOW ${name}`);
        const label = name === 'server_version' ? 'postgres' : `postgres ${name}`;
        described[label] = rows[0]?.[name] ?? '';
      }
      return described;
    } finally {
      await client.end();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.then((server) => server.stop());
  }
}
