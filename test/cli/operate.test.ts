import { userInfo } from 'node:os';

import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { auditOf } from '../../src/database/audit-log.ts';
import { connect } from '../../src/database/connection.ts';
import { openRepositories, type RepositoryFixture } from '../database/repositories/fixture.ts';
import { newOperatedTask } from '../orchestration/operated-task.ts';
import { createTestDatabase } from '../support/database.ts';
import { type Ended, tasker, taskerProcess } from './tasker.ts';

let fixture: RepositoryFixture;
let client: pg.Client;

beforeAll(async () => {
  fixture = await openRepositories();
  client = await connect(fixture.url);
});

afterAll(async () => {
  await client.end();
  await fixture[Symbol.asyncDispose]();
});

const INSTANT = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z`;

/** Runs a command that succeeds. */
async function operate(...args: string[]): Promise<string> {
  const ended = await tasker([...args, '--database', fixture.url]);
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  return ended.stdout;
}

interface ActionJson {
  readonly action: string;
  readonly task_state: string;
  readonly paused: boolean;
  readonly dry_run: boolean;
  readonly already_done: boolean;
  readonly audit_id: number | null;
  readonly changes: { readonly step_id: number | null; readonly transition_id: number | null }[];
}

const json = async (...args: string[]): Promise<ActionJson> =>
  JSON.parse(await operate(...args, '--json')) as ActionJson;

describe('tasker task', () => {
  test('redrives a failed task: says first what would change, then changes it', async () => {
    const { taskId, steps } = await newOperatedTask(
      fixture,
      client,
      'error',
      ['complete', 'error', 'pending'],
      ['reserve', 'charge', 'ship'],
    );
    const name = `kind_\\d+`;
    const dry = await operate('task', 'redrive', String(taskId), '--dry-run');
    const table = new RegExp(
      `\n\nwhat +id +name +change +attempts allowed\n[- ]+\n` +
        `step +${steps[1]} +charge +error -> pending +3 -> 4\n` +
        `task +${taskId} +${name} +error -> pending -> in_progress\n$`,
    );
    expect(dry).toMatch(table);
    expect(dry).toContain(
      `Nothing was changed. Without --dry-run: 2 changes, and task ${taskId} is in_progress.`,
    );
    expect((await auditOf(client, { taskId })).entries).toEqual([]);

    const done = await operate('task', 'redrive', String(taskId), '--reason', 'it is back');
    expect(done).toMatch(table);
    expect(done).toContain(`Done: 2 changes; task ${taskId} is in_progress.`);
    const { entries } = await auditOf(client, { taskId });
    expect(entries).toMatchObject([
      { action: 'task.redrive', actor: userInfo().username, reason: 'it is back' },
    ]);
    expect(await operate('task', 'redrive', String(taskId))).toBe(
      `Nothing to do: task ${taskId} is in_progress.\n`,
    );
  });

  test('pauses, resumes, hands back and cancels', async () => {
    const { taskId } = await newOperatedTask(fixture, client, 'in_progress', ['pending']);
    const id = String(taskId);
    expect(await json('task', 'pause', id)).toMatchObject({
      action: 'task.pause',
      paused: true,
      already_done: false,
      changes: [{ step_id: null, from: 'running', to: 'paused', transition_id: null }],
    });
    expect(await json('task', 'pause', id)).toMatchObject({
      paused: true,
      already_done: true,
      audit_id: null,
    });
    expect(await operate('task', 'pause', id)).toBe(
      `Nothing to do: task ${id} is in_progress and paused.\n`,
    );
    expect(await json('task', 'resume', id)).toMatchObject({ paused: false, already_done: false });
    expect(await json('task', 'hand-back', id, '--dry-run')).toMatchObject({
      dry_run: true,
      task_state: 'pending',
      paused: true,
      audit_id: null,
    });
    expect(await json('task', 'hand-back', id)).toMatchObject({
      task_state: 'pending',
      paused: true,
    });
    const cancelled = await json(
      'task',
      'cancel',
      id,
      '--actor',
      'anna',
      '--correlation-id',
      't-1',
    );
    expect(cancelled).toMatchObject({ task_state: 'cancelled', changes: [{}, {}] });
    expect((await auditOf(client, { taskId, limit: 1 })).entries).toMatchObject([
      { auditId: BigInt(cancelled.audit_id!), actor: 'anna', details: { correlation_id: 't-1' } },
    ]);
  });

  test('resolves a failed task', async () => {
    const { taskId } = await newOperatedTask(fixture, client, 'error', ['error']);
    expect(await json('task', 'resolve', String(taskId))).toMatchObject({
      task_state: 'resolved_manually',
    });
  });

  test('shows a task, its steps and the journal', async () => {
    const { taskId, steps } = await newOperatedTask(
      fixture,
      client,
      'error',
      ['complete', 'error', 'pending'],
      ['reserve', 'charge', 'ship'],
    );
    await operate('task', 'pause', String(taskId), '--actor', 'anna', '--reason', 'two\nlines');
    const text = await operate('task', 'show', String(taskId));
    expect(text).toMatch(
      new RegExp(
        `^task +${taskId} default/kind_\\d+ 0\\.1\\.0\nstate +error since ${INSTANT}\n` +
          `paused +since ${INSTANT}\nrequested +${INSTANT}\n`,
      ),
    );
    expect(text).toMatch(/^allowed +cancel, pause, resume, redrive, resolve, hand-back$/m);
    expect(text).toMatch(/^steps +3: 1 complete, 1 error, 1 pending$/m);
    expect(text).toMatch(
      new RegExp(`^ *${steps[1]} +charge +error +${INSTANT} +1 of 3 +${INSTANT} +no luck$`, 'm'),
    );
    expect(text).toMatch(new RegExp(`^${INSTANT} +anna +task\\.pause +two lines$`, 'm'));

    expect(JSON.parse(await operate('task', 'show', String(taskId), '--json'))).toMatchObject({
      task_id: Number(taskId),
      state: 'error',
      context: { order: 1 },
      allowed: expect.arrayContaining(['redrive']),
      steps: [
        { name: 'reserve', state: 'complete', next_attempt_at: null, error: null },
        { name: 'charge', state: 'error', attempts: 1, retry_limit: 3, error: 'no luck' },
        { step_id: Number(steps[2]), state: 'pending', attempts: 0 },
      ],
      journal: [{ actor: 'anna', action: 'task.pause', reason: 'two\nlines' }],
    });
  });

  test('tells what a task went through, and the states at an instant', async () => {
    const { taskId, steps } = await newOperatedTask(fixture, client, 'error', ['error', 'pending']);
    const id = String(taskId);
    await operate('step', 'cancel', String(steps[0]), '--actor', 'anna', '--reason', 'why not');
    const text = await operate('task', 'history', id);
    const lines = text.trimEnd().split('\n').slice(2);
    expect(lines.map((line) => line.replace(new RegExp(`^${INSTANT} +`), ''))).toEqual([
      expect.stringMatching(`^task +${id} +kind_\\d+ +created pending$`),
      expect.stringMatching(`^step +${steps[0]} +step_0 +created pending$`),
      expect.stringMatching(`^step +${steps[1]} +step_1 +created pending$`),
      expect.stringMatching(
        `^step +${steps[0]} +step_0 +pending -> in_progress +engine 7 +attempt 1$`,
      ),
      expect.stringMatching(
        `^step +${steps[0]} +step_0 +in_progress -> error +engine 7 +attempt 1$`,
      ),
      expect.stringMatching(`^task +${id} +kind_\\d+ +pending -> in_progress +test$`),
      expect.stringMatching(`^task +${id} +kind_\\d+ +in_progress -> error +test$`),
      expect.stringMatching(
        `^step +${steps[0]} +step_0 +error -> pending +anna +step.cancel: why not$`,
      ),
      expect.stringMatching(
        `^step +${steps[0]} +step_0 +pending -> cancelled +anna +step.cancel: why not$`,
      ),
    ]);
    expect(await operate('history', id)).toBe(text);
    const { rows } = JSON.parse(await operate('task', 'history', id, '--json')) as {
      rows: { at: string }[];
    };
    expect(rows).toHaveLength(lines.length);
    expect(rows[0]).toMatchObject({
      from_state: null,
      to_state: 'pending',
      step_name: null,
      transition_id: null,
    });
    expect(rows.map((row) => row.at)).toEqual(rows.map((row) => row.at).sort());

    // when the step had failed and the task had not yet
    const { at } = rows[4]!;
    const states = await operate('task', 'history', id, '--at', at);
    expect(states).toMatch(new RegExp(`^At ${at}\n\n`));
    expect(states).toMatch(new RegExp(`^task +${id} +pending +${INSTANT}$`, 'm'));
    expect(states).toMatch(new RegExp(`^step +${steps[0]} +error +${at}$`, 'm'));
    expect(JSON.parse(await operate('task', 'history', id, '--at', at, '--json'))).toMatchObject({
      at,
      state: 'pending',
      steps: [{ state: 'error', since: at }, { state: 'pending' }],
    });
  });
});

describe('tasker task list', () => {
  test('gives pages of tasks, the newest first, by state and name', async () => {
    const made: bigint[] = [];
    for (const state of ['error', 'complete', 'error'] as const) {
      const steps = state === 'error' ? (['error', 'complete'] as const) : (['complete'] as const);
      made.push((await newOperatedTask(fixture, client, state, [...steps])).taskId);
    }
    const [first, second, third] = made;
    const list = async (...args: string[]) =>
      JSON.parse(await operate('task', 'list', ...args, '--json')) as {
        tasks: { task_id: number }[];
        next: string | null;
      };
    const page = await list('--state', 'error', '--limit', '1');
    expect(page.tasks).toMatchObject([
      { task_id: Number(third), state: 'error', steps: 2, done_steps: 1, failed_steps: 1 },
    ]);
    const next = await list('--state', 'error', '--limit', '1', '--after', String(page.next));
    expect(next.tasks).toMatchObject([{ task_id: Number(first) }]);
    const { rows } = await client.query<{ name: string }>(
      'SELECT name FROM tasker_named_tasks JOIN tasker_tasks USING (named_task_id) WHERE task_id = $1',
      [second],
    );
    const named = await list('--namespace', 'default', '--name', rows[0]!.name);
    expect(named.tasks.map((task) => task.task_id)).toContain(Number(second));
    expect(await operate('task', 'list', '--name', 'nothing')).toBe('No such tasks.\n');
    const text = await operate('task', 'list', '--limit', '2');
    expect(text).toMatch(
      new RegExp(`^ *${third} +default/kind_\\d+ .* error +${INSTANT} +1/2 +1$`, 'm'),
    );
    expect(text).toMatch(/^More: --after \S+$/m);
  });
});

describe('tasker step', () => {
  test('retries a failed step', async () => {
    const { steps } = await newOperatedTask(fixture, client, 'error', ['error']);
    expect(await json('step', 'retry', String(steps[0]))).toMatchObject({
      action: 'step.retry',
      step_id: Number(steps[0]),
      task_state: 'in_progress',
      changes: [{ retry_limit: { from: 3, to: 4 } }, { step_id: null }],
    });
  });

  test.each([
    ['{"invoice": 17}', { invoice: 17 }],
    ['null', null],
  ])('resolves a step with results %s', async (text, results) => {
    const { steps } = await newOperatedTask(fixture, client, 'in_progress', ['pending']);
    await operate('step', 'resolve', String(steps[0]), '--results', text);
    const { rows } = await client.query(
      `SELECT results, jsonb_typeof(results) IS NULL AS none
         FROM tasker_workflow_steps WHERE workflow_step_id = $1`,
      [steps[0]],
    );
    expect(rows).toEqual([{ results, none: false }]);
  });
});

describe('what cannot be done', () => {
  const refusal = (...args: string[]): Promise<Ended> =>
    tasker([...args, '--database', fixture.url]);

  test('a state that does not allow it', async () => {
    const { taskId, steps } = await newOperatedTask(fixture, client, 'complete', ['complete']);
    expect(await refusal('task', 'pause', String(taskId))).toEqual({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(
        /^tasker: TASKER_INVALID_TRANSITION: Task \d+ \(kind_\d+\) cannot be paused: it is complete, and it can only be cancelled\.\n$/,
      ),
    });
    expect(await refusal('step', 'resolve', String(steps[0]))).toEqual({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(
        /^tasker: TASKER_INVALID_TRANSITION: Step \d+ \(step_0\) cannot be resolved by hand: it is complete, and nothing can be done with it any more\.\n$/,
      ),
    });
  });

  test.each<[args: string[], code: number, text: RegExp]>([
    [['task', 'show', '999999'], 1, /TASKER_UNKNOWN_TASK: There is no task 999999/],
    [['task', 'history', '999999'], 1, /TASKER_UNKNOWN_TASK/],
    [['task', 'cancel', '999999'], 1, /TASKER_UNKNOWN_TASK/],
    [['step', 'cancel', '999999'], 1, /TASKER_NOT_FOUND: There is no workflow step 999999/],
    [['task', 'cancel', 'x'], 64, /task-id is "x", not a 64-bit id/],
    [['task', 'cancel', '1', '--actor', ' '], 64, /actor is " "\. It must be a text of 1 to 255/],
    [['task', 'history', '1', '--at', 'noon'], 64, /--at is "noon", not a UTC timestamp/],
    [['step', 'resolve', '1', '--results', '{'], 64, /--results is "\{", not JSON such as/],
    [['task', 'canel', '1'], 64, /unknown command 'canel' \(Did you mean cancel\?\)/],
  ])('%j', async (args, code, text) => {
    const stderr = expect.stringMatching(text) as string;
    expect(await refusal(...args)).toEqual({ code, stdout: '', stderr });
  });

  test('a database that was not migrated', async () => {
    await using database = await createTestDatabase({ migrated: false });
    const empty = await taskerProcess(['task', 'show', '1'], { DATABASE_URL: database.url });
    expect(empty).toMatchObject({ code: 1, stdout: '' });
    expect(empty.stderr).toContain('TASKER_NOT_TASKER_DATABASE');
  });

  test('a database of a Rails engine, before it is adopted', async () => {
    await using database = await createTestDatabase();
    const owner = await connect(database.url);
    const { rows } = await owner.query<{ name: string }>(
      `SELECT tablename AS name FROM pg_tables
        WHERE tablename LIKE 'tasker\\_core\\_%' AND schemaname = 'public'`,
    );
    await owner.query(`DROP TABLE ${rows.map(({ name }) => name).join(', ')} CASCADE`);
    await owner.end();
    const ended = await tasker(['task', 'cancel', '1'], { DATABASE_URL: database.url });
    expect(ended).toMatchObject({ code: 1, stdout: '' });
    expect(ended.stderr).toContain('TASKER_SCHEMA_VERSION');
    expect(ended.stderr).toContain('tasker migrate');
  });
});
