import type { Socket } from 'node:net';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { copyOut } from '../../src/database/copy/copy-out.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { withClient } from './with-client.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase({ migrated: false });
});

afterAll(() => database?.drop());

describe('copyOut', () => {
  test('rows that straddle socket buffers, errors of server and reader', async () => {
    await withClient(database.url, async (client) => {
      const lengths: number[] = [];
      const select = `SELECT n, repeat('x', 1 + (n * 7919) % 150000) FROM generate_series(1, 60) AS n`;
      const lastBytes = new Set<number>();
      const rows = await copyOut(client, select, (view, at) => {
        const length = view.getInt32(at + 8);
        lengths.push(length);
        lastBytes.add(view.getUint8(at + 11 + length));
      });
      expect(rows).toBe(60);
      expect(lastBytes).toEqual(new Set([0x78]));
      expect(lengths).toEqual(
        Array.from({ length: 60 }, (_, at) => 1 + (((at + 1) * 7919) % 150_000)),
      );
      await expect(copyOut(client, 'SELECT nothing', () => undefined)).rejects.toThrow('nothing');
      await expect(
        copyOut(client, 'SELECT 1 / (n - 500) FROM generate_series(1, 1000) AS n', () => undefined),
      ).rejects.toThrow('division by zero');
      const failing = copyOut(client, 'SELECT n FROM generate_series(1, 1000) AS n', () => {
        throw new Error('reader');
      });
      await expect(failing).rejects.toThrow('reader');
      expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
      expect(await copyOut(client, 'SELECT 1 WHERE false', () => undefined)).toBe(0);
    });
  });

  test.each([0, 10, 50_000])(
    'notices, notifications and settings told before and amid %i rows',
    async (count) => {
      await withClient(database.url, async (client) => {
        await client.query(`CREATE OR REPLACE FUNCTION noisy(n int) RETURNS int LANGUAGE plpgsql AS $$
          BEGIN
            RAISE NOTICE 'row %', repeat(n::text, 20);
            IF n % 5 = 0 THEN PERFORM set_config('application_name', 'row ' || n, false); END IF;
            RETURN n;
          END $$`);
        let notices = 0;
        client.on('notice', () => notices++);
        let sum = 0;
        const select = `SELECT noisy(n) FROM generate_series(1, ${count}) AS n`;
        const rows = await copyOut(client, select, (view, at) => {
          sum += view.getInt32(at + 4);
        });
        expect(rows).toBe(count);
        expect(sum).toBe((count * (count + 1)) / 2);
        expect(notices).toBe(count);
        expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
      });
    },
  );

  test('notifications that arrive while copies follow each other', async () => {
    await withClient(database.url, async (listener) => {
      await withClient(database.url, async (notifier) => {
        await listener.query('LISTEN things');
        const told = new Set<string>();
        listener.on('notification', ({ payload }) => told.add(payload ?? ''));
        let sent = 0;
        const padding = 'x'.repeat(5000);
        for (let round = 0; round < 40; round++) {
          const select = `SELECT n FROM generate_series(1, ${round % 2 === 0 ? 20_000 : 3}) AS n`;
          let sum = 0;
          const copies = [0, 1, 2].map(() =>
            copyOut(listener, select, (view, at) => {
              sum += view.getInt32(at + 4);
            }),
          );
          for (let more = 0; more < 25; more++) {
            await notifier.query('SELECT pg_notify($1, $2)', ['things', `${sent++} ${padding}`]);
          }
          const counts = await Promise.all(copies);
          const count = round % 2 === 0 ? 20_000 : 3;
          expect(counts).toEqual([count, count, count]);
          expect(sum).toBe((3 * count * (count + 1)) / 2);
        }
        // the server tells what was notified before it answers
        await listener.query('SELECT 1');
        expect(told.size).toBe(sent);
      });
    });
  });

  test.each([1, 2, 3, 7, 64, 1000])(
    'messages cut into pieces of %i bytes, and a notification that had begun before',
    async (size) => {
      await withClient(database.url, async (client) => {
        const notification = asynchronous('A', Buffer.from('\0\0\0\x01things\0payload\0'));
        const notice = asynchronous('N', Buffer.from('SNOTICE\0C00000\0Mwords\0\0'));
        const told: string[] = [];
        client.on('notification', ({ payload }) => told.push(payload ?? ''));
        client.on('notice', ({ message }) => told.push(message ?? ''));
        const { stream } = (client as unknown as { connection: { stream: Socket } }).connection;
        stream.emit('data', notification.subarray(0, 8));
        const whole = stream.emit.bind(stream);
        let answer = Buffer.concat([notification.subarray(8)]);
        // what the server sends is held back and handed on in pieces, with messages between its own
        stream.emit = ((event: string, ...data: unknown[]) => {
          if (event !== 'data') return whole(event, ...data);
          answer = Buffer.concat([answer, data[0] as Buffer]);
          if (answer.at(-6) !== 0x5a) return true;
          const spliced = spliceIn(answer, notification.length - 8, notice, notification);
          stream.emit = whole;
          for (let at = 0; at < spliced.length; at += size) {
            whole('data', Buffer.from(spliced.subarray(at, at + size)));
          }
          return true;
        }) as typeof stream.emit;
        let sum = 0;
        const rows = await copyOut(
          client,
          'SELECT n FROM generate_series(1, 300) AS n',
          (view, at) => {
            sum += view.getInt32(at + 4);
          },
        );
        expect(rows).toBe(300);
        expect(sum).toBe(45_150);
        expect(told.filter((words) => words === 'words').length).toBeGreaterThan(300);
        expect(told.filter((words) => words === 'payload').length).toBeGreaterThan(300);
        expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
      });
    },
  );
});

function asynchronous(code: string, body: Buffer): Buffer {
  const header = Buffer.alloc(5);
  header.write(code, 'latin1');
  header.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([header, body]);
}

/** The messages from `start` on with others behind each of them. */
function spliceIn(answer: Buffer, start: number, ...between: Buffer[]): Buffer {
  const parts = [answer.subarray(0, start)];
  for (let at = start; at < answer.length;) {
    const end = at + 1 + answer.readUInt32BE(at + 1);
    parts.push(answer.subarray(at, end), ...between);
    at = end;
  }
  return Buffer.concat(parts);
}
