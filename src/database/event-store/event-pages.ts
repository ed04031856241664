import { instantText } from '../../graph/snapshot/instants.ts';
import { int8Array, textArray } from '../copy/binary-arrays.ts';
import {
  likePattern,
  parsePosition,
  STORED_COLUMNS,
  storedOf,
  type EventRow,
  type StoredColumns,
} from './event-log.ts';
import type { Queries } from '../id-block.ts';

/** Which template a task was made from. */
export interface TaskKind {
  readonly namespace: string;
  readonly template: string;
}

/** What a page of the log is to hold. */
export interface PageRequest {
  /** Only later events. */
  readonly after: string;
  /** Events at most. */
  readonly limit: number;
  /** Events that are looked at, at most: what one statement costs where few of them are wanted. */
  readonly scan: number;
  /** Stored bytes of payloads: no further event once there are so many. */
  readonly bytes: number;
  /** Names, or `task.*` for all that begin so, or `*`; undefined for all. */
  readonly names: readonly string[] | undefined;
  /**
   * Tasks of which templates, where anybody asks for that; `*` stands for all templates of a
   * namespace. `all` reads the template of every event's task and leaves none out.
   */
  readonly kinds: readonly TaskKind[] | 'all' | undefined;
}

/** An event with the template of its task, where that was asked for and the task is still there. */
export interface PageRow extends EventRow {
  readonly kind: TaskKind | undefined;
}

/** A stretch of the log. */
export interface EventPage {
  readonly rows: readonly PageRow[];
  /** Everything wanted between `after` and here is in the page. */
  readonly end: string;
  /** The page ends where the log can be read up to now. */
  readonly isLast: boolean;
  /** There are events behind `end` that wait for a transaction which began before theirs. */
  readonly isHeldBack: boolean;
  /** Stored bytes of the payloads. */
  readonly bytes: number;
}

interface PageRecord extends StoredColumns {
  readonly end_transaction: string;
  readonly end_position: string;
  readonly is_last: boolean;
  readonly is_held_back: boolean;
  readonly xid: string | null;
  readonly position: string;
  readonly event_id: string;
  readonly name: string;
  readonly task_id: string | null;
  readonly step_id: string | null;
  readonly occurred_at: string;
  readonly bytes: string;
  readonly namespace: string | null;
  readonly template: string | null;
}

const KIND_COLUMNS = `,
         n.name AS template, s.name AS namespace`;
const NO_KIND_COLUMNS = `,
         NULL::text AS template, NULL::text AS namespace`;
const KIND_JOINS = `
          LEFT JOIN tasker_tasks t ON t.task_id = e.task_id
          LEFT JOIN tasker_named_tasks n ON n.named_task_id = t.named_task_id
          LEFT JOIN tasker_task_namespaces s ON s.task_namespace_id = n.task_namespace_id`;

/**
 * The next page of the log after a position, in the order of positions and only up to where no
 * transaction can commit anything any more. One statement; O(events looked at), at most `scan`.
 */
