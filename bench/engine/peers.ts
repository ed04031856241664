import { execFile } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import type { OpenPeer, PeerSetup, WorkflowContestant } from './workloads.ts';
import { EngineContestant } from './engine-contestant.ts';

const FOLDER = new URL('../peers/', import.meta.url);

/** A contestant by name; `open` starts it on a database of its own. */
export interface Entrant {
  readonly name: string;
  readonly open: OpenPeer;
}

/** File of bench/peers, its package, and what follows the package's version in the name. */
const PEERS = [
  ['graphile-worker.ts', 'graphile-worker', ''],
  ['pg-boss.ts', 'pg-boss', ', flow'],
  ['bullmq-redis.ts', 'bullmq', ', flow, Redis'],
  ['bullmq-postgres.ts', 'bullmq', ', flow, PostgreSQL'],
  ['dbos.ts', '@dbos-inc/dbos-sdk', ''],
] as const;

const TITLES: Readonly<Record<string, string>> = {
  bullmq: 'BullMQ',
  '@dbos-inc/dbos-sdk': 'DBOS',
};

/** Our engine first, then each peer with its version. */
export function entrants(): Entrant[] {
  const text = readFileSync(new URL('package.json', FOLDER), 'utf8');
  const versions = (JSON.parse(text) as { dependencies: Record<string, string> }).dependencies;
  const peers = PEERS.map(([file, from, rest]): Entrant => ({
    name: `${TITLES[from] ?? from} ${versions[from]}${rest}`,
    open: async (setup: PeerSetup): Promise<WorkflowContestant> => {
      // not part of the program: the packages are there only when they are asked for
      const module = (await import(new URL(file, FOLDER).href)) as { readonly open: OpenPeer };
      return module.open(setup);
    },
  }));
  return [
    { name: 'tasker-core', open: ({ url, fanWidth }) => EngineContestant.start(url, fanWidth) },
    ...peers,
  ];
}

const changedAt = (name: string): number =>
  statSync(new URL(name, FOLDER), { throwIfNoEntry: false })?.mtimeMs ?? -Infinity;

/**
 * Installs what bench/peers/package-lock.json names, unless it is there.
 *
 * Throws an Error with what npm says.
 */
export async function installPeers(phase: (name: string) => void): Promise<void> {
  if (changedAt('node_modules/.package-lock.json') >= changedAt('package-lock.json')) return;
  phase('installing the peers in bench/peers');
  // not `npm ci`, which refuses a lock that lacks optional packages of other platforms; the scripts
  // only build what the peers can do without
  const args = ['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund'];
  await promisify(execFile)('npm', args, { cwd: fileURLToPath(FOLDER), timeout: 600_000 });
}
