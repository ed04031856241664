import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { connect } from '../../src/database/connection.ts';
import { IdBlock } from '../../src/database/id-block.ts';
import { IdRuns } from '../../src/database/engine/id-runs.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
let client: pg.Client;
beforeAll(async () => {
  database = await createTestDatabase({ migrated: false });
  client = await connect(database.url);
});
afterAll(async () => {
  await client.end();
  await database.drop();
});

let sequences = 0;
async function newSequence(): Promise<string> {
  const name = `sequence_${sequences++}`;
  await client.query(`CREATE SEQUENCE ${name}`);
  return name;
}

it('hands out runs one after the other from one block', async () => {
  const runs = new IdRuns(await newSequence(), 100);
  expect(await runs.take(client, 3, 10)).toEqual([1n, 11n, 21n]);
  expect(await runs.take(client, 1, 70)).toEqual([31n]);
  expect(await runs.take(client, 1, 1)).toEqual([101n]);
});

it('fetches more than a block where one request is larger', async () => {
  const runs = new IdRuns(await newSequence(), 10);
  expect(await runs.take(client, 3, 50)).toEqual([1n, 51n, 101n]);
  expect(await runs.take(client, 0, 50)).toEqual([]);
  expect(await runs.take(client, 2, 0)).toEqual([0n, 0n]);
});

it('never gives an id twice, nor one that another session drew', async () => {
  const sequence = await newSequence();
  const others = await Promise.all(Array.from({ length: 3 }, () => connect(database.url)));
  const drawn: bigint[] = [];
  const over = new AbortController();
  const rivals = others.slice(1).map(async (session) => {
    const block = new IdBlock(sequence, 3);
    while (!over.signal.aborted) drawn.push(...(await block.draw(session, 3)));
  });
  const runs = new IdRuns(sequence, 500);
  const [other] = others as [pg.Client];
  const taken: bigint[] = [];
  const takers = [client, other].map(async (session, taker) => {
    for (let round = 0; round < 30; round++) {
      const length = 1 + ((round + taker) % 9) * 7;
      const firsts = await runs.take(session, 5, length);
      for (const first of firsts) {
        for (let at = 0; at < length; at++) taken.push(first + BigInt(at));
      }
    }
  });
  await Promise.all(takers);
  over.abort();
  await Promise.all(rivals);
  const all = [...taken, ...drawn];
  expect(drawn.length).toBeGreaterThan(0);
  expect(new Set(all).size).toBe(all.length);
  await Promise.all(others.map((session) => session.end()));
});

it('a block serves callers at once that wait for it', async () => {
  const block = new IdBlock(await newSequence(), 10);
  await block.draw(client, 4);
  const other = await connect(database.url);
  const drawn = await Promise.all([block.draw(client, 5), block.draw(other, 20)]);
  expect(drawn.map((ids) => ids.length)).toEqual([5, 20]);
  expect(new Set(drawn.flat()).size).toBe(25);
  // six are left for both, and enough for one only
  const more = await Promise.all([block.draw(client, 4), block.draw(other, 4)]);
  expect(new Set(more.flat()).size).toBe(8);
  await other.end();
});
