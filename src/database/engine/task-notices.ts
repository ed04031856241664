import type pg from 'pg';

import type { Queries } from '../id-block.ts';

/** Channel on which sessions tell engines of tasks that changed behind their back. */
export const TASK_CHANNEL = 'tasker_core_tasks';

/** A payload of the server has room for just under 8,000 bytes: so many ids of 19 digits. */
export const IDS_PER_NOTICE = 380;

/**
 * Tells every engine that these tasks were created or changed by somebody else; heard when the
 * transaction commits. One statement for up to 380 tasks.
 */
export async function notifyTasks(client: Queries, taskIds: readonly bigint[]): Promise<void> {
  for (let first = 0; first < taskIds.length; first += IDS_PER_NOTICE) {
    const payload = taskIds.slice(first, first + IDS_PER_NOTICE).join(',');
    await client.query({
      name: 'tasker_notify_tasks',
      text: 'SELECT pg_notify($1, $2)',
      values: [TASK_CHANNEL, payload],
    });
  }
}

/** Calls `onTasks` with the ids of every notice from now on, until the session ends. */
export async function listenForTasks(
  client: pg.Client,
  onTasks: (taskIds: bigint[]) => void,
): Promise<void> {
  client.on('notification', ({ channel, payload = '' }) => {
    if (channel !== TASK_CHANNEL) return;
    onTasks(
      payload
        .split(',')
        .filter((text) => /^\d{1,19}$/.test(text))
        .map(BigInt),
    );
  });
  await client.query(`LISTEN ${TASK_CHANNEL}`);
}
