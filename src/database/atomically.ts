import type pg from 'pg';

import type { Queries } from './id-block.ts';

/**
 * A session with the database: a client, one checked out of a pool, or whatever runs the statements of
 * a transaction that is open (it cannot tell whether one is).
 */
export type Session = Queries & Partial<Pick<pg.ClientBase, 'getTransactionStatus'>>;

/** How often work that a deadlock ended is begun again. */
const ATTEMPTS = 4;

/** The server chose this transaction as the one that gives way. */
const DEADLOCK = '40P01';

/**
 * Does all of `work` or nothing of it: in a transaction of its own, or, where the client's session has
 * one open, as a part of that (a savepoint), which the caller then commits or rolls back.
 *
 * Work that a deadlock ended is begun again, at most three times. A `BEGIN` of the caller must have
 * been answered before.
 */
export async function atomically<T>(client: Session, work: () => Promise<T>): Promise<T> {
  const isPart = client.getTransactionStatus?.() !== 'I';
  const begin = isPart ? 'SAVEPOINT tasker_part' : 'BEGIN ISOLATION LEVEL READ COMMITTED';
  const commit = isPart ? 'RELEASE SAVEPOINT tasker_part' : 'COMMIT';
  const rollback = isPart ? ['ROLLBACK TO SAVEPOINT tasker_part', commit] : ['ROLLBACK'];
  for (let attempt = 1; ; attempt++) {
    await client.query(begin);
    try {
      const result = await work();
      await client.query(commit);
      return result;
    } catch (error) {
      // a lost connection has rolled back already
      for (const statement of rollback) await client.query(statement).catch(() => undefined);
      if (attempt === ATTEMPTS || !hasState(error, DEADLOCK)) throw error;
    }
  }
}

/** True for an error of the server with this SQL state. */
export function hasState(error: unknown, state: string): boolean {
  return error instanceof Error && 'code' in error && error.code === state;
}
