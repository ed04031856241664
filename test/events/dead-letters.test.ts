import { randomUUID } from 'node:crypto';

import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { auditOf } from '../../src/database/audit-log.ts';
import { connect } from '../../src/database/connection.ts';
import { saveDeadLetter, type NewDeadLetter } from '../../src/database/event-store/dead-letters.ts';
import { settleRedrives, takeRedrives } from '../../src/database/event-store/redrives.ts';
import {
  deadLetter,
  discardDeadLetters,
  listDeadLetters,
  redriveDeadLetters,
  type DeadLetterQuery,
} from '../../src/events/dead-letters.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
let client: pg.Client;

beforeAll(async () => {
  database = await createTestDatabase();
  client = await connect(database.url);
});

afterAll(async () => {
  await client.end();
  await database.drop();
});

beforeEach(async () => {
  await client.query('TRUNCATE tasker_core_dead_letters, tasker_core_audit RESTART IDENTITY');
});

/** Ids are 1, 2, … in the order of the calls. */
async function bury(
  letter: Partial<Omit<NewDeadLetter, 'event'>> & { event?: Partial<NewDeadLetter['event']> },
): Promise<void> {
  const { event, ...rest } = letter;
  await saveDeadLetter(client, {
    name: 'mail',
    partition: 0,
    reason: 'failed',
    error: { name: 'Error', message: 'no route' },
    attempts: 5,
    ...rest,
    event: {
      position: '10-20',
      eventId: randomUUID(),
      name: 'step.completed',
      taskId: 17n,
      stepId: 4711n,
      createdAt: '2030-01-02T03:04:05.000006Z',
      payload: { text: 'ä', big: 12 },
      ...event,
    },
  });
}

const ids = async (query: DeadLetterQuery = {}): Promise<bigint[]> =>
  (await listDeadLetters(client, query)).letters.map(({ deadLetterId }) => deadLetterId);
const ANNA = { actor: 'anna', reason: 'mail works again' };
const journal = async (): Promise<object[]> => [...(await auditOf(client)).entries].toReversed();

