import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { databaseSource } from '../../src/database/snapshot/snapshot-loader.ts';
import { taskOfStep } from '../../src/database/repositories/step-task-query.ts';
import { parseInstant } from '../../src/graph/snapshot/instants.ts';
import { directorySource } from '../../src/resolver/sources/ndjson-source.ts';
import { answersOf, printed } from '../support/answers.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { goldenDirectory, goldenMeta, loadGolden } from '../support/golden.ts';
import { withClient } from './with-client.ts';

let database: TestDatabase;

// Rows stay as they are; only how they are kept differs from the contract.
const DRIFT = `
  ALTER TABLE tasker_workflow_steps
    ALTER attempts TYPE bigint, ALTER retry_limit TYPE smallint, ALTER backoff_request_seconds TYPE bigint,
    ALTER last_attempted_at TYPE timestamptz USING last_attempted_at AT TIME ZONE 'UTC',
    ALTER retryable DROP NOT NULL, ALTER in_process DROP NOT NULL, ALTER processed DROP NOT NULL,
    ALTER skippable DROP NOT NULL;
  ALTER TABLE tasker_workflow_step_transitions
    ALTER to_state TYPE text, ALTER created_at TYPE timestamptz USING created_at AT TIME ZONE 'UTC';
  ALTER TABLE tasker_tasks ALTER named_task_id TYPE bigint;
  UPDATE tasker_workflow_steps SET retryable = NULL WHERE retryable;
  UPDATE tasker_workflow_steps SET in_process = NULL WHERE NOT in_process;
  UPDATE tasker_workflow_steps SET processed = NULL, skippable = NULL WHERE NOT processed;
  DROP INDEX idx_on_workflow_step_id_most_recent_97d5374ad6;`;

beforeAll(async () => {
  database = await createTestDatabase();
  await withClient(database.url, async (client) => {
    await loadGolden(client, 'plain');
    await client.query(DRIFT);
  });
});

afterAll(() => database.drop());

describe('a database whose columns differ from the contract in type and nullability', () => {
  test('gives the same answers', async () => {
    const nowMicros = parseInstant((await goldenMeta('plain')).now) as number;
    const options = { backend: 'inline' as const, nowMicros };
    const stored = await answersOf(databaseSource({ url: database.url }), options);
    const expected = await answersOf(directorySource(goldenDirectory('plain').pathname), options);
    expect(printed(stored.readiness)).toEqual(printed(expected.readiness));
    expect(printed(stored.contexts)).toEqual(printed(expected.contexts));
  });

  test('can be asked for the task of a step', async () => {
    const [step, task] = await withClient(database.url, async (client) => {
      const { rows } = await client.query<{ step: string; task: string }>(
        'SELECT workflow_step_id AS step, task_id AS task FROM tasker_workflow_steps LIMIT 1',
      );
      return [BigInt(rows[0]!.step), BigInt(rows[0]!.task)];
    });
    expect(await withClient(database.url, (client) => taskOfStep(client, step))).toBe(task);
  });
});

test('a column that is missing is named', async () => {
  await using partial = await createTestDatabase();
  await withClient(partial.url, async (client) => {
    await loadGolden(client, 'plain');
    await client.query('ALTER TABLE tasker_workflow_steps DROP COLUMN retryable CASCADE');
  });
  await expect(
    answersOf(databaseSource({ url: partial.url }), { backend: 'inline' }),
  ).rejects.toMatchObject({
    code: 'TASKER_NOT_TASKER_DATABASE',
    message: expect.stringMatching(/retryable does not exist.*tasker migrate/) as string,
  });
});
