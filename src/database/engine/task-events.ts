import { instantText } from '../../graph/snapshot/instants.ts';
import { STORED_COLUMNS, storedOf, type StoredColumns } from '../event-store/event-log.ts';
import type { Queries } from '../id-block.ts';

/** An event of a task, as it is stored. */
export interface StoredEvent {
  /** As in the catalogue: `step.completed` and so on. */
  readonly name: string;
  /** Undefined for an event of the task itself. */
  readonly step: string | undefined;
  /** ISO text, six digits, UTC. */
  readonly at: string;
  readonly payload: unknown;
}

/** The stored events of a task and its steps in the order in which they were committed. One statement. */
export async function taskEvents(client: Queries, taskId: bigint): Promise<StoredEvent[]> {
  const { rows } = await client.query<
    {
      name: string;
      step: string | null;
      occurred_at: string;
    } & StoredColumns
  >({
    name: 'tasker_task_events',
    text: `SELECT e.name, n.name AS step, e.occurred_at, ${STORED_COLUMNS}
             FROM tasker_core_events e
             LEFT JOIN tasker_workflow_steps s ON s.workflow_step_id = e.step_id
             LEFT JOIN tasker_named_steps n ON n.named_step_id = s.named_step_id
            WHERE e.task_id = $1
            ORDER BY e.xid, e.position`,
    values: [taskId],
  });
  return rows.map((row) => ({
    name: row.name,
    step: row.step ?? undefined,
    at: instantText(row.occurred_at),
    payload: storedOf(row),
  }));
}
