import type pg from 'pg';

import { TaskerError } from '../../errors.ts';
import { connect, cutOnAbort, databaseError } from '../connection.ts';
import { notTaskerDatabase } from '../not-tasker-database.ts';

/** Where to load from: a database to connect to, or open clients, which stay open. */
export type SnapshotTarget =
  | {
      readonly url: string;
      /**
       * Sessions that load side by side on one exported snapshot. Two keep both sides of a small
       * machine busy; more help only where server and client have cores to spare. Default 2.
       */
      readonly connections?: number;
    }
  | { readonly clients: readonly pg.Client[] };

/** Sessions that see the database at one and the same instant. */
export interface SnapshotSession {
  readonly clients: readonly pg.Client[];
  /** NOW() of the first session's transaction, µs since the epoch. */
  readonly now: number;
  /** True where the database has stored next attempts. */
  readonly hasNextAttempts: boolean;
  /** Planner's idea of the number of tasks, and of steps a task. */
  readonly estimate: { readonly tasks: number; readonly stepsPerTask: number };
  readonly stepNames: ReadonlyMap<number, string>;
  /** Ends transactions, and the connections that were opened here; idempotent. */
  close(): Promise<void>;
}

// Pages are neighbours in (task, step) order, so an index scan reads them once, in order; the planner, which
// takes random reads for dear, would rather build a bitmap and sort each page.
const BEGIN = `BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;
  SET LOCAL enable_bitmapscan = off; SET LOCAL enable_seqscan = off; SET LOCAL enable_mergejoin = off;
  SET LOCAL work_mem = '64MB'; SET LOCAL jit = off; SET LOCAL TIME ZONE 'UTC';
  SET LOCAL row_security = off`;

/**
 * Opens a read-only REPEATABLE READ transaction in each session, all on the first one's snapshot.
 *
 * Errors: TASKER_DATABASE_UNREACHABLE; TASKER_NOT_TASKER_DATABASE where the tables are missing;
 * TASKER_NOT_PERMITTED, also on reading, where row-level security would hide rows; the
 * signal's reason.
 */
export async function openSession(
  target: SnapshotTarget,
  signal: AbortSignal | undefined,
): Promise<SnapshotSession> {
  const owned = 'url' in target;
  const clients = owned ? await connectAll(target, signal) : usable(target.clients);
  // a transaction that the caller has open stays the caller's: no BEGIN, no ROLLBACK, its own view of the data
  const borrowed = !owned && inTransaction(clients[0]!);
  const uncut = owned ? clients.map((client) => cutOnAbort(client, signal)) : [];
  let rowSecurity: string | undefined;
  const closeOnce = async (): Promise<void> => {
    for (const takeBack of uncut) takeBack();
    await Promise.all(
      clients.map(async (client) => {
        if (owned) await client.end().catch(() => undefined);
        else if (!borrowed) await client.query('ROLLBACK').catch(() => undefined);
        else if (rowSecurity !== undefined) await restore(client, rowSecurity);
      }),
    );
  };
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => (closing ??= closeOnce());
  try {
    if (borrowed) rowSecurity = await refuseHiddenRows(clients[0]!);
    else await shareSnapshot(clients);
    const facts = await readFacts(clients[0]!);
    signal?.throwIfAborted();
    return { clients, close, ...facts };
  } catch (error) {
    await close();
    signal?.throwIfAborted();
    throw databaseError(error);
  }
}

/** Makes a transaction refuse to read where a policy would hide rows; returns the setting before. */
async function refuseHiddenRows(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ value: string }>(
    `SELECT current_setting('row_security') AS value`,
  );
  await client.query('SET LOCAL row_security = off');
  return rows[0]!.value;
}

/** Gives a caller's transaction its setting back; one that has failed has nothing left to restore. */
async function restore(client: pg.Client, rowSecurity: string): Promise<void> {
  const text = `SELECT set_config('row_security', $1, true)`;
  await client.query(text, [rowSecurity]).catch(() => undefined);
}

/** True inside a transaction, also one that has failed: that is the caller's to end. */
const inTransaction = (client: pg.Client): boolean =>
  ['T', 'E'].includes(client.getTransactionStatus() ?? 'I');

/** Given clients: all of them, or the first alone where it is inside a transaction already. */
function usable(clients: readonly pg.Client[]): pg.Client[] {
  const [first] = clients;
  if (first === undefined) {
    throw new TaskerError('TASKER_BAD_ARGUMENT', 'Option clients is empty; one client is needed.');
  }
  return inTransaction(first) ? [first] : [...clients];
}

async function connectAll(
  target: { readonly url: string; readonly connections?: number },
  signal: AbortSignal | undefined,
): Promise<pg.Client[]> {
  const options = signal === undefined ? {} : { signal };
  const count = target.connections ?? 2;
  if (!Number.isInteger(count) || count < 1 || count > 64) {
    throw new TaskerError(
      'TASKER_BAD_ARGUMENT',
      `Option connections is ${count}, not a whole number from 1 to 64.`,
      { data: { field: 'connections', value: count } },
    );
  }
  const opened = await Promise.allSettled(
    Array.from({ length: count }, () => connect(target.url, options)),
  );
  const clients = opened.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const failed = opened.find((result) => result.status === 'rejected');
  if (failed !== undefined) {
    await Promise.all(clients.map((client) => client.end()));
    throw failed.reason;
  }
  return clients;
}

async function shareSnapshot(clients: readonly pg.Client[]): Promise<void> {
  const [first, ...others] = clients;
  await first!.query(BEGIN);
  if (others.length === 0) return;
  const exported = await first!.query<{ id: string }>('SELECT pg_export_snapshot() AS id');
  const id = exported.rows[0]!.id;
  await Promise.all(
    others.map(async (client) => {
      await client.query(`${BEGIN}; SET TRANSACTION SNAPSHOT '${id}'`);
    }),
  );
}

type Facts = Omit<SnapshotSession, 'clients' | 'close'>;

async function readFacts(client: pg.Client): Promise<Facts> {
  const { rows } = await client.query<{
    now: string;
    tables: string;
    waits: string | null;
    tasks: number;
    steps: number;
  }>(`SELECT (extract(epoch FROM now()) * 1000000)::bigint::text AS now,
    (SELECT count(*) FROM unnest('{tasker_tasks,tasker_workflow_steps,tasker_workflow_step_edges,
      tasker_workflow_step_transitions,tasker_task_transitions,tasker_named_steps}'::text[]) AS n
      WHERE to_regclass(n) IS NOT NULL)::text AS tables,
    to_regclass('tasker_core_steps')::text AS waits,
    (SELECT reltuples FROM pg_class WHERE oid = to_regclass('tasker_tasks')) AS tasks,
    (SELECT reltuples FROM pg_class WHERE oid = to_regclass('tasker_workflow_steps')) AS steps`);
  const facts = rows[0]!;
  if (facts.tables !== '6') throw notTaskerDatabase();
  const names = await client.query<{ named_step_id: number; name: string }>(
    'SELECT named_step_id, name FROM tasker_named_steps',
  );
  const waits =
    facts.waits !== null &&
    (await client.query('SELECT 1 FROM tasker_core_steps LIMIT 1')).rowCount === 1;
  const tasks = Math.max(0, facts.tasks);
  return {
    now: Number(facts.now),
    hasNextAttempts: waits,
    estimate: { tasks, stepsPerTask: tasks > 0 && facts.steps > 0 ? facts.steps / tasks : 10 },
    stepNames: new Map(names.rows.map((row) => [row.named_step_id, row.name])),
  };
}
