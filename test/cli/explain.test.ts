import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { connect } from '../../src/database/connection.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { goldenDirectory, goldenMeta, goldenRows, loadGolden } from '../support/golden.ts';
import { tasker, taskerProcess } from './tasker.ts';

interface ReadinessRow {
  readonly workflow_step_id: number;
  readonly ready_for_execution: boolean;
  readonly next_retry_at: string | null;
  readonly current_state: string;
}

const directory = fileURLToPath(goldenDirectory('plain'));

describe('tasker explain', () => {
  let database: TestDatabase;
  let rows: ReadinessRow[];
  let now: string;
  beforeAll(async () => {
    database = await createTestDatabase();
    const client = await connect(database.url);
    await loadGolden(client, 'plain');
    await client.end();
    rows = await goldenRows<ReadinessRow>('plain', 'expected_readiness');
    ({ now } = await goldenMeta('plain'));
  });
  afterAll(() => database.drop());

  const explain = async (
    id: number,
    ...args: string[]
  ): Promise<{ stdout: string; code: number }> => {
    const ended = await tasker(['explain', String(id), ...args]);
    expect(ended.stderr).toBe('');
    return ended;
  };

  test('says the same of a database and of its files', async () => {
    const chosen = ['pending', 'in_progress', 'error', 'cancelled', 'complete'].map((state) =>
      rows.find((row) => row.current_state === state)!,
    );
    for (const { workflow_step_id: id } of chosen) {
      for (const rules of ['rails', 'engine']) {
        const common = ['--rules', rules, '--json'];
        const stored = await explain(id, '--database', database.url, '--now', now, ...common);
        const files = await explain(id, '--input', directory, ...common);
        expect(stored).toEqual(files);
        expect(stored.code).toBe(0);
        expect(JSON.parse(stored.stdout)).toMatchObject({
          workflow_step_id: id,
          rules,
          now: `${now}Z`,
        });
      }
    }
  });

  test('a ready step and one that waits', async () => {
    const ready = rows.find((row) => row.ready_for_execution)!;
    const { stdout } = await explain(
      ready.workflow_step_id,
      '--input',
      directory,
      '--rules',
      'rails',
    );
    expect(stdout).toMatch(
      /^Step \d+ \(step_\d+\) of task \d+ may run now: nothing holds it back\.\n$/,
    );
    const early = await explain(
      ready.workflow_step_id,
      '--input',
      directory,
      '--now',
      '2000-01-01',
    );
    expect(early.code).toBe(0);
  });

  test('takes the clock of the database where none is given', async () => {
    const { stdout } = await explain(
      rows[0]!.workflow_step_id,
      '--database',
      database.url,
      '--json',
    );
    const { now: clock } = JSON.parse(stdout) as { now: string };
    expect(clock > `${now}Z`).toBe(true);
  });

  test.each(['database', 'input'])('an unknown step of the %s is not found', async (from) => {
    const where = from === 'input' ? ['--input', directory] : ['--database', database.url];
    const ended = await taskerProcess(['explain', '9223372036854775807', ...where]);
    expect(ended).toMatchObject({ code: 1, stdout: '' });
    expect(ended.stderr).toMatch(
      /^tasker: TASKER_NOT_FOUND: There is no workflow step 9223372036854775807\. [^\n]*\n$/,
    );
  });
});
