import { readdirSync, readFileSync } from 'node:fs';

import type pg from 'pg';

/** What a server has done up to now. */
export interface ServerUsage {
  /** Transactions that wrote. */
  readonly commits: number;
  readonly walBytes: number;
  /** CPU time of all its processes, µs; NaN where the operating system does not tell. */
  readonly cpuMicros: number;
}

/** Microseconds of a clock tick of /proc. */
const TICK_MICROS = 10_000;

/** Reads what the server has done; two readings are subtracted. */
export async function serverUsage(client: pg.Client): Promise<ServerUsage> {
  const { rows } = await client.query<{ commits: string; wal: string; pid: number }>(
    `SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS commits,
            (pg_current_wal_lsn() - '0/0')::text AS wal, pg_backend_pid() AS pid`,
  );
  const { commits, wal, pid } = rows[0] ?? { commits: '', wal: '', pid: 0 };
  return { commits: Number(commits), walBytes: Number(wal), cpuMicros: serverCpu(pid) };
}

/** CPU time of the processes of one server, those that have ended included, found by one of them. */
function serverCpu(backend: number): number {
  try {
    const postmaster = statOf(backend).parent;
    const { ticks, endedTicks } = statOf(postmaster);
    const children = readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map((name) => {
        try {
          return statOf(Number(name));
        } catch {
          return undefined;
        }
      })
      .filter((stat) => stat?.parent === postmaster);
    const all = children.reduce((sum, stat) => sum + (stat?.ticks ?? 0), ticks + endedTicks);
    return all * TICK_MICROS;
  } catch {
    return NaN;
  }
}

function statOf(pid: number): { parent: number; ticks: number; endedTicks: number } {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // the name in brackets may have spaces
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const number = (at: number): number => Number(fields[at]);
  return {
    parent: number(1),
    ticks: number(11) + number(12),
    endedTicks: number(13) + number(14),
  };
}
