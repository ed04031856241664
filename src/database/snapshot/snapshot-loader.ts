import type pg from 'pg';

import { TaskerError } from '../../errors.ts';
import type { GraphSnapshot } from '../../graph/snapshot/snapshot.ts';
import { StagedRows } from '../../graph/snapshot/staged-rows.ts';
import type {
  LoadOptions,
  SnapshotSource,
  SnapshotStream,
  SourceTotals,
} from '../../graph/snapshot/snapshot-source.ts';
import { databaseError } from '../connection.ts';
import { copyOut } from '../copy/copy-out.ts';
import { loadPage, type TaskPage } from './snapshot-page.ts';
import {
  requireIds,
  taskPageQuery,
  taskRestriction,
  type TaskSelection,
} from './snapshot-queries.ts';
import { taskRow } from './snapshot-rows.ts';
import { openSession, type SnapshotSession, type SnapshotTarget } from './snapshot-session.ts';

/**
 * Tasks of a Tasker database as a source of snapshots, read in one consistent snapshot of the
 * database (REPEATABLE READ, shared by all connections) through COPY BINARY, chunk by chunk; only
 * the chunks in flight are held. Read-only, needs no migration. A stream that was opened is to be
 * read to its end or left with `return()`, which gives the connections back. A stored instant that a double
 * does not hold (before 1684 or after 2255) sets its task apart, as contradicting rows do.
 *
 * Errors, on opening or on the way: TASKER_DATABASE_UNREACHABLE, also for a connection lost on the
 * way; TASKER_NOT_TASKER_DATABASE; TASKER_NOT_PERMITTED; TASKER_NOT_FOUND (no such namespace or named task);
 * TASKER_BAD_ARGUMENT (an id that is no 64-bit bigint); the signal's reason; any other error of the
 * server (a statement_timeout, say) as node-postgres raises it.
 */
export function databaseSource(
  target: SnapshotTarget,
  selection: TaskSelection = { kind: 'all' },
): SnapshotSource {
  return {
    async open(options) {
      if (selection.kind === 'ids') requireIds(selection.ids);
      const session = await openSession(target, options.signal);
      try {
        const restriction = await resolveSelection(session.clients[0]!, selection);
        return new DatabaseStream(session, selection, restriction, options);
      } catch (error) {
        await session.close();
        options.signal?.throwIfAborted();
        throw databaseError(error);
      }
    },
  };
}

/** Condition of the selection, its names looked up. */
async function resolveSelection(client: pg.Client, selection: TaskSelection): Promise<string> {
  if (selection.kind !== 'namespace' && selection.kind !== 'named') {
    return taskRestriction(selection, []);
  }
  const namespace = selection.kind === 'namespace' ? selection.name : (selection.namespace ?? null);
  const name = selection.kind === 'named' ? selection.name : null;
  const version = selection.kind === 'named' ? (selection.version ?? null) : null;
  const found = await client.query<{ named_task_id: number | null }>(
    `SELECT nt.named_task_id FROM tasker_task_namespaces ns
      LEFT JOIN tasker_named_tasks nt ON nt.task_namespace_id = ns.task_namespace_id
        AND ($2::text IS NULL OR nt.name = $2) AND ($3::text IS NULL OR nt.version = $3)
      WHERE $1::text IS NULL OR ns.name = $1`,
    [namespace, name, version],
  );
  const ids = found.rows.flatMap((row) => (row.named_task_id === null ? [] : [row.named_task_id]));
  if (found.rowCount === 0 || (ids.length === 0 && name !== null)) {
    const what = [
      namespace === null ? '' : `namespace "${namespace}"`,
      name === null ? '' : `named task "${name}"`,
      version === null ? '' : `version "${version}"`,
    ];
    throw new TaskerError(
      'TASKER_NOT_FOUND',
      `The database has no ${what.filter((part) => part !== '').join(', ')}.`,
      { data: { namespace, name, version } },
    );
  }
  return taskRestriction(selection, ids);
}

/** A page of fewer steps is mostly round trips. */
const LEAST_PAGE_STEPS = 8192;

/** Most ids that one page asks for by name. */
const IDS_PER_PAGE = 20_000;

class DatabaseStream implements SnapshotStream {
  readonly now: number;
  readonly #session: SnapshotSession;
  readonly #restriction: string;
  readonly #options: LoadOptions;
  readonly #consecutive: boolean;
  /** Wanted ids, ascending, for a selection by ids. */
  readonly #wanted: readonly bigint[] | undefined;
  readonly #expected: number | undefined;
  readonly #unknown: bigint[] = [];
  #stepsPerTask: number;
  #tasks = 0;
  #steps = 0;
  #edges = 0;

