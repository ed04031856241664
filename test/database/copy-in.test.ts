import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { connect } from '../../src/database/connection.ts';
import { copyIn } from '../../src/database/copy/copy-in.ts';
import { CopyRows, prepareJsonb, prepareText } from '../../src/database/copy/copy-rows.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

describe('copyIn', () => {
  let database: TestDatabase;
  let client: pg.Client;

  beforeAll(async () => {
    database = await createTestDatabase({ migrated: false });
    client = await connect(database.url);
    await client.query(
      'CREATE TABLE things (big bigint, small integer, flag boolean, at timestamp, words text, doc jsonb)',
    );
  });

  afterAll(async () => {
    await client.end();
    await database.drop();
  });

  it('stores every kind of binary field exactly', async () => {
    const out = new CopyRows();
    out.row(6);
    out.int8(Number.MAX_SAFE_INTEGER);
    out.int4(-2_147_483_648);
    out.bool(true);
    out.timestamp(1_767_323_045_000_006);
    out.text('zażółć "x"\t\\');
    out.jsonb('{"a": [1, null]}');
    out.row(6);
    out.int8(-1);
    out.int4(null);
    out.bool(false);
    out.timestamp(-1);
    out.prepared(prepareText('ready'));
    out.prepared(prepareJsonb('[]'));
    out.row(6);
    for (let column = 0; column < 6; column += 1) out.null();
    expect(
      await copyIn(client, 'COPY things FROM STDIN WITH (FORMAT binary)', [out.finish()]),
    ).toBe(3);
    const { rows } = await client.query('SELECT * FROM things ORDER BY big DESC NULLS LAST');
    expect(rows).toEqual([
      {
        big: '9007199254740991',
        small: -2_147_483_648,
        flag: true,
        at: '2026-01-02 03:04:05.000006',
        words: 'zażółć "x"\t\\',
        doc: { a: [1, null] },
      },
      {
        big: '-1',
        small: null,
        flag: false,
        at: '1969-12-31 23:59:59.999999',
        words: 'ready',
        doc: [],
      },
      { big: null, small: null, flag: null, at: null, words: null, doc: null },
    ]);
  });

  it('streams many chunks, waiting for the server', async () => {
    await client.query('CREATE TABLE numbers (n bigint)');
    const out = new CopyRows(1024);
    function* chunks(): Generator<Buffer> {
      for (let n = 0; n < 300_000; n += 1) {
        const due = out.row(1);
        if (due !== undefined) yield due;
        out.int8(n);
      }
      yield out.finish();
    }
    expect(await copyIn(client, 'COPY numbers FROM STDIN WITH (FORMAT binary)', chunks())).toBe(
      300_000,
    );
    expect((await client.query('SELECT sum(n) AS sum FROM numbers')).rows).toEqual([
      { sum: '44999850000' },
    ]);
  });

  it('passes on what the sender throws and keeps the session', async () => {
    async function* broken(): AsyncGenerator<Buffer> {
      yield Buffer.from('1\n');
      throw new Error('no more');
    }
    await expect(copyIn(client, 'COPY numbers FROM STDIN', broken())).rejects.toThrow('no more');
    expect((await client.query('SELECT 1 AS n')).rows).toEqual([{ n: 1 }]);
  });

  it('reports what the server refuses, before and during the data', async () => {
    await expect(copyIn(client, 'COPY absent FROM STDIN', [])).rejects.toThrow(/absent/);
    await expect(copyIn(client, 'COPY numbers FROM STDIN', [Buffer.from('x\n')])).rejects.toThrow(
      /bigint/,
    );
    const endless = (function* () {
      for (;;) yield Buffer.from('x\n'.repeat(10_000));
    })();
    await expect(copyIn(client, 'COPY numbers FROM STDIN', endless)).rejects.toThrow(/bigint/);
    await expect(copyIn(client, 'SET jit = off', [])).rejects.toThrow(TypeError);
    expect((await client.query('SELECT 1 AS n')).rows).toEqual([{ n: 1 }]);
  });

  it('stores values whole that are longer than a chunk, and many of them in a row', async () => {
    await client.query(
      'CREATE TABLE long (words text, doc jsonb, shared text, more jsonb, n bigint)',
    );
    const out = new CopyRows(1024);
    const words = 'ż'.repeat(200_000);
    const doc = JSON.stringify({ words });
    const chunks: Buffer[] = [];
    for (let n = 0; n < 3; n++) {
      const due = out.row(5);
      if (due !== undefined) chunks.push(due);
      out.text(words);
      out.jsonb(doc);
      out.prepared(prepareText(words));
      out.prepared(prepareJsonb(doc));
      out.int8(n);
    }
    chunks.push(out.finish());
    expect(chunks).toHaveLength(3);
    expect(await copyIn(client, 'COPY long FROM STDIN WITH (FORMAT binary)', chunks)).toBe(3);
    const { rows } = await client.query(
      `SELECT n, words = $1 AND shared = $1 AND doc = $2 AND more = $2 AS whole FROM long ORDER BY n`,
      [words, doc],
    );
    expect(rows).toEqual([0, 1, 2].map((n) => ({ n: String(n), whole: true })));
  });

  it('has room for a row of many columns, however small the chunk', async () => {
    const columns = 1500;
    await client.query(
      `CREATE TABLE wide (${Array.from({ length: columns }, (_, at) => `c${at} boolean`).join(', ')})`,
    );
    const out = new CopyRows(16);
    const chunks: Buffer[] = [];
    for (let row = 0; row < 40; row++) {
      const due = out.row(columns);
      if (due !== undefined) chunks.push(due);
      for (let column = 0; column < columns; column++) out.bool(column % 2 === 0);
    }
    chunks.push(out.finish());
    expect(await copyIn(client, 'COPY wide FROM STDIN WITH (FORMAT binary)', chunks)).toBe(40);
  });

  it('stores the ends of what an instant may be', async () => {
    await client.query('CREATE TABLE instants (at timestamp)');
    const ends = [-Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, Infinity, -Infinity];
    const out = new CopyRows();
    for (const at of ends) {
      out.row(1);
      out.timestamp(at);
    }
    await copyIn(client, 'COPY instants FROM STDIN WITH (FORMAT binary)', [out.finish()]);
    const { rows } = await client.query('SELECT at::text AS at FROM instants');
    expect(rows.map((row: { at: string }) => row.at)).toEqual([
      '1684-07-28 00:12:25.259009',
      '2255-06-05 23:47:34.740991',
      'infinity',
      '-infinity',
    ]);
  });

  it.each<[string, (out: CopyRows) => unknown]>([
    ['int4 beyond 32 bits', (out) => out.int4(2 ** 31)],
    ['int4 with a fraction', (out) => out.int4(1.5)],
    ['int4 that is no number', (out) => out.int4(NaN)],
    ['int8 beyond 2^53', (out) => out.int8(2 ** 53)],
    ['int8 with a fraction', (out) => out.int8(0.5)],
    ['int8 that is no number', (out) => out.int8(NaN)],
    ['timestamp that is none', (out) => out.timestamp(NaN)],
    ['timestamp between microseconds', (out) => out.timestamp(0.5)],
    ['timestamp beyond 2^53', (out) => out.timestamp(2 ** 53)],
    ['text with half a pair', (out) => out.text('x\ud800')],
    ['jsonb with half a pair', (out) => out.jsonb('"\udc00"')],
    ['prepared text with half a pair', () => prepareText('\ud800x')],
    ['prepared jsonb with half a pair', () => prepareJsonb('"\ud800"')],
  ])('refuses %s', (_name, write) => {
    const out = new CopyRows();
    out.row(1);
    expect(() => write(out)).toThrow(expect.objectContaining({ code: 'TASKER_BAD_ARGUMENT' }));
  });
});
