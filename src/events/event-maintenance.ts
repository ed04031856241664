import type { UrlSource } from '../database/connection.ts';
import { databaseMicros } from '../database/engine/engine-registry.ts';
import {
  EngineSession,
  isTemporary,
  type DatabaseSession,
} from '../database/engine/engine-session.ts';
import { retainEvents, type PartitioningOptions, type RetentionReport } from './retention.ts';

/** Options of an {@link EventMaintenance}; see `TaskerOptions.events` for the meaning of each. */
export interface EventMaintenanceOptions extends PartitioningOptions {
  readonly url: UrlSource;
  /** Undefined keeps all events. */
  readonly retentionDays: number | undefined;
  readonly expired: 'drop' | 'detach';
  /** Seconds between two rounds. */
  readonly maintenanceSeconds: number;
  readonly onProblem: (event: string, facts: Readonly<Record<string, unknown>>) => void;
}

const DAY_MICROS = 86_400_000_000;

/**
 * Makes partitions of the log of events ahead and removes those whose time is over, at the start and
 * then again and again. Of all processes one at a time does; it has a session only while it does.
 */
export class EventMaintenance {
  readonly #options: EventMaintenanceOptions;
  #timer: NodeJS.Timeout | undefined;
  #stopping: AbortController | undefined;
  #running: Promise<unknown> | undefined;

  constructor(options: EventMaintenanceOptions) {
    this.#options = options;
  }

  /** Begins the first round and waits for none. Idempotent. */
  start(): void {
    if (this.#stopping !== undefined) return;
    const stopping = new AbortController();
    this.#stopping = stopping;
    const begin = (): void => {
      this.#running ??= this.#round(stopping.signal)
        .catch((error: unknown) => {
          if (!stopping.signal.aborted)
            this.#options.onProblem('event_maintenance_failed', { error });
        })
        .finally(() => (this.#running = undefined));
    };
    begin();
    this.#timer = setInterval(begin, this.#options.maintenanceSeconds * 1000);
    this.#timer.unref();
  }

  /** Ends a round that is under way after its statement. Idempotent. */
  async stop(): Promise<void> {
    this.#stopping?.abort();
    this.#stopping = undefined;
    clearInterval(this.#timer);
    await this.#running;
  }

  async #round(signal: AbortSignal): Promise<RetentionReport | undefined> {
    const { url, retentionDays, onProblem, ...rest } = this.#options;
    const session = new EngineSession({ url, applicationName: 'tasker-core event maintenance' });
    const end = (): void => void session.stop();
    signal.addEventListener('abort', end, { once: true });
    try {
      const work = async (client: DatabaseSession): Promise<RetentionReport | undefined> => {
        const now = await databaseMicros(client);
        const before = retentionDays === undefined ? undefined : now - retentionDays * DAY_MICROS;
        return retainEvents(client, { ...rest, before, signal });
      };
      const report = await work(await session.client()).catch(async (error: unknown) => {
        // a server that was restarted in the middle: what was done stays done, the rest is done now
        if (signal.aborted || !isTemporary(error)) throw error;
        return work(await session.renew());
      });
      for (const held of report?.held ?? []) onProblem('events_held_back', { ...held });
      if (report !== undefined && report.busy.length > 0) {
        onProblem('event_partitions_busy', { partitions: report.busy });
      }
      return report;
    } finally {
      signal.removeEventListener('abort', end);
      await session.stop();
    }
  }
}
