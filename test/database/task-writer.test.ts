import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { connect } from '../../src/database/connection.ts';
import { TaskWriter, type TaskRecord } from '../../src/database/engine/task-writer.ts';
import { storeTemplate } from '../../src/database/engine/template-catalog.ts';
import { parseInstant } from '../../src/graph/snapshot/instants.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { storableTemplate } from './storable-template.ts';

const AT = parseInstant('2030-01-02T03:04:05.000006Z') as number;
const AT_TEXT = '2030-01-02 03:04:05.000006';

let database: TestDatabase;
let client: pg.Client;
let writer: TaskWriter;

beforeAll(async () => {
  database = await createTestDatabase();
  client = await connect(database.url);
  writer = new TaskWriter();
});

afterAll(async () => {
  await client.end();
  await database.drop();
});

type Row = Record<string, unknown>;

async function rowsOf(text: string, ...values: unknown[]): Promise<Row[]> {
  return (await client.query<Row>(text, values)).rows;
}

let identities = 0;
const record = (more: Partial<TaskRecord> = {}): TaskRecord => ({
  context: '{"order": 1}',
  identityHash: `identity-${identities++}`,
  requestedAt: AT - 1,
  initiator: 'somebody',
  sourceSystem: 'shop',
  reason: 'an order',
  tags: ['a', '"b"'],
  bypassSteps: [],
  priority: 3,
  correlationId: 'tsk_1',
  ...more,
});

const DIAMOND = storableTemplate(
  'diamond',
  { a: [], b: ['a'], d: ['c', 'b'], c: ['a'] },
  { b: { retryLimit: 7, retryable: false, skippable: true } },
);

const edgesOf = async (taskId: bigint): Promise<string[]> => {
  const rows = await rowsOf(
    `SELECT concat_ws(' ', p.name, e.name, c.name) AS edge
       FROM tasker_workflow_step_edges e
       JOIN tasker_workflow_steps f ON f.workflow_step_id = e.from_step_id
       JOIN tasker_workflow_steps t ON t.workflow_step_id = e.to_step_id
       JOIN tasker_named_steps p ON p.named_step_id = f.named_step_id
       JOIN tasker_named_steps c ON c.named_step_id = t.named_step_id
      WHERE f.task_id = $1 AND t.task_id = $1 ORDER BY 1`,
    taskId,
  );
  return rows.map(({ edge }) => edge as string);
};

