import { TaskerError } from '../errors.ts';
import { type EmbeddedServer, startEmbeddedServer } from './embedded/embedded-server.ts';
import { databaseExists } from './embedded/server-databases.ts';
import { migrate } from './schema/migrate.ts';

/** Options of an {@link EngineDatabase}. */
export interface EngineDatabaseOptions {
  /** PostgreSQL URL; undefined for an embedded server. */
  readonly url: string | undefined;
  /** Where an embedded server keeps its data; undefined for a temporary folder. */
  readonly directory: string | undefined;
  /** Brings the schema of a given database up to date; that of an embedded one always is. */
  readonly migrate: boolean;
}

/** Name of the database on an embedded server. */
const NAME = 'tasker';

/** The database of an engine: one that was given, or one on a server of its own while it is open. */
export class EngineDatabase {
  readonly #options: EngineDatabaseOptions;
  #server: EmbeddedServer | undefined;
  #url: string | undefined;

  constructor(options: EngineDatabaseOptions) {
    this.#options = options;
    this.#url = options.url;
  }

  /** Errors: TASKER_NOT_STARTED before an embedded server is there. */
  readonly url = (): string => {
    if (this.#url !== undefined) return this.#url;
    throw new TaskerError('TASKER_NOT_STARTED', 'The embedded database is not there yet.', {
      remedy: 'Call start() first, or give the URL of a database.',
    });
  };

  /**
   * Starts the embedded server where no database was given, and migrates. Idempotent.
   *
   * Errors: TASKER_EMBEDDED_UNAVAILABLE; those of `migrate`; the signal's reason.
   */
  async open(signal: AbortSignal): Promise<void> {
    const { url, directory, migrate: asked } = this.#options;
    if (url !== undefined) {
      if (asked) await migrate({ url, signal });
      return;
    }
    if (this.#server !== undefined) return;
    const server = await startEmbeddedServer(directory === undefined ? {} : { directory });
    try {
      const own = server.databaseUrl(NAME);
      if (!(await databaseExists(server.url, NAME))) await server.createDatabase(NAME);
      await migrate({ url: own, signal });
      this.#server = server;
      this.#url = own;
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  /** Ends an embedded server; one in a temporary folder is gone then. Idempotent. */
  async close(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    this.#url = undefined;
    await server.stop();
  }
}