export async function readEventPage(client: Queries, request: PageRequest): Promise<EventPage> {
  const { after, limit, scan, bytes, names, kinds } = request;
  const from = parsePosition(after);
  if (from === undefined) throw new RangeError(`no position: ${after}`);
  const listed = kinds === undefined || kinds === 'all' ? undefined : kinds;
  const isFiltered = names !== undefined || listed !== undefined;
  const values: unknown[] = [
    String(from.transactionId),
    from.number,
    limit,
    isFiltered ? Math.max(scan, limit) : limit,
    bytes,
  ];
  const parts = ['tasker_event_page'];
  let conditions = '';
  if (names !== undefined) {
    parts.push('names');
    values.push(textArray(names.map(likePattern)));
    conditions += `\n           AND e.name LIKE ANY ($${values.length}::text[])`;
  }
  if (kinds !== undefined) parts.push(kinds === 'all' ? 'kind' : 'kinds');
  if (listed !== undefined) {
    values.push(textArray(listed.map(({ namespace }) => namespace)));
    values.push(textArray(listed.map(({ template }) => template)));
    const [namespaces, templates] = [values.length - 1, values.length];
    conditions += `
           AND EXISTS (SELECT FROM unnest($${namespaces}::text[], $${templates}::text[]) AS k(namespace, template)
                        WHERE k.namespace IN (s.name, '*') AND k.template IN (n.name, '*'))`;
  }
  const { rows } = await client.query<PageRecord>({
    name: parts.join('_'),
    text: `
  WITH h AS MATERIALIZED (
         SELECT pg_snapshot_xmin(pg_current_snapshot()) AS xmin),
       bound AS MATERIALIZED (
         SELECT e.xid, e.position
           FROM tasker_core_events e
          WHERE (e.xid, e.position) > ($1::xid8, $2::bigint)
            AND e.xid < (SELECT xmin FROM h)
          ORDER BY e.xid, e.position OFFSET $4::bigint - 1 LIMIT 1),
       stretch AS MATERIALIZED (
         SELECT coalesce(b.xid, h.xmin) AS tx, coalesce(b.position, 0) AS number,
                b.position IS NULL AS is_last
           FROM h LEFT JOIN bound b ON true)
SELECT r.tx::text AS end_transaction, r.number::text AS end_position, r.is_last,
       EXISTS (SELECT FROM tasker_core_events e, h WHERE e.xid >= h.xmin) AS is_held_back,
       p.xid::text, p.position::text, p.event_id::text, p.name, p.task_id::text,
       p.step_id::text, p.occurred_at::text, p.correlation_id,
       p.causation_id, p.payload, p.bytes::text, p.namespace, p.template
  FROM stretch r
  LEFT JOIN LATERAL (
        SELECT e.xid, e.position, e.event_id, e.name, e.task_id, e.step_id, e.occurred_at,
         ${STORED_COLUMNS}, sum(coalesce(pg_column_size(e.payload), 0))
                      OVER (ORDER BY e.xid, e.position) AS bytes,
         coalesce(pg_column_size(e.payload), 0) AS own${kinds === undefined ? NO_KIND_COLUMNS : KIND_COLUMNS}
          FROM tasker_core_events e${kinds === undefined ? '' : KIND_JOINS}
         WHERE (e.xid, e.position) > ($1::xid8, $2::bigint)
           AND (e.xid, e.position) <= (r.tx, r.number)${conditions}
         ORDER BY e.xid, e.position
         LIMIT $3::bigint) p ON p.bytes - p.own < $5::bigint
 ORDER BY p.xid, p.position`,
    values,
  });
  const found = rows[0]?.xid === null ? [] : rows;
  const first = rows[0] as PageRecord;
  const last = found.at(-1);
  const total = Number(last?.bytes ?? 0);
  // what the bytes or the limit left out comes with the next page
  const isCut = last !== undefined && (found.length === limit || total >= bytes);
  const end = isCut ? positionOf(last) : `${first.end_transaction}-${first.end_position}`;
  return {
    rows: found.map(rowOf),
    end: laterOf(end, after),
    isLast: first.is_last && !isCut,
    isHeldBack: first.is_held_back,
    bytes: total,
  };
}

const positionOf = ({ xid: transaction, position }: PageRecord): string =>
  `${transaction}-${position}`;

/** A subscriber entered in the transaction that is still running may be ahead of what can be read. */
function laterOf(end: string, after: string): string {
  const left = parsePosition(end);
  const right = parsePosition(after);
  if (left === undefined || right === undefined) return end;
  const difference = left.transactionId - right.transactionId || left.number - right.number;
  return difference < 0n ? after : end;
}

/** Characters of `2026-11-23 03:53:17.824585`, which only wants another shape. */
const WHOLE = 26;

function instantOf(text: string): string {
  if (text.length === WHOLE && text[10] === ' ') return `${text.slice(0, 10)}T${text.slice(11)}Z`;
  return instantText(text);
}

function rowOf(row: PageRecord): PageRow {
  const { namespace, template } = row;
  return {
    position: positionOf(row),
    eventId: row.event_id,
    name: row.name,
    taskId: row.task_id === null ? undefined : BigInt(row.task_id),
    stepId: row.step_id === null ? undefined : BigInt(row.step_id),
    createdAt: instantOf(row.occurred_at),
    stored: storedOf(row),
    kind: namespace === null || template === null ? undefined : { namespace, template },
  };
}

/** The templates of tasks; those that are gone are left out. One statement. */
export async function kindsOfTasks(
  client: Queries,
  taskIds: readonly bigint[],
): Promise<Map<bigint, TaskKind>> {
  if (taskIds.length === 0) return new Map();
  const { rows } = await client.query<{ task: string; namespace: string; template: string }>({
    name: 'tasker_kinds_of_tasks',
    text: `SELECT t.task_id::text AS task, s.name AS namespace, n.name AS template
             FROM tasker_tasks t
             JOIN tasker_named_tasks n ON n.named_task_id = t.named_task_id
             JOIN tasker_task_namespaces s ON s.task_namespace_id = n.task_namespace_id
            WHERE t.task_id = ANY ($1::bigint[])`,
    values: [int8Array([...new Set(taskIds)])],
  });
  return new Map(
    rows.map(({ task, namespace, template }) => [BigInt(task), { namespace, template }]),
  );
}
