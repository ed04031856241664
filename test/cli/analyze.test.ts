import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { connect } from '../../src/database/connection.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { goldenDirectory, goldenRows, loadGolden } from '../support/golden.ts';
import { tasker, temporaryDirectory, type Ended } from './tasker.ts';

/**
 * Tasks 1 and 2 are over: `fetch` took 2 and 4 s, `check` 10 s, `pay` 1 s after a failed attempt of
 * an hour. Task 3 is under way: fetch is done, check has been running for long, pay waits, ship waits
 * for both and, needlessly, for fetch; `ship` never ran. Task 4 depends on task 3, and its second
 * step has other settings.
 */
const ROWS = `
  INSERT INTO tasker_task_namespaces (task_namespace_id, name, created_at, updated_at)
    VALUES (9, 'shop', now(), now());
  INSERT INTO tasker_dependent_systems (dependent_system_id, name, created_at, updated_at)
    VALUES (1, 'shop', now(), now());
  INSERT INTO tasker_named_tasks (named_task_id, name, task_namespace_id, created_at, updated_at)
    VALUES (1, 'order', 9, now(), now());
  INSERT INTO tasker_named_steps (named_step_id, dependent_system_id, name, created_at, updated_at)
    SELECT id, 1, name, now(), now()
    FROM (VALUES (1, 'fetch'), (2, 'check'), (3, 'pay'), (4, 'ship')) AS named (id, name);
  INSERT INTO tasker_tasks (task_id, named_task_id, requested_at, identity_hash, created_at, updated_at)
    SELECT id, 1, now(), 'task-' || id, now(), now() FROM generate_series(1, 4) AS id;
  INSERT INTO tasker_workflow_steps
      (workflow_step_id, task_id, named_step_id, retry_limit, created_at, updated_at)
    SELECT id, id / 10, id % 10, 3, now(), now()
    FROM unnest(ARRAY[11, 12, 13, 21, 31, 32, 33, 34, 41]) AS id;
  INSERT INTO tasker_workflow_steps
      (workflow_step_id, task_id, named_step_id, retry_limit, retryable, created_at, updated_at)
    VALUES (42, 4, 2, 5, false, now(), now());
  INSERT INTO tasker_workflow_step_edges (from_step_id, to_step_id, name, created_at, updated_at)
    SELECT from_id, to_id, 'provides', now(), now()
    FROM (VALUES (31, 32), (31, 33), (32, 34), (33, 34), (31, 34), (34, 41), (41, 42))
      AS edge (from_id, to_id);
  INSERT INTO tasker_workflow_step_transitions
      (workflow_step_id, to_state, sort_key, most_recent, created_at, updated_at)
    SELECT step, state, sort_key, latest, timestamp '2026-01-01' + make_interval(secs => at), now()
    FROM (VALUES
      (11, 'in_progress', 10, false, 0), (11, 'complete', 20, true, 2),
      (21, 'in_progress', 10, false, 0), (21, 'complete', 20, true, 4),
      (12, 'in_progress', 10, false, 0), (12, 'complete', 20, true, 10),
      (13, 'in_progress', 10, false, 0), (13, 'error', 20, false, 3600),
      (13, 'in_progress', 30, false, 3700), (13, 'complete', 40, true, 3701),
      (31, 'in_progress', 10, false, 0), (31, 'resolved_manually', 20, true, 7),
      (32, 'in_progress', 10, true, 8)
    ) AS change (step, state, sort_key, latest, at);`;

/** The table row of a step, columns apart. */
function rowOf(text: string, id: number): string[] {
  const line = text.split('\n').find((one) => one.trimStart().startsWith(`${id} `));
  return (line ?? '').trim().split(/ {2,}/);
}

