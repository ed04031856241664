import { TaskerError } from '../errors.ts';
import { formatInstant } from '../graph/snapshot/instants.ts';
import { atomically, type Session } from './atomically.ts';
import { writeAudit } from './audit-log.ts';
import { isStorable, requireAuditRequest, type AuditRequest } from './audit-request.ts';
import { archiveTasks, type PurgeArchive } from './purge-archive.ts';
import {
  countRows,
  deleteTasks,
  lockPurgeable,
  purgeCandidates,
  updateAuditDetails,
  type PurgeScope,
} from './purge-queries.ts';
import type { PurgeReport } from './repositories/purge-task.ts';

/** Which finished tasks are removed, and how. */
export interface PurgeRequest extends AuditRequest {
  /** Tasks that are complete, cancelled or resolved by hand since before this instant, µs since the epoch. */
  readonly finishedBefore: number;
  /** Also tasks in `error` since before then, which could still be redriven; default false. */
  readonly includeFailed?: boolean | undefined;
  /** Only tasks of this namespace; default all. */
  readonly namespace?: string | undefined;
  /**
   * Gets every row before it is removed. Where a batch has to be done again, or the process dies
   * between archive and commit, rows stand there twice; none is ever missing.
   */
  readonly archive?: PurgeArchive | undefined;
  /** Tasks of one transaction, 1 to 10,000; default 100. Those with more than 10,000 steps together are parted further. */
  readonly batchTasks?: number | undefined;
  /** Only counts; default false. */
  readonly dryRun?: boolean | undefined;
  /** Ends the work between two transactions; what was removed stays removed. */
  readonly signal?: AbortSignal | undefined;
  /** Called after each transaction with the tasks removed (or counted) so far. */
  readonly onProgress?: ((tasks: number) => void) | undefined;
}

/** What a purge removed, or would remove. */
export interface PurgeSummary {
  readonly dryRun: boolean;
  /** Rows by kind. */
  readonly removed: PurgeReport;
  /** Tasks that stay because an edge ties them to a task that stays. */
  readonly held: number;
  /** Tasks that stay because others had them locked, or changed them meanwhile; the next run takes them. */
  readonly busy: number;
  /** Entry of the operators' journal; undefined where nothing was removed. */
  readonly auditId: bigint | undefined;
}

const DEFAULT_BATCH_TASKS = 100;

/** Steps of one transaction, unless a single task has more. */
const BATCH_STEPS = 10_000;

const NOTHING: PurgeReport = {
  stepTransitions: 0,
  edges: 0,
  steps: 0,
  taskTransitions: 0,
  annotations: 0,
  tasks: 0,
};

/**
 * Removes finished tasks with their steps, edges, transitions and annotations, batch by batch, each a
 * transaction. Waits for no lock, and others wait only for the rows of the batch. Events and the
 * journal stay: they have a retention of their own.
 *
 * The journal has one entry for a run, always as far as what is committed.
 *
 * Errors: TASKER_BAD_ARGUMENT for an instant, namespace, batch, actor or reason that is none.
 * O(rows removed) and one pass over the tasks.
 */
export async function purgeTasks(client: Session, request: PurgeRequest): Promise<PurgeSummary> {
  requireAuditRequest(request);
  const scope = scopeOf(request);
  const { batchTasks = DEFAULT_BATCH_TASKS, dryRun = false, signal, onProgress } = request;
  requireBatch(batchTasks);
  let removed: Removed = { rows: NOTHING, busy: 0, auditId: undefined };
  let held = 0;
  let after: bigint | undefined;
  const isStopped = (): boolean => signal?.aborted === true;
  while (!isStopped()) {
    const found = await purgeCandidates(client, scope, after, batchTasks);
    if (found.length === 0) break;
    const batch = found.slice(0, batchEnd(found.map(({ steps }) => steps)));
    after = batch.at(-1)!.taskId;
    const ids = batch.filter(({ isHeld }) => !isHeld).map(({ taskId }) => taskId);
    held += batch.length - ids.length;
    if (ids.length === 0) continue;
    removed = dryRun
      ? { rows: sum(removed.rows, await countRows(client, ids)), busy: 0, auditId: undefined }
      : await purgeBatch(client, { request, scope, ids }, removed);
    onProgress?.(removed.rows.tasks);
  }
  const { rows, busy, auditId } = removed;
  return { dryRun, removed: rows, held, busy, auditId };
}

interface Removed {
  readonly rows: PurgeReport;
  readonly busy: number;
  readonly auditId: bigint | undefined;
}

interface Batch {
  readonly request: PurgeRequest;
  readonly scope: PurgeScope;
  readonly ids: readonly bigint[];
}

async function purgeBatch(
  client: Session,
  { request, scope, ids }: Batch,
  before: Removed,
): Promise<Removed> {
  return atomically(client, async () => {
    const locked = await lockPurgeable(client, scope, ids);
    const busy = before.busy + ids.length - locked.length;
    if (locked.length === 0) return { ...before, busy };
    if (request.archive !== undefined) await archiveTasks(client, locked, request.archive);
    const rows = sum(before.rows, await deleteTasks(client, locked));
    const details = JSON.stringify({
      finished_before: formatInstant(scope.finishedBefore),
      include_failed: scope.includeFailed,
      namespace: scope.namespace ?? null,
      archived: request.archive !== undefined,
      removed: rows,
    });
    const { actor, reason } = request;
    const entry = { actor, reason, action: 'task.purge', details };
    if (before.auditId !== undefined) await updateAuditDetails(client, before.auditId, details);
    const auditId = before.auditId ?? (await writeAudit(client, entry));
    return { rows, busy, auditId };
  });
}

/** How many tasks make a batch: the first at least, then as many as fit. */
function batchEnd(steps: readonly number[]): number {
  let total = 0;
  const end = steps.findIndex((count, at) => (total += count) > BATCH_STEPS && at > 0);
  return end === -1 ? steps.length : end;
}

function sum(left: PurgeReport, right: PurgeReport): PurgeReport {
  const kinds = Object.keys(NOTHING) as (keyof PurgeReport)[];
  return Object.fromEntries(
    kinds.map((kind) => [kind, left[kind] + right[kind]]),
  ) as unknown as PurgeReport;
}

function scopeOf({ finishedBefore, includeFailed = false, namespace }: PurgeRequest): PurgeScope {
  if (!Number.isFinite(finishedBefore)) {
    throw badOption('finishedBefore', finishedBefore, 'an instant, µs since the epoch');
  }
  if (namespace !== undefined && (typeof namespace !== 'string' || !isStorable(namespace))) {
    throw badOption('namespace', namespace, 'the name of a namespace');
  }
  return { finishedBefore, includeFailed, namespace };
}

function requireBatch(batchTasks: number): void {
  if (Number.isInteger(batchTasks) && batchTasks >= 1 && batchTasks <= 10_000) return;
  throw badOption('batchTasks', batchTasks, 'a whole number from 1 to 10000');
}

function badOption(field: string, value: unknown, wanted: string): TaskerError {
  const shown = String(value).slice(0, 60);
  return new TaskerError('TASKER_BAD_ARGUMENT', `Option ${field} is ${shown}, not ${wanted}.`, {
    data: { field, value: shown },
  });
}
