import { formatNaive, instantText } from '../graph/snapshot/instants.ts';
import type { Queries } from './id-block.ts';
import { decodeCursor, encodeCursor, isCursorId, pageLimit } from './list-cursor.ts';

/** One entry for the operators' journal. */
export interface NewAuditEntry {
  /** µs since the epoch; default: the database's clock. */
  readonly at?: number;
  readonly actor: string;
  readonly action: string;
  readonly reason: string | undefined;
  /** Undefined for what concerns no single task. */
  readonly taskId?: bigint | undefined;
  readonly stepId?: bigint | undefined;
  /** JSON text of an object. */
  readonly details: string;
}

/** One entry of the operators' journal. */
export interface AuditEntry {
  readonly auditId: bigint;
  /** ISO text, six digits, UTC. */
  readonly at: string;
  readonly actor: string;
  readonly action: string;
  readonly reason: string | null;
  readonly taskId: bigint | null;
  readonly stepId: bigint | null;
  /** States before and after, and each change; ids are text. */
  readonly details: unknown;
}

/** Writes an entry; returns its id. One statement. */
export async function writeAudit(client: Queries, entry: NewAuditEntry): Promise<bigint> {
  const { rows } = await client.query<{ audit_id: string }>({
    name: 'tasker_write_audit',
    text: `INSERT INTO tasker_core_audit (created_at, actor, action, reason, task_id, step_id, details)
           VALUES (coalesce($1::timestamp, clock_timestamp()::timestamp), $2, $3, $4, $5::bigint,
                   $6::bigint, $7::jsonb) RETURNING audit_id`,
    values: [
      entry.at === undefined ? null : formatNaive(entry.at),
      entry.actor,
      entry.action,
      entry.reason ?? null,
      entry.taskId ?? null,
      entry.stepId ?? null,
      entry.details,
    ],
  });
  return BigInt(rows[0]!.audit_id);
}

/** Which entries {@link auditOf} lists. */
export interface AuditQuery {
  /** Entries of this task and its steps; default all. */
  readonly taskId?: bigint;
  /** Entries from this instant on, µs since the epoch. */
  readonly since?: number;
  /** Entries of a page, 1 to 10,000; default 100. */
  readonly limit?: number;
  /** `next` of the page before. */
  readonly cursor?: string;
}

/** A page of the journal. */
export interface AuditPage {
  /** Newest first. */
  readonly entries: readonly AuditEntry[];
  /** Cursor of the next page; undefined on the last one. */
  readonly next: string | undefined;
}

interface AuditRecord {
  readonly audit_id: string;
  readonly at: string;
  readonly actor: string;
  readonly action: string;
  readonly reason: string | null;
  readonly task_id: string | null;
  readonly step_id: string | null;
  readonly details: unknown;
}

/**
 * What operators did, newest first, page by page: entries that are written meanwhile neither repeat
 * nor hide others.
 *
 * Errors: TASKER_BAD_ARGUMENT for a limit or cursor that is none. O(entries of the task).
 */
export async function auditOf(client: Queries, query: AuditQuery = {}): Promise<AuditPage> {
  const { taskId, since, cursor } = query;
  const limit = pageLimit(query.limit ?? 100);
  const [before] = cursor === undefined ? [undefined] : decodeCursor(cursor, [isCursorId]);
  const { rows } = await client.query<AuditRecord>({
    name: 'tasker_audit_page',
    text: `
SELECT audit_id, created_at::text AS at, actor, action, reason, task_id, step_id, details
  FROM tasker_core_audit
 WHERE ($1::bigint IS NULL OR task_id = $1) AND ($2::timestamp IS NULL OR created_at >= $2)
   AND ($3::bigint IS NULL OR audit_id < $3)
 ORDER BY audit_id DESC
 LIMIT $4::integer`,
    values: [
      taskId ?? null,
      since === undefined ? null : formatNaive(since),
      before ?? null,
      limit + 1,
    ],
  });
  const entries = rows.slice(0, limit).map(entryOf);
  const last = rows.length > limit ? entries.at(-1) : undefined;
  return { entries, next: last && encodeCursor([String(last.auditId)]) };
}

function entryOf(row: AuditRecord): AuditEntry {
  return {
    auditId: BigInt(row.audit_id),
    at: instantText(row.at),
    actor: row.actor,
    action: row.action,
    reason: row.reason,
    taskId: row.task_id === null ? null : BigInt(row.task_id),
    stepId: row.step_id === null ? null : BigInt(row.step_id),
    details: row.details,
  };
}
