import { randomUUID } from 'node:crypto';

import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { connect } from '../../src/database/connection.ts';
import { eventHorizon } from '../../src/database/event-store/event-log.ts';
import { comparePositions, readEvents } from '../../src/events/stored-event.ts';
import { parseInstant } from '../../src/graph/snapshot/instants.ts';
import { startLonelyServer, type LonelyServer } from '../support/lonely-server.ts';

let server: LonelyServer;
let reader: pg.Client;
let late: pg.Client;

beforeAll(async () => {
  server = await startLonelyServer();
  const { url } = server;
  [reader, late] = await Promise.all([connect(url), connect(url)]);
});

afterAll(async () => {
  await Promise.all([reader.end(), late.end()]);
  await server.stop();
});

async function store(client: pg.Client, name: string, taskId: bigint, at: string): Promise<void> {
  await client.query(
    `INSERT INTO tasker_core_events (event_id, name, task_id, occurred_at, payload)
     VALUES ($1, $2, $3, $4, $5)`,
    [randomUUID(), name, taskId, at, { reason: name }],
  );
}

const AT = '2030-01-02 03:04:05.000006';
const names = (events: readonly { readonly name: string }[]): string[] =>
  events.map(({ name }) => name);

describe('the log of events', () => {
  it('is never read past a transaction that is still open', async () => {
    await store(reader, 'first', 1n, AT);
    await late.query('BEGIN');
    await store(late, 'late', 1n, AT);
    await store(reader, 'quick', 2n, AT);

    const before = await readEvents(reader, { limit: 10 });
    expect(names(before)).toEqual(['first']);
    const horizon = await eventHorizon(reader);
    expect(comparePositions(horizon, before[0]!.position)).toBe(1);
    await late.query('COMMIT');

    const rest = await readEvents(reader, { after: before[0]!.position, limit: 10 });
    expect(names(rest)).toEqual(['late', 'quick']);
    expect(names(await readEvents(reader, { after: horizon, limit: 10 }))).toEqual([
      'late',
      'quick',
    ]);
  });

  it('forgets a transaction that is rolled back', async () => {
    const after = await eventHorizon(reader);
    await late.query('BEGIN');
    await store(late, 'never', 1n, AT);
    await store(reader, 'stays', 2n, AT);
    await late.query('ROLLBACK');
    expect(names(await readEvents(reader, { after, limit: 10 }))).toEqual(['stays']);
  });

  it('is read in pieces, each going on where the one before ended', async () => {
    const start = await eventHorizon(reader);
    await late.query('BEGIN');
    for (const name of ['a', 'b', 'c', 'd', 'e']) await store(late, name, 3n, AT);
    await late.query('COMMIT');
    const seen: string[] = [];
    for (let after = start; ;) {
      const events = await readEvents(reader, { after, limit: 2 });
      const last = events.at(-1);
      if (last === undefined) break;
      seen.push(...names(events));
      after = last.position;
    }
    expect(seen).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('is filtered by names, task and time', async () => {
    const after = await eventHorizon(reader);
    await store(reader, 'x.old', 4n, '2030-01-01 00:00:00');
    await store(reader, 'x.new', 4n, '2030-01-02 00:00:00.000001');
    await store(reader, 'y.new', 5n, '2030-01-02 00:00:00.000001');
    const read = async (filter: object): Promise<string[]> =>
      names(await readEvents(reader, { after, limit: 10, ...filter }));
    const noon = parseInstant('2030-01-02T00:00:00.000001Z');
    expect(await read({ names: ['x.old', 'y.new'] })).toEqual(['x.old', 'y.new']);
    expect(await read({ taskId: 4n })).toEqual(['x.old', 'x.new']);
    expect(await read({ since: noon })).toEqual(['x.new', 'y.new']);
    expect(await read({ until: noon })).toEqual(['x.old']);
    expect(await read({ names: ['x.new'], taskId: 4n, since: noon })).toEqual(['x.new']);
  });

  it('refuses a position that is none and a limit below one', async () => {
    const error = { code: 'TASKER_BAD_ARGUMENT' };
    for (const after of ['', '5', '5-', "1-1' OR true", '99999999999999999999-1']) {
      await expect(readEvents(reader, { after, limit: 1 })).rejects.toMatchObject(error);
    }
    for (const limit of [0, 1.5, Number.NaN]) {
      await expect(readEvents(reader, { limit })).rejects.toMatchObject(error);
    }
    expect(() => comparePositions('0-0', 'x')).toThrow(expect.objectContaining(error));
  });
});
