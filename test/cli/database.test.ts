import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { ANSWER_FILES } from '../../src/cli/answers/answer-files.ts';
import { connect } from '../../src/database/connection.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { goldenDirectory, goldenMeta, loadGolden, type GoldenSet } from '../support/golden.ts';
import { tasker, taskerProcess, temporaryDirectory } from './tasker.ts';

async function golden(set: GoldenSet): Promise<TestDatabase> {
  const database = await createTestDatabase();
  const client = await connect(database.url);
  await loadGolden(client, set);
  await client.end();
  return database;
}

describe.each(['plain', 'tangled'] as const)('tasker resolve on a database with %s', (set) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await golden(set);
  });
  afterAll(() => database.drop());

  test.each(['inline', 'pool'])('%s writes the recorded answers', async (backend) => {
    await using out = await temporaryDirectory();
    const { now } = await goldenMeta(set);
    const ended = await tasker(
      ['resolve', '--now', now, '--backend', backend, '--output', out.path, '--chunk-steps', '500'],
      { DATABASE_URL: database.url },
    );
    expect(ended.stderr).toBe('');
    expect(ended.code).toBe(set === 'plain' ? 0 : 2);
    for (const file of ANSWER_FILES) {
      const expected = await readFile(
        fileURLToPath(new URL(`expected_${file}`, goldenDirectory(set))),
      );
      expect((await readFile(join(out.path, file))).equals(expected), file).toBe(true);
    }
  });

  test('selections', async () => {
    const counts = async (
      ...args: string[]
    ): Promise<{ tasks: number; unknown_tasks: number[] }> => {
      const { stdout, stderr } = await tasker([
        'resolve',
        '--database',
        database.url,
        '--json',
        ...args,
      ]);
      expect(stderr).toBe('');
      return JSON.parse(stdout) as { tasks: number; unknown_tasks: number[] };
    };
    const all = await counts('--all');
    expect(all).toEqual(
      await counts('--namespace', 'default').then((some) => ({ ...some, ...timesOf(all) })),
    );
    const unfinished = await counts('--unfinished');
    expect(unfinished.tasks).toBeGreaterThan(0);
    expect(unfinished.tasks).toBeLessThan(all.tasks);
    const named = await counts('--name', 'golden_1');
    expect(named.tasks).toBeGreaterThan(0);
    expect((await counts('--name', 'golden_1', '--namespace', 'default')).tasks).toBe(named.tasks);
    expect(await counts('--tasks', '1 2')).toMatchObject({ tasks: 0, unknown_tasks: [1, 2] });
  });

  test.each([
    [['--namespace', 'nowhere'], /TASKER_NOT_FOUND: .*nowhere/],
    [['--name', 'nothing', '--task-version', '9'], /TASKER_NOT_FOUND: .*nothing/],
  ])('%j is not there', async (args, message) => {
    const { code, stderr } = await tasker(['resolve', '--database', database.url, ...args]);
    expect(code).toBe(1);
    expect(stderr).toMatch(message);
  });
});

/** Fields that differ from run to run. */
function timesOf(summary: object): object {
  return Object.fromEntries(
    Object.entries(summary).filter(([name]) =>
      /_ms$|^ns_|^now$|^peak|^chunks$|^backend$/.test(name),
    ),
  );
}

describe('a database without the tables', () => {
  test.each([['resolve'], ['explain', '7'], ['seed', '--tasks', '1']])(
    '%s says so',
    async (...args) => {
      await using database = await createTestDatabase({ migrated: false });
      const { code, stdout, stderr } = await tasker([...args, '--database', database.url]);
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toMatch(/^tasker: TASKER_NOT_TASKER_DATABASE: [^\n]*tasker migrate[^\n]*\n$/);
    },
  );
});

test('migrate, seed, resolve and explain, one after another', async () => {
  await using database = await createTestDatabase({ migrated: false });
  const env = { DATABASE_URL: database.url };
  const first = await taskerProcess(['migrate', '--rails-functions', '--json'], env);
  // a slow machine may be told how far it is
  expect(first).toMatchObject({ code: 0, stderr: expect.not.stringContaining('TASKER_') });
  expect(JSON.parse(first.stdout)).toMatchObject({ before: 'empty', rails_functions: true });
  const again = await tasker(['migrate'], env);
  expect(again.code).toBe(0);
  expect(again.stdout).toMatch(/^database was {5}made by tasker-core$/m);
  expect(again.stdout).toMatch(/^applied {10}none$/m);

  const seeded = await tasker(['seed', '--tasks', '40', '--seed', '7', '--json'], env);
  expect(seeded.code).toBe(0);
  expect(JSON.parse(seeded.stdout)).toMatchObject({ tasks: 40 });
  const refused = await tasker(['seed', '--tasks', '1'], env);
  expect(refused).toMatchObject({ code: 1, stdout: '' });
  expect(refused.stderr).toMatch(/^tasker: TASKER_NOT_EMPTY: /);
  const forced = await tasker(['seed', '--tasks', '10', '--mix', 'linear=3,tree', '--force'], env);
  expect(forced.code).toBe(0);
  expect(forced.stdout).toMatch(/^tasks {13}10 \(\d+ to \d+\)$/m);

  const resolved = await tasker(['resolve', '--json'], env);
  expect(resolved.code).toBe(0);
  expect(JSON.parse(resolved.stdout)).toMatchObject({ tasks: 50, read: { tasks: 50 } });
});

test('missing indexes of a database that exists are named', async () => {
  await using database = await createTestDatabase();
  const added = await tasker(['migrate', '--indexes', 'rails', '--database', database.url]);
  expect(added.code).toBe(0);
  expect(added.stdout).toMatch(/^indexes added {4}\S+, /m);
  const client = await connect(database.url);
  const { rows } = await client.query<{ indexname: string }>(
    `SELECT indexname FROM pg_indexes WHERE tablename = 'tasker_workflow_steps' AND indexdef LIKE '%(task_id%'`,
  );
  for (const { indexname } of rows) await client.query(`DROP INDEX "${indexname}"`);
  await client.end();
  expect(rows.length).toBeGreaterThan(0);
  const report = await tasker(['migrate', '--database', database.url]);
  expect(report.stdout).toMatch(/^Queries would be faster with:\n {2}CREATE .*;$/m);
});