describe('tasker analyze on a database', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
    const client = await connect(database.url);
    await client.query(ROWS);
    await client.end();
  });
  afterAll(() => database.drop());

  async function analyze(...args: string[]): Promise<Ended> {
    const ended = await tasker(['analyze', ...args], { DATABASE_URL: database.url });
    expect(ended.stderr).toBe('');
    return ended;
  }

  test('takes lengths from earlier attempts', async () => {
    const { code, stdout } = await analyze('3', '--json', '--assume', '5', '--runs', '100');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toStrictEqual({
      task_id: 3,
      steps: 4,
      // the upper one of 2 and 4 s, then 10, then the assumption
      seconds: 19,
      critical_path: [31, 32, 34],
      schedule: [
        [31, 'fetch', 0, 4, 'history', 0, 0, 0],
        [32, 'check', 4, 10, 'history', 0, 0, 0],
        [33, 'pay', 4, 1, 'history', 9, 9, 1],
        [34, 'ship', 14, 5, 'assumed', 0, 0, 1],
      ].map(([id, name, start, length, from, total, free, criticality]) => ({
        workflow_step_id: id,
        name,
        start_seconds: start,
        length_seconds: length,
        length_from: from,
        total_slack_seconds: total,
        free_slack_seconds: free,
        criticality,
      })),
      level_widths: [1, 2, 1],
      redundant_edges: [{ from_step_id: 31, to_step_id: 34, reason: 'implied' }],
      finish: {
        can_complete: true,
        // check has run longer than ever before: pay decides
        mean_seconds: 6,
        percentiles: [0.5, 0.9, 0.95, 0.99].map((share) => ({ share, seconds: 6 })),
        runs: 100,
        seed: 1,
      },
      row_problems: [],
    });
  });

  test.each(['0.25', '0', '1000000000'])('--assume %s', async (assume) => {
    const { stdout } = await analyze('3', '--json', '--assume', assume, '--runs', '1');
    expect(JSON.parse(stdout)).toMatchObject({ seconds: 14 + Number(assume) });
  });

  test.each(['-1', '1e3', '.5', '1000000001', 'x', ''])(
    '--assume "%s" is refused',
    async (assume) => {
      const { code, stderr } = await tasker(['analyze', '3', `--assume=${assume}`], {});
      expect(code).toBe(64);
      expect(stderr).toContain(`--assume is "${assume}", not seconds from 0 to 1000000000`);
    },
  );

  test('draws the schedule, the levels and the redundant edges', async () => {
    const { code, stdout } = await analyze('3', '--assume', '5');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^critical path {2}3 steps: fetch > check > ship$/m);
    expect(stdout).toMatch(/^levels {9}3, at most 2 steps side by side$/m);
    expect(stdout).toMatch(
      /^lengths from {3}earlier attempts: 3 steps, an assumption .*: 1 step$/m,
    );
    expect(stdout).toMatch(/^done in {8}p50 6 s, .* \(10,000 runs, seed 1\)$/m);
    expect(rowOf(stdout, 32).slice(0, 6)).toStrictEqual([
      '32',
      'check',
      '4 s',
      '10 s',
      '0 s',
      '0 %',
    ]);
    expect(rowOf(stdout, 32).at(-1)).toMatch(/^#{21}$/);
    expect(rowOf(stdout, 33).at(-1)).toMatch(/^===\.{18}$/);
    expect(rowOf(stdout, 34)).toContain('5 s?');
    expect(stdout).toMatch(/^ +1 {6}2 {2}##$/m);
    expect(stdout).toMatch(/^31 fetch -> 34 ship {2}implied$/m);
  });

  test('a file of durations comes first, and the seed decides the runs', async () => {
    await using directory = await temporaryDirectory();
    const path = join(directory.path, 'durations.json');
    await writeFile(path, JSON.stringify({ pay: { least: 100, most: 200 }, ship: 1 }));
    const read = async (...args: string[]): Promise<{ seconds: number; finish: object }> => {
      const { stdout } = await analyze('3', '--durations', path, '--json', ...args);
      return JSON.parse(stdout) as { seconds: number; finish: object };
    };
    const first = await read();
    expect(first.seconds).toBe(4 + 150 + 1);
    expect(await read('--backend', 'inline')).toStrictEqual(first);
    expect((await read('--seed', '2')).finish).not.toStrictEqual(first.finish);
  });

  test('a blast radius goes across tasks', async () => {
    const { code, stdout } = await analyze('3', '--blast-radius', '33', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toStrictEqual({
      failed_step_ids: [33],
      task_ids: [3, 4],
      steps: [
        { workflow_step_id: 34, task_id: 3, name: 'ship' },
        { workflow_step_id: 41, task_id: 4, name: 'fetch' },
        { workflow_step_id: 42, task_id: 4, name: 'check' },
      ],
      row_problems: [],
    });
    const text = await analyze('3', '--blast-radius', '33');
    expect(text.stdout).toMatch(
      /^If step 33 \(pay\) fails for good, 3 steps of 2 tasks can no longer/,
    );
    expect(rowOf(text.stdout, 41)).toStrictEqual(['41', 'fetch', '4']);
    const nothing = await analyze('4', '--blast-radius', '42');
    expect(nothing.stdout).toBe(
      'If step 42 (check) fails for good, every other step can still run.\n',
    );
  });

  test('two tasks are compared by the names of their steps', async () => {
    const { code, stdout } = await analyze('3', '--compare', '4');
    expect(code).toBe(0);
    expect(stdout.split('\n')).toStrictEqual([
      'From task 3 to task 4:',
      '- step pay',
      '- step ship',
      '~ step check: retry_limit 3 -> 5',
      '~ step check: retryable true -> false',
      '- edge check -> ship',
      '- edge fetch -> pay',
      '- edge fetch -> ship',
      '- edge pay -> ship',
      '',
    ]);
    const json = await analyze('3', '--compare', '4', '--json');
    expect(JSON.parse(json.stdout)).toMatchObject({
      task_id: 3,
      other_task_id: 4,
      removed_steps: ['pay', 'ship'],
      removed_edges: [
        ['check', 'ship'],
        ['fetch', 'pay'],
        ['fetch', 'ship'],
        ['pay', 'ship'],
      ],
    });
    const same = await analyze('3', '--compare', '3');
    expect(same.stdout).toBe('Tasks 3 and 3 have the same graph and settings.\n');
  });

  test.each([
    [['77'], /TASKER_UNKNOWN_TASK: There is no task 77\. /],
    [['3', '--compare', '77'], /TASKER_UNKNOWN_TASK: There is no task 77\. /],
    [['77', '--blast-radius', '33'], /TASKER_UNKNOWN_TASK: There is no task 77\. /],
    [['3', '--blast-radius', '99'], /TASKER_NOT_FOUND: Step 99 /],
    [['3', '--durations', '/nowhere'], /TASKER_BAD_INPUT: \/nowhere cannot be read\. /],
  ])('%j fails with one sentence', async (args, message) => {
    const ended = await tasker(['analyze', ...args, '--database', database.url]);
    expect(ended).toMatchObject({ code: 1, stdout: '' });
    expect(ended.stderr).toMatch(message);
    expect(ended.stderr).toMatch(/^tasker: [^\n]+\n$/);
  });
});

