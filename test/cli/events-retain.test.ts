import type pg from 'pg';
import { expect, test } from 'vitest';

import { auditOf } from '../../src/database/audit-log.ts';
import { databaseMicros } from '../../src/database/engine/engine-registry.ts';
import {
  asMaintainer,
  createEventPartition,
} from '../../src/database/event-store/event-partitions.ts';
import { enterSubscription } from '../../src/database/event-store/subscriptions.ts';
import { formatNaive } from '../../src/graph/snapshot/instants.ts';
import { withClient } from '../database/with-client.ts';
import { createTestDatabase } from '../support/database.ts';
import { tasker } from './tasker.ts';

const DAY = 86_400_000_000;

async function storeDay(client: pg.Client, daysAgo: number): Promise<void> {
  const from = Math.floor((await databaseMicros(client)) / DAY - daysAgo) * DAY;
  expect(await createEventPartition(client, { from, until: from + DAY })).toBe('done');
  await client.query(
    `INSERT INTO tasker_core_events (event_id, name, occurred_at) VALUES (gen_random_uuid(), 'x', $1)`,
    [formatNaive(from + 1)],
  );
}

const count = async (client: pg.Client): Promise<number> =>
  (await client.query('SELECT FROM tasker_core_events')).rowCount ?? 0;

test('tasker events retain says what it would remove, removes it, and names who holds the rest', async () => {
  await using database = await createTestDatabase();
  const { url } = database;
  const retain = (...args: string[]): ReturnType<typeof tasker> =>
    tasker(['events', 'retain', '--database', url, ...args]);
  await withClient(url, async (client) => {
    for (const day of [40, 35, 2]) await storeDay(client, day);
    const planned = await retain('--older-than', '30d', '--dry-run');
    expect(planned).toMatchObject({ code: 0, stderr: '' });
    expect(planned.stdout).toMatch(/^Nothing was changed\. Without --dry-run: 2 partitions/);
    expect(await count(client)).toBe(3);

    const { rows } = await client.query<{ place: string }>(
      `SELECT xid || '-' || position AS place FROM tasker_core_events ORDER BY occurred_at LIMIT 1`,
    );
    const position = rows[0]!.place;
    await enterSubscription(client, { name: 'slow', partitions: 1, filter: {}, position });
    const done = await retain('--older-than', '30d', '--json', '--actor', 'me', '--reason', 'full');
    expect(done).toMatchObject({ code: 2, stderr: '' });
    expect(JSON.parse(done.stdout)).toMatchObject({
      dry_run: false,
      removed: [{ partition: expect.stringMatching(/^tasker_core_events_\d{8}$/) }],
      held: [{ by: [{ kind: 'subscriber', name: 'slow', position }] }],
      busy: [],
    });
    expect(await count(client)).toBe(2);
    const { entries } = await auditOf(client);
    expect(entries).toMatchObject([{ action: 'events.retain', actor: 'me', reason: 'full' }]);

    const text = await retain('--older-than', '30d');
    expect(text.stdout).toContain(`subscriber slow at ${position}`);
    await client.query('DELETE FROM tasker_core_subscriptions');
    expect(await retain('--older-than', '2000-01-01T00:00:00Z')).toMatchObject({ code: 0 });
    expect(await retain('--older-than', '720h', '--detach')).toMatchObject({ code: 0 });
    expect(await count(client)).toBe(1);

    const other = await asMaintainer(client, () => retain('--older-than', '30d'));
    expect(other).toMatchObject({ code: 1, stdout: '' });
    expect(other!.stderr).toContain('TASKER_CONFLICT');
  });
  for (const age of ['30', '-1d', 'd', 'yesterday']) {
    const bad = await retain(`--older-than=${age}`);
    expect(bad).toMatchObject({ code: 64, stdout: '' });
    expect(bad.stderr).toContain('--older-than');
  }
  expect(await retain()).toMatchObject({ code: 64, stdout: '' });
});