describe('dead letters', () => {
  it('are listed latest first, by pages that letters in between do not disturb', async () => {
    for (let at = 0; at < 5; at++) await bury({});
    const first = await listDeadLetters(client, { limit: 2 });
    expect(first.letters.map(({ deadLetterId }) => deadLetterId)).toEqual([5n, 4n]);
    await bury({});
    const second = await listDeadLetters(client, { limit: 2, cursor: first.next! });
    expect(second.letters.map(({ deadLetterId }) => deadLetterId)).toEqual([3n, 2n]);
    const third = await listDeadLetters(client, { limit: 2, cursor: second.next! });
    expect(third.letters.map(({ deadLetterId }) => deadLetterId)).toEqual([1n]);
    expect(third.next).toBeUndefined();
  });

  it('are filtered by subscriber, name, task, reason and time', async () => {
    await bury({ name: 'mail' });
    await bury({ name: 'ledger', event: { name: 'task.start_requested', taskId: 18n } });
    await bury({ reason: 'timeout', event: { name: 'taskXstart_requested', taskId: undefined } });
    expect(await ids({ subscriber: 'ledger' })).toEqual([2n]);
    expect(await ids({ names: ['task.*'] })).toEqual([2n]);
    // an underscore is no wildcard
    expect(await ids({ names: ['taskXstart_requested', 'step_completed'] })).toEqual([3n]);
    expect(await ids({ names: ['*'] })).toEqual([3n, 2n, 1n]);
    expect(await ids({ taskId: 17n })).toEqual([1n]);
    expect(await ids({ reason: 'timeout' })).toEqual([3n]);
    expect(await ids({ ids: [1n, 3n, 99n] })).toEqual([3n, 1n]);
    await client.query(
      `UPDATE tasker_core_dead_letters SET created_at = timestamp '2030-01-01' + dead_letter_id * interval '1 day'`,
    );
    const third = Date.UTC(2030, 0, 3) * 1000;
    expect(await ids({ since: third })).toEqual([3n, 2n]);
    expect(await ids({ until: third })).toEqual([1n]);
    expect(await ids({ subscriber: 'mail', since: third, reason: 'timeout' })).toEqual([3n]);
  });

  it('are shown with all that there is to know', async () => {
    const eventId = randomUUID();
    await bury({ partition: 3, event: { eventId } });
    expect(await deadLetter(client, 1n)).toEqual({
      deadLetterId: 1n,
      subscriber: 'mail',
      partition: 3,
      eventId,
      position: '10-20',
      name: 'step.completed',
      taskId: 17n,
      stepId: 4711n,
      eventCreatedAt: '2030-01-02T03:04:05.000006Z',
      reason: 'failed',
      error: { name: 'Error', message: 'no route' },
      attempts: 5,
      createdAt: expect.stringMatching(/^\d{4}-.*Z$/) as string,
      updatedAt: expect.stringMatching(/^\d{4}-.*Z$/) as string,
      redriveAt: undefined,
      payload: { text: 'ä', big: 12 },
    });
    await expect(deadLetter(client, 2n)).rejects.toMatchObject({
      code: 'TASKER_UNKNOWN_DEAD_LETTER',
      data: { deadLetterIds: ['2'] },
    });
  });

  it('are redriven: given to their part in their order, gone when handled, kept when not', async () => {
    await bury({});
    await bury({ partition: 1 });
    await bury({});
    await bury({ name: 'ledger' });
    const parts = [
      { name: 'mail', partition: 0 },
      { name: 'mail', partition: 1 },
    ];
    expect(await takeRedrives(client, parts, 10)).toEqual([]);
    expect(await redriveDeadLetters(client, { subscriber: 'mail' }, ANNA)).toMatchObject({
      action: 'dead_letter.redrive',
      deadLetterIds: [1n, 2n, 3n],
      dryRun: false,
      auditId: 1n,
    });
    const taken = await takeRedrives(client, parts, 10);
    expect(taken.map(({ deadLetterId, partition }) => [deadLetterId, partition])).toEqual([
      [1n, 0],
      [3n, 0],
      [2n, 1],
    ]);
    expect(taken[0]).toMatchObject({
      name: 'mail',
      attempts: 5,
      event: {
        position: '10-20',
        name: 'step.completed',
        taskId: 17n,
        stepId: 4711n,
        createdAt: '2030-01-02T03:04:05.000006Z',
        payload: { text: 'ä', big: 12 },
      },
    });
    expect(await takeRedrives(client, parts, 1)).toHaveLength(2);

    const failure = { reason: 'timeout', error: { name: 'E', message: 'late' } } as const;
    await settleRedrives(client, [
      { deadLetterId: 1n, attempts: 1 },
      { deadLetterId: 3n, attempts: 2, failure },
    ]);
    expect(await ids()).toEqual([4n, 3n, 2n]);
    const kept = await deadLetter(client, 3n);
    expect(kept).toMatchObject({ ...failure, attempts: 7, redriveAt: undefined });
    expect(await takeRedrives(client, parts, 10)).toMatchObject([{ deadLetterId: 2n }]);
    // what waits already is not asked for again
    expect(await redriveDeadLetters(client, {}, ANNA)).toMatchObject({
      deadLetterIds: [3n, 4n],
      auditId: 2n,
    });
    expect(await redriveDeadLetters(client, {}, ANNA)).toMatchObject({
      deadLetterIds: [],
      auditId: undefined,
    });
    expect(await journal()).toMatchObject([
      {
        action: 'dead_letter.redrive',
        ...ANNA,
        taskId: null,
        details: { filter: { subscriber: 'mail' }, count: 3, letters: [{}, {}, {}] },
      },
      {
        details: {
          filter: {},
          count: 2,
          letters: [{ dead_letter_id: '3', subscriber: 'mail', event_id: kept.eventId }, {}],
        },
      },
    ]);
  });

  it('are discarded with a reason, and the journal says which', async () => {
    await bury({});
    await bury({});
    await bury({ event: { taskId: 18n } });
    const dry = { ...ANNA, dryRun: true };
    expect(await discardDeadLetters(client, { taskId: 17n }, dry)).toMatchObject({
      deadLetterIds: [1n, 2n],
      dryRun: true,
      auditId: undefined,
    });
    expect(await ids()).toEqual([3n, 2n, 1n]);
    await discardDeadLetters(client, { taskId: 17n }, ANNA);
    await discardDeadLetters(client, { ids: [3n] }, ANNA);
    expect(await ids()).toEqual([]);
    expect(await journal()).toMatchObject([
      {
        action: 'dead_letter.discard',
        ...ANNA,
        taskId: 17n,
        details: { filter: { task_id: '17' }, count: 2 },
      },
      { details: { filter: {}, letters: [{ dead_letter_id: '3' }] } },
    ]);
  });

  it('stay as they are where an id names none, or the transaction is rolled back', async () => {
    await bury({});
    const unknown = { code: 'TASKER_UNKNOWN_DEAD_LETTER', data: { deadLetterIds: ['7', '8'] } };
    const three = { ids: [1n, 7n, 8n] };
    await expect(redriveDeadLetters(client, three, ANNA)).rejects.toMatchObject(unknown);
    await expect(discardDeadLetters(client, three, ANNA)).rejects.toMatchObject(unknown);
    await client.query('BEGIN');
    await discardDeadLetters(client, { ids: [1n] }, ANNA);
    await client.query('ROLLBACK');
    expect(await deadLetter(client, 1n)).toMatchObject({ redriveAt: undefined });
    expect(await journal()).toEqual([]);
  });

  it('refuse what means nothing, and name the field', async () => {
    const bad = (field: string): object => ({ code: 'TASKER_BAD_ARGUMENT', data: { field } });
    const wrong: [string, object][] = [
      ['limit', { limit: 0 }],
      ['cursor', { cursor: 'x' }],
      ['subscriber', { subscriber: '' }],
      ['subscriber', { subscriber: 'a\0b' }],
      ['names', { names: [] }],
      ['names', { names: ['a*b'] }],
      ['taskId', { taskId: 2n ** 63n }],
      ['reason', { reason: 'bored' }],
      ['since', { since: Number.NaN }],
      ['ids', { ids: [1] }],
    ];
    for (const [field, query] of wrong) {
      await expect(listDeadLetters(client, query)).rejects.toMatchObject(bad(field));
    }
    for (const [field, request] of [
      ['actor', { actor: ' ' }],
      ['actor', { actor: 'a'.repeat(256) }],
      ['reason', { actor: 'anna', reason: 'a\0' }],
    ] as const) {
      await expect(redriveDeadLetters(client, {}, request)).rejects.toMatchObject(bad(field));
    }
    const nothing = { subscriber: undefined } as unknown as DeadLetterQuery;
    await expect(discardDeadLetters(client, nothing, ANNA)).rejects.toMatchObject(bad('filter'));
    const silent = { actor: 'anna' } as typeof ANNA;
    await expect(discardDeadLetters(client, { ids: [1n] }, silent)).rejects.toMatchObject(
      bad('reason'),
    );
    await expect(discardDeadLetters(client, { ids: [] }, ANNA)).rejects.toMatchObject(bad('ids'));
    await expect(deadLetter(client, 1 as unknown as bigint)).rejects.toMatchObject(
      bad('deadLetterId'),
    );
  });
});