describe('tasker analyze on rows of a directory', () => {
  const directory = fileURLToPath(goldenDirectory('tangled'));

  test('says the same as on a database that holds them, but for history', async () => {
    await using database = await createTestDatabase();
    const client = await connect(database.url);
    await loadGolden(client, 'plain');
    await client.end();
    const plain = fileURLToPath(goldenDirectory('plain'));
    for (const args of [
      ['11000243', '--compare', '11000002', '--json'],
      ['11000243', '--blast-radius', '11002006', '--json'],
    ]) {
      const files = await tasker(['analyze', ...args, '--input', plain]);
      const stored = await tasker(['analyze', ...args, '--database', database.url]);
      expect(files.code).toBe(0);
      expect(stored).toStrictEqual(files);
    }
    const files = await tasker(['analyze', '11000243', '--input', plain]);
    expect(files.stdout).toMatch(/^lengths from {3}an assumption \(nothing is known of them\)/m);
    expect(files.stdout).toMatch(/^done in {8}never, without an operator: /m);
    const stored = await tasker(['analyze', '11000243', '--database', database.url]);
    expect(stored.stdout).toMatch(/^lengths from {3}earlier attempts: /m);
  });

  test('a circle has no schedule, but a blast radius', async () => {
    const circle = await tasker(['analyze', '29000020', '--input', directory]);
    expect(circle).toMatchObject({ code: 1, stdout: '' });
    expect(circle.stderr).toMatch(/^tasker: TASKER_CYCLE: The steps of task 29000020 /);
    const [step] = await stepsOf(29_000_020);
    const blast = await tasker([
      'analyze',
      '29000020',
      '--blast-radius',
      String(step),
      '--input',
      directory,
    ]);
    expect(blast.stdout).toMatch(/^If step \d+ /);
  });
});

async function stepsOf(taskId: number): Promise<number[]> {
  const rows = await goldenRows<{ workflow_step_id: number; task_id: number }>('tangled', 'steps');
  return rows.filter((row) => row.task_id === taskId).map((row) => row.workflow_step_id);
}
