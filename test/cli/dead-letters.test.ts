import { randomUUID } from 'node:crypto';

import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { auditOf } from '../../src/database/audit-log.ts';
import { connect } from '../../src/database/connection.ts';
import { saveDeadLetter } from '../../src/database/event-store/dead-letters.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { tasker, taskerProcess } from './tasker.ts';

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

/** Three letters: 1 and 2 of mail, 3 of ledger. */
beforeEach(async () => {
  await client.query('TRUNCATE tasker_core_dead_letters, tasker_core_audit RESTART IDENTITY');
  for (const [at, name] of ['mail', 'mail', 'ledger'].entries()) {
    await saveDeadLetter(client, {
      name,
      partition: 0,
      reason: at === 1 ? 'timeout' : 'failed',
      error: { name: 'Error', message: 'no\nroute \u001b[31m' },
      attempts: 5,
      event: {
        position: `10-${at}`,
        eventId: randomUUID(),
        name: at === 1 ? 'step.failed' : 'task.completed',
        taskId: 9007199254740993n,
        stepId: undefined,
        createdAt: '2030-01-02T03:04:05.000006Z',
        payload: { at },
      },
    });
  }
});

async function dlq(...args: string[]): Promise<string> {
  const ended = await tasker(['dlq', ...args, '--database', database.url]);
  expect(ended, ended.stderr).toMatchObject({ code: 0 });
  return ended.stdout;
}

interface PageJson {
  readonly dead_letters: { readonly dead_letter_id: number; readonly redrive_at: string | null }[];
  readonly next: string | null;
}

async function listed(...args: string[]): Promise<number[]> {
  const page = JSON.parse(await dlq('list', ...args, '--json')) as PageJson;
  return page.dead_letters.map((letter) => letter.dead_letter_id);
}

