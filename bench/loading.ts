import type pg from 'pg';

import { copyOut } from '../src/database/copy/copy-out.ts';
import { databaseSource } from '../src/database/snapshot/snapshot-loader.ts';
import { Collected, type BenchContext } from './context.ts';
import { timeScenario, type Contestant } from './interleave.ts';
import type { Measured } from './result.ts';

const STEP_COLUMNS = `s.workflow_step_id, s.task_id, s.named_step_id, s.attempts, s.retry_limit,
  s.retryable, s.in_process, s.processed, s.backoff_request_seconds, s.last_attempted_at`;

const STEPS_WITH_STATE = `SELECT ${STEP_COLUMNS}, t.to_state, t.created_at
  FROM tasker_workflow_steps s
  LEFT JOIN tasker_workflow_step_transitions t
    ON t.workflow_step_id = s.workflow_step_id AND t.most_recent = true`;

const EDGES = 'SELECT to_step_id, from_step_id FROM tasker_workflow_step_edges';

/** One array a column and task. */
const COLUMN_ARRAYS = `SELECT s.task_id, array_agg(s.workflow_step_id), array_agg(s.named_step_id),
    array_agg(s.attempts), array_agg(s.retry_limit), array_agg(s.retryable), array_agg(s.in_process),
    array_agg(s.processed), array_agg(s.backoff_request_seconds), array_agg(s.last_attempted_at),
    array_agg(t.to_state), array_agg(t.created_at)
  FROM tasker_workflow_steps s
  LEFT JOIN tasker_workflow_step_transitions t
    ON t.workflow_step_id = s.workflow_step_id AND t.most_recent = true
  GROUP BY s.task_id`;

/** All steps of a task as one byte string, fixed width. */
const PACKED_STEPS = `SELECT s.task_id, string_agg(int8send(s.workflow_step_id) || int4send(s.named_step_id)
    || int4send(coalesce(s.attempts, -1)) || int4send(coalesce(s.retry_limit, -1))
    || int4send(s.retryable::int + s.in_process::int * 2 + s.processed::int * 4)
    || int4send(coalesce(s.backoff_request_seconds, -1))
    || timestamp_send(coalesce(s.last_attempted_at, 'infinity'))
    || timestamp_send(coalesce(t.created_at, 'infinity'))
    || int4send(coalesce(length(t.to_state), 0)), ''::bytea)
  FROM tasker_workflow_steps s
  LEFT JOIN tasker_workflow_step_transitions t
    ON t.workflow_step_id = s.workflow_step_id AND t.most_recent = true
  GROUP BY s.task_id`;

const PACKED_EDGES = `SELECT s.task_id, string_agg(int8send(e.to_step_id) || int8send(e.from_step_id), ''::bytea)
  FROM tasker_workflow_step_edges e
  JOIN tasker_workflow_steps s ON s.workflow_step_id = e.to_step_id GROUP BY s.task_id`;

async function takeRows(client: pg.Client, text: string, rowMode?: 'array'): Promise<void> {
  const query = rowMode === undefined ? { text } : { text, rowMode };
  const { rows } = await client.query(query as { text: string });
  if (rows.length === 0) throw new Error('no rows');
}

async function takeCopy(client: pg.Client, text: string): Promise<void> {
  let bytes = 0;
  const rows = await copyOut(client, text, (view, at) => {
    bytes += view.getInt32(at);
  });
  if (rows === 0 || bytes === 0) throw new Error('no rows');
}

async function takeSource(clients: readonly pg.Client[]): Promise<void> {
  const stream = await databaseSource({ clients }).open({
    chunkSteps: 65_536,
    signal: undefined,
    onProgress: undefined,
  });
  let steps = 0;
  for await (const { views } of stream) steps += views.counts.steps;
  if (steps === 0) throw new Error('no steps');
}

/**
 * Ways from PostgreSQL to the client: only the last two go all the way to finished snapshots, the
 * others stop at rows or bytes and are therefore flattered.
 */
export async function benchLoading(context: BenchContext): Promise<Measured> {
  const collected = new Collected();
  const [steps] = context.sizes(1_000_000) as [number];
  const { databases } = context;
  const clients = [await databases.connect(steps), await databases.connect(steps)];
  const [first] = clients as [pg.Client, pg.Client];
  const contestants: Contestant[] = [
    {
      name: 'rows as objects',
      run: async () => {
        await takeRows(first, STEPS_WITH_STATE);
        await takeRows(first, EDGES);
      },
    },
    {
      name: 'rows as arrays',
      run: async () => {
        await takeRows(first, STEPS_WITH_STATE, 'array');
        await takeRows(first, EDGES, 'array');
      },
    },
    {
      name: 'column arrays, one row a task',
      run: async () => {
        await takeRows(first, COLUMN_ARRAYS, 'array');
        await takeRows(first, EDGES, 'array');
      },
    },
    {
      name: 'packed into bytea, one row a task',
      run: async () => {
        await takeCopy(first, PACKED_STEPS);
        await takeCopy(first, PACKED_EDGES);
      },
    },
    {
      name: 'COPY BINARY, joined on the server',
      run: async () => {
        await takeCopy(first, STEPS_WITH_STATE);
        await takeCopy(first, EDGES);
      },
    },
    { name: 'this loader, 1 connection, to snapshots', run: () => takeSource([first]) },
    { name: 'this loader, 2 connections, to snapshots', run: () => takeSource(clients) },
  ];
  try {
    context.phase('ways from PostgreSQL to the client');
    const rounds = Math.min(context.rounds, 5);
    collected.rows.push(...(await timeScenario('loading', steps, contestants, rounds)));
    return collected;
  } finally {
    await Promise.all(clients.map((client) => client.end()));
  }
}