  constructor(
    session: SnapshotSession,
    selection: TaskSelection,
    restriction: string,
    options: LoadOptions,
  ) {
    this.now = session.now;
    this.#session = session;
    this.#restriction = restriction;
    this.#options = options;
    this.#consecutive = selection.kind === 'all';
    this.#stepsPerTask = session.estimate.stepsPerTask;
    this.#wanted =
      selection.kind === 'ids'
        ? [...new Set(selection.ids)].toSorted((a, b) => (a < b ? -1 : 1))
        : undefined;
    if (this.#wanted !== undefined) this.#expected = this.#wanted.length;
    else
      this.#expected = selection.kind === 'all' ? session.estimate.tasks || undefined : undefined;
  }

  totals(): SourceTotals {
    return {
      tasks: this.#tasks,
      steps: this.#steps,
      edges: this.#edges,
      unknownTasks: this.#unknown,
      problems: [],
    };
  }

  [Symbol.asyncIterator](): AsyncIterator<GraphSnapshot, undefined> {
    const chunks = this.#chunks();
    return {
      next: () => chunks.next(),
      // a generator that was never begun runs no `finally`
      return: async () => {
        await chunks.return(undefined);
        await this.#session.close();
        return { done: true, value: undefined };
      },
    };
  }

  async *#chunks(): AsyncGenerator<GraphSnapshot, undefined> {
    const { clients } = this.#session;
    const staged = clients.map(() => new StagedRows());
    // loaded pages leave the queue before they are handed out, or the run would hold all its snapshots
    const underWay: Promise<Load>[] = [];
    let started = 0;
    let previous: Promise<PageEnd> = Promise.resolve({ after: undefined, more: true });
    try {
      for (;;) {
        // one page under way on each connection
        while (underWay.length < clients.length) {
          const client = clients[started % clients.length]!;
          // a page is used up before the next one of its connection starts, and leaves its room behind
          const rows = staged[started % clients.length]!;
          const page = this.#nextPage(client, rows, previous);
          previous = page.then(({ end }) => end);
          previous.catch(() => undefined);
          const load = page.then((next) => this.#begin(client, next.page, next.end.more));
          load.catch(() => undefined);
          underWay.push(load);
          started++;
        }
        const { first, rest, more } = await (underWay.shift() as Promise<Load>);
        if (first !== undefined) yield this.#count(first);
        for await (const snapshot of rest) yield this.#count(snapshot);
        if (!more) break;
      }
      return undefined;
    } catch (error) {
      this.#options.signal?.throwIfAborted();
      throw databaseError(error);
    } finally {
      await Promise.allSettled(underWay);
      await this.#session.close();
    }
  }

  #count(snapshot: GraphSnapshot): GraphSnapshot {
    const { counts } = snapshot.views;
    this.#tasks += counts.tasks;
    this.#steps += counts.steps;
    this.#edges += counts.edges;
    if (counts.tasks > 0) this.#stepsPerTask = Math.max(0.1, counts.steps / counts.tasks);
    this.#options.onProgress?.({ done: this.#tasks, total: this.#expected, unit: 'tasks' });
    return snapshot;
  }

  /**
   * Tasks that make a chunk, or fewer where the whole selection is small: each connection gets two
   * pages then, so that all are busy to the end.
   */
  #tasksAPage(): number {
    const { chunkSteps } = this.#options;
    const fitting = Math.min(chunkSteps, Math.ceil(chunkSteps / this.#stepsPerTask));
    const least = Math.ceil(LEAST_PAGE_STEPS / this.#stepsPerTask);
    const share = Math.ceil((this.#expected ?? Infinity) / (this.#session.clients.length * 2));
    return Math.max(1, Math.min(fitting, Math.max(least, share)));
  }

  /** Reads the page of tasks behind the previous one. */
  async #nextPage(
    client: pg.Client,
    rows: StagedRows,
    previous: Promise<PageEnd>,
  ): Promise<{ page: TaskPage; end: PageEnd }> {
    const { after, more } = await previous;
    rows.reset();
    const nothing = { page: { rows, consecutive: false }, end: { after, more: false } };
    if (!more) return nothing;
    this.#options.signal?.throwIfAborted();
    const limit = this.#tasksAPage();
    if (this.#wanted !== undefined) return this.#wantedPage(client, rows, after, limit);
    await copyOut(client, taskPageQuery(this.#restriction, after, limit), taskRow(rows));
    const last = rows.taskIds.ids[rows.taskCount - 1];
    return {
      page: { rows, consecutive: this.#consecutive },
      end: { after: last, more: rows.taskCount === limit },
    };
  }

  /** The next ids of a selection by ids; those that are not there are noted. */
  async #wantedPage(
    client: pg.Client,
    rows: StagedRows,
    after: bigint | undefined,
    limit: number,
  ): Promise<{ page: TaskPage; end: PageEnd }> {
    const wanted = this.#wanted!;
    const from = after === undefined ? 0 : wanted.findIndex((id) => id > after);
    const start = from === -1 ? wanted.length : from;
    const ids = wanted.slice(start, start + Math.min(limit, IDS_PER_PAGE));
    const restriction = taskRestriction({ kind: 'ids', ids }, []);
    if (ids.length > 0) {
      await copyOut(client, taskPageQuery(restriction, undefined, ids.length), taskRow(rows));
    }
    const found = new Set(rows.taskIds.ids.subarray(0, rows.taskCount));
    this.#unknown.push(...ids.filter((id) => !found.has(id)));
    return {
      page: { rows, consecutive: false },
      end: { after: ids.at(-1) ?? after, more: start + ids.length < wanted.length },
    };
  }

  /** Loads the first snapshot of a page. */
  async #begin(client: pg.Client, page: TaskPage, more: boolean): Promise<Load> {
    const rest = loadPage(client, this.#session, page, this.#options.chunkSteps);
    const first = await rest.next();
    return { first: first.done === true ? undefined : first.value, rest, more };
  }
}

interface PageEnd {
  readonly after: bigint | undefined;
  readonly more: boolean;
}

interface Load {
  readonly first: GraphSnapshot | undefined;
  readonly rest: AsyncGenerator<GraphSnapshot>;
  /** Whether pages may follow. */
  readonly more: boolean;
}