describe('tasker dlq', () => {
  test('lists by filter and by pages', async () => {
    const text = await dlq('list');
    expect(text).toMatch(
      /^id +subscriber +event +task +given up +attempts +why\n[- ]+\n 3 +ledger +task\.completed +9007199254740993 .* 5 +failed: no route \[31m\n/,
    );
    expect(text.trimEnd().split('\n')).toHaveLength(5);
    expect(await listed('--subscriber', 'mail')).toEqual([2, 1]);
    expect(await listed('--event', 'task.*,x.done')).toEqual([3, 1]);
    expect(await listed('--failure', 'timeout')).toEqual([2]);
    expect(await listed('--task', '9007199254740993')).toEqual([3, 2, 1]);
    expect(await listed('--since', '2999-01-01T00:00:00Z')).toEqual([]);
    expect(await listed('--until', '2999-01-01T00:00:00Z')).toEqual([3, 2, 1]);
    expect(await dlq('list', '--subscriber', 'nobody')).toBe('No dead letters.\n');
    const first = await dlq('list', '--limit', '2');
    const cursor = /There are more: --cursor (\S+)\n$/.exec(first)![1]!;
    expect(await listed('--limit', '2', '--cursor', cursor)).toEqual([1]);
  });

  test('shows one with its payload', async () => {
    const text = await dlq('show', '2');
    expect(text).toMatch(
      /^dead letter +2\nsubscriber +mail, part 0\nevent +step\.failed [-0-9a-f]{36}\n/,
    );
    expect(text).toMatch(/^error +Error: no route \[31m$/m);
    expect(text).toMatch(/\n\nPayload\n\{\n {2}"at": 1\n\}\n$/);
    const json = await dlq('show', '2', '--json');
    expect(JSON.parse(json)).toMatchObject({
      dead_letter_id: 2,
      reason: 'timeout',
      error: { name: 'Error', message: 'no\nroute \u001b[31m' },
      payload: { at: 1 },
    });
    expect(json).toContain('"task_id": 9007199254740993');
  });

  test('redrives one, some and all, after saying what it would do', async () => {
    const dry = await dlq('redrive', '--subscriber', 'mail', '--dry-run');
    expect(dry).toBe('Nothing was changed. Without --dry-run: 2 dead letters to be redriven.\n');
    expect(await dlq('redrive', '1', '1', '--actor', 'anna', '--reason', 'it is back')).toBe(
      'Done: 1 dead letter to be redriven.\n',
    );
    expect(await dlq('list', '--subscriber', 'mail')).toMatch(
      / 1 .*failed: no route \[31m \(to be redriven\)\n$/,
    );
    expect(JSON.parse(await dlq('redrive', '--event', 'step.*', '--json'))).toMatchObject({
      action: 'dead_letter.redrive',
      dry_run: false,
      count: 1,
      dead_letter_ids: [2],
      audit_id: 2,
    });
    expect(await dlq('redrive', '--all')).toBe('Done: 1 dead letter to be redriven.\n');
    expect(await dlq('redrive', '--all')).toBe('Nothing to do: no such dead letter.\n');
    expect((await auditOf(client)).entries.at(-1)).toMatchObject({
      action: 'dead_letter.redrive',
      actor: 'anna',
      reason: 'it is back',
    });
  });

  test('discards with a reason', async () => {
    const reason = ['--reason', 'sent by hand'];
    expect(await dlq('discard', '2', ...reason, '--dry-run')).toContain('1 dead letter discarded');
    expect(await listed()).toEqual([3, 2, 1]);
    expect(await dlq('discard', '2', '3', ...reason)).toBe('Done: 2 dead letters discarded.\n');
    expect(await listed()).toEqual([1]);
    expect((await auditOf(client)).entries).toMatchObject([
      { action: 'dead_letter.discard', reason: 'sent by hand', details: { count: 2 } },
    ]);
  });

  test('ends with 64 for a line that means nothing, with 1 for what is not there', async () => {
    const reason = ['--reason', 'so'];
    for (const [args, text] of [
      [['redrive'], 'No dead letters are chosen.'],
      [['redrive', '1', '--all'], '--all is given with what chooses some.'],
      [['redrive', 'x'], 'ids is "x"'],
      [['discard', ...reason], 'No dead letters are chosen.'],
      [['discard', '1'], 'No reason is given.'],
      [['discard', '--all', ...reason], '--all'],
      [['list', '--failure', 'bored'], 'bored'],
      [['list', '--event', ' , '], '--event'],
      [['list', '--event', '*.failed'], 'names is *.failed'],
      [['list', '--limit', '0'], '--limit'],
      [['list', '--cursor', 'x'], 'The cursor "x" is none.'],
      [['list', '--since', 'then'], '--since'],
      [['show'], 'missing required argument'],
      [['show', '1.5'], 'id is "1.5"'],
      [['redrive', '1', '--actor', ' '], 'Option actor'],
      [['burn'], 'burn'],
    ] as const) {
      const ended = await tasker(['dlq', ...args], { DATABASE_URL: database.url });
      expect(ended, args.join(' ')).toMatchObject({ code: 64, stdout: '' });
      expect(ended.stderr).toContain('TASKER_BAD_ARGUMENT');
      expect(ended.stderr).toContain(text);
    }
    for (const args of [
      ['show', '99'],
      ['redrive', '1', '99'],
      ['discard', '99', ...reason],
    ]) {
      const ended = await tasker(['dlq', ...args, '--database', database.url]);
      expect(ended).toMatchObject({ code: 1, stdout: '' });
      expect(ended.stderr).toMatch(
        /^tasker: TASKER_UNKNOWN_DEAD_LETTER: There is no dead letter 99\./,
      );
    }
    expect((await auditOf(client)).entries).toEqual([]);
  });

  test('runs as a process of its own', async () => {
    const ended = await taskerProcess(['dlq', 'list', '--json', '--database', database.url]);
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
    expect((JSON.parse(ended.stdout) as PageJson).dead_letters).toHaveLength(3);
  });
});
