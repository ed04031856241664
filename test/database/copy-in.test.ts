import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { connect } from '../../src/database/connection.ts';
import { copyIn } from '../../src/database/copy-in.ts';
import { CopyRows, prepareJsonb, prepareText } from '../../src/database/copy-rows.ts';
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
});
