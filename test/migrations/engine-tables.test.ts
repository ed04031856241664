import { expect, it } from 'vitest';

import { readEventRows } from '../../src/database/event-store/event-log.ts';
import { MIGRATIONS } from '../../src/migrations/index.ts';
import { withClient } from '../database/with-client.ts';
import { createTestDatabase } from '../support/database.ts';

/** How many migrations had run before the tables came to their present shapes. */
const BEFORE = MIGRATIONS.findIndex(({ name }) => name === '0006_fleets');

const ROWS = `
INSERT INTO tasker_task_namespaces VALUES (1, 'default', NULL, now(), now());
INSERT INTO tasker_named_tasks (named_task_id, name, created_at, updated_at) VALUES (1, 'a', now(), now());
INSERT INTO tasker_tasks (task_id, named_task_id, requested_at, identity_hash, created_at, updated_at)
  VALUES (1, 1, now(), 'a', now(), now());
INSERT INTO tasker_core_tasks (task_id, priority) VALUES (1, 7);
INSERT INTO tasker_core_engines
    (engine_group, host, process_id, version, started_at, heartbeat_at, expires_at, templates)
  VALUES ('mine', 'here', 1, '1', now(), now(), now(), '[]');
CREATE TABLE tasker_core_events_20260101 PARTITION OF tasker_core_events
  FOR VALUES FROM ('2026-01-01') TO ('2026-01-08');
INSERT INTO tasker_core_events (event_id, name, created_at, payload)
  SELECT gen_random_uuid(), 'task.cancelled', at::timestamp, '{"correlation_id":"c"}'
    FROM unnest('{2026-01-02,2027-01-01}'::text[]) AS at;`;

it('alters tables with rows in them', async () => {
  await using database = await createTestDatabase({ migrated: false });
  await withClient(database.url, async (client) => {
    const apply = async (migrations: typeof MIGRATIONS): Promise<void> => {
      for (const migration of migrations) {
        for (const statement of migration.statements({ indexes: 'lean' }))
          await client.query(statement);
      }
    };
    await apply(MIGRATIONS.slice(0, BEFORE));
    await client.query(ROWS);
    await apply(MIGRATIONS.slice(BEFORE));
    const { rows } = await client.query(
      `SELECT t.fleet, t.priority, e.fleet AS engine, e.backend_pid
         FROM tasker_core_tasks t, tasker_core_engines e`,
    );
    const events = await readEventRows(client, { limit: 10 });
    expect(events.map(({ createdAt, stored }) => [createdAt.slice(0, 4), stored])).toEqual([
      ['2026', { correlation_id: 'c' }],
      ['2027', { correlation_id: 'c' }],
    ]);
    expect(rows).toEqual([{ fleet: 'default', priority: 7, engine: 'mine', backend_pid: null }]);
  });
});