describe('a task', () => {
  it('is stored with the rows that the contract asks for', async () => {
    const stored = await storeTemplate(client, DIAMOND, AT);
    const [parent, task] = await writer.write(
      client,
      stored,
      [record(), record({ parentTaskId: 1n, runAt: AT + 5, traceContext: '00-1' })],
      AT,
    );
    expect(await rowsOf('SELECT * FROM tasker_tasks WHERE task_id = $1', task?.taskId)).toEqual([
      {
        task_id: String(task?.taskId),
        named_task_id: stored.namedTaskId,
        complete: false,
        requested_at: '2030-01-02 03:04:05.000005',
        initiator: 'somebody',
        source_system: 'shop',
        reason: 'an order',
        bypass_steps: [],
        tags: ['a', '"b"'],
        context: { order: 1 },
        identity_hash: 'identity-1',
        created_at: AT_TEXT,
        updated_at: AT_TEXT,
      },
    ]);
    expect(
      await rowsOf('SELECT * FROM tasker_core_tasks WHERE task_id = $1', task?.taskId),
    ).toEqual([
      {
        task_id: String(task?.taskId),
        fleet: 'default',
        priority: 3,
        correlation_id: 'tsk_1',
        parent_task_id: '1',
        run_at: '2030-01-02 03:04:05.000011',
        paused_at: null,
        template_hash: DIAMOND.hash,
        trace_context: '00-1',
      },
    ]);
    if (task?.created !== true || parent?.created !== true) throw new Error('not created');
    const steps = await rowsOf(
      `SELECT s.*, k.name FROM tasker_workflow_steps s JOIN tasker_named_steps k USING (named_step_id)
        WHERE task_id = $1 ORDER BY workflow_step_id`,
      task.taskId,
    );
    expect(steps).toEqual(
      DIAMOND.steps.map((step, position) => ({
        workflow_step_id: String(task.firstStepId + BigInt(position)),
        task_id: String(task.taskId),
        named_step_id: stored.namedStepIds[position],
        name: step.name,
        retryable: step.retryable,
        retry_limit: step.retryLimit,
        skippable: step.skippable,
        in_process: false,
        processed: false,
        processed_at: null,
        attempts: 0,
        last_attempted_at: null,
        backoff_request_seconds: null,
        inputs: { order: 1 },
        results: {},
        created_at: AT_TEXT,
        updated_at: AT_TEXT,
      })),
    );
    const edges = ['a provides b', 'a provides c', 'b provides d', 'c provides d'];
    expect(await edgesOf(task.taskId)).toEqual(edges);
    expect(await edgesOf(parent.taskId)).toEqual(edges);
  });

  it('writes no transition and no event: it is pending, and its start states the fact', async () => {
    const stored = await storeTemplate(client, DIAMOND, AT);
    const [task] = await writer.write(client, stored, [record()], AT);
    const [counts] = await rowsOf(
      `SELECT (SELECT count(*)::int FROM tasker_core_events WHERE task_id = $1) AS events,
              (SELECT count(*)::int FROM tasker_task_transitions WHERE task_id = $1) AS transitions,
              (SELECT count(*)::int FROM tasker_workflow_step_transitions
                 JOIN tasker_workflow_steps USING (workflow_step_id) WHERE task_id = $1) AS steps`,
      task?.taskId,
    );
    expect(counts).toEqual({ events: 0, transitions: 0, steps: 0 });
  });

  it('with bypassed steps has them resolved by hand from the first moment', async () => {
    const stored = await storeTemplate(client, DIAMOND, AT);
    const [plain, task] = await writer.write(
      client,
      stored,
      [record(), record({ bypassSteps: ['c', 'b'], correlationId: 'tsk_2' })],
      AT,
    );
    if (task?.created !== true) throw new Error('not created');
    const states = (taskId: bigint | undefined): Promise<Row[]> =>
      rowsOf(
        `SELECT k.name, s.processed, s.processed_at, s.in_process, s.attempts, s.results,
                x.from_state, x.to_state, x.sort_key, x.most_recent, x.metadata, x.created_at
           FROM tasker_workflow_steps s JOIN tasker_named_steps k USING (named_step_id)
           LEFT JOIN tasker_workflow_step_transitions x USING (workflow_step_id)
          WHERE s.task_id = $1 AND (s.processed OR x.id IS NOT NULL) ORDER BY workflow_step_id`,
        taskId,
      );
    expect(await states(plain?.taskId)).toEqual([]);
    const metadata = { actor: 'bypass', correlation_id: 'tsk_2' };
    expect(await states(task.taskId)).toEqual(
      ['b', 'c'].map((name) => ({
        name,
        processed: true,
        processed_at: AT_TEXT,
        in_process: false,
        attempts: 0,
        results: {},
        from_state: 'pending',
        to_state: 'resolved_manually',
        sort_key: 10,
        most_recent: true,
        metadata,
        created_at: AT_TEXT,
      })),
    );
    const events = await rowsOf(
      'SELECT name, step_id, occurred_at, correlation_id, payload FROM tasker_core_events WHERE task_id = $1 ORDER BY position',
      task.taskId,
    );
    expect(events).toEqual(
      [1n, 3n].map((position) => ({
        name: 'step.resolved_manually',
        step_id: String(task.firstStepId + position),
        occurred_at: AT_TEXT,
        correlation_id: metadata.correlation_id,
        payload: { actor: 'bypass' },
      })),
    );
    // the next move of such a step has a row to change
    const { rows } = await client.query<{ id: string }>(
      'SELECT id FROM tasker_workflow_step_transitions WHERE workflow_step_id = $1',
      [task.firstStepId + 1n],
    );
    expect(rows).toHaveLength(1);
  });

  it('costs one statement, however many there are', async () => {
    const stored = await storeTemplate(client, DIAMOND, AT);
    await writer.write(client, stored, [record()], AT);
    const statements: unknown[] = [];
    const counting = {
      query: (statement: { name: string }) => {
        statements.push(statement.name);
        return client.query(statement as never);
      },
    } as unknown as Pick<pg.Client, 'query'>;
    const records = Array.from({ length: 50 }, () => record());
    const written = await writer.write(counting, stored, records, AT);
    expect(written.every(({ created }) => created)).toBe(true);
    expect(statements).toEqual(['tasker_tasks_001']);
  });

  it('is answered for by the one that holds its identity, and written when that is gone', async () => {
    const stored = await storeTemplate(client, DIAMOND, AT);
    const same = record();
    const [first] = await writer.write(client, stored, [same], AT);
    // deletes the holder between the two statements of the writer
    const racing = {
      query: async (statement: { name: string }) => {
        if (statement.name === 'tasker_identity_holders') {
          const { rows } = await client.query<{ id: string }>(
            'SELECT workflow_step_id AS id FROM tasker_workflow_steps WHERE task_id = $1',
            [first?.taskId],
          );
          const ids = `{${rows.map(({ id }) => id).join(',')}}`;
          await client.query(
            'DELETE FROM tasker_workflow_step_edges WHERE to_step_id = ANY ($1::bigint[])',
            [ids],
          );
          await client.query('DELETE FROM tasker_workflow_steps WHERE task_id = $1', [
            first?.taskId,
          ]);
          await client.query('DELETE FROM tasker_tasks WHERE task_id = $1', [first?.taskId]);
        }
        return client.query(statement as never);
      },
    } as unknown as Pick<pg.Client, 'query'>;
    const [again] = await writer.write(racing, stored, [same], AT);
    expect(again?.created).toBe(true);
    expect(again?.taskId).not.toBe(first?.taskId);
    expect(await writer.write(client, stored, [same], AT)).toEqual([
      { created: false, taskId: again?.taskId },
    ]);
  });

  it('names by code what no column holds and what is gone', async () => {
    const stored = await storeTemplate(client, DIAMOND, AT);
    const nul = writer.write(client, stored, [record({ context: '{"a": "\\u0000"}' })], AT);
    await expect(nul).rejects.toMatchObject({ code: 'TASKER_BAD_ARGUMENT' });
    const gone = { ...stored, namedTaskId: 999_999 };
    const lost = writer.write(client, gone, [record()], AT);
    await expect(lost).rejects.toMatchObject({ code: 'TASKER_NOT_FOUND' });
    expect(await writer.write(client, stored, [], AT)).toEqual([]);
  });
});
