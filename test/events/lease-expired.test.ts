import { expect, it } from 'vitest';

import type { EventName } from '../../src/events/catalog.ts';
import type { InProcessEvent } from '../../src/events/in-process.ts';
import { checkPayload } from '../../src/events/payload-check.ts';
import { Tasker } from '../../src/tasker.ts';
import { withClient } from '../database/with-client.ts';
import { createTestDatabase } from '../support/database.ts';

const SLOW = { timeout: 60_000 };

it('states once, for all engines, that the lease of one of them was over', async () => {
  await using database = await createTestDatabase();
  const { url } = database;
  await using lost = new Tasker({ database: url, leaseSeconds: 1 });
  await lost.start();
  const engineId = String(lost.engine?.engineId);
  // gone without a word: its row stays until the lease is over
  await lost.engine?.kill();

  const told: InProcessEvent[] = [];
  await using first = new Tasker({ database: url, leaseSeconds: 6 });
  await using second = new Tasker({ database: url, leaseSeconds: 6 });
  for (const tasker of [first, second]) {
    tasker.events.on('engine.lease_expired', (event) => told.push(event), {
      filter: ({ engine }) => engine === engineId,
    });
  }
  await Promise.all([first.start(), second.start()]);
  await expect.poll(() => told, SLOW).toHaveLength(1);
  const stored = await withClient(url, async (client) => {
    const { rows } = await client.query<{ event_id: string; payload: unknown }>(
      `SELECT event_id, payload FROM tasker_core_events
        WHERE name = 'engine.lease_expired' AND payload->>'engine' = $1`,
      [engineId],
    );
    return rows;
  });
  expect(stored).toMatchObject([
    {
      event_id: told[0]?.['event_id'],
      payload: { engine: engineId, fleet: 'default', process_id: process.pid },
    },
  ]);
  expect(checkPayload('engine.lease_expired' satisfies EventName, told[0])).toEqual([]);
});
