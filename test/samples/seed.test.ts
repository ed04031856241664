import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { connect } from '../../src/database/connection.ts';
import { migrate } from '../../src/database/schema/migrate.ts';
import type { SeedProgress, SeedReport } from '../../src/database/seed/seed.ts';
import { SEED_TABLES } from '../../src/database/seed/seed-tables.ts';
import { seedDatabase, type SeedOptions } from '../../src/samples/seed/seed-database.ts';
import { parseMix } from '../../src/samples/workflows/sample-workflows.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

const NOW = '2026-03-04T05:06:07.123456Z';

async function withClient<Result>(
  url: string,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const client = await connect(url);
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** One text for the content of all tables that a seeding fills. */
async function fingerprint(url: string): Promise<Record<string, string> | undefined> {
  return withClient(url, async (client) => {
    const columns = SEED_TABLES.map(
      (table) =>
        `(SELECT md5(string_agg(md5(row::text), '' ORDER BY row::text)) FROM ${table} AS row) AS ${table}`,
    );
    return (await client.query<Record<string, string>>(`SELECT ${columns.join(', ')}`)).rows[0];
  });
}

describe('seedDatabase', () => {
  let database: TestDatabase;
  let client: pg.Client;
  let report: SeedReport;
  let definitions: unknown;
  const progress: SeedProgress[] = [];

  const indexDefinitions = async (): Promise<unknown> =>
    (
      await client.query(
        `SELECT indexname AS name, indexdef AS text FROM pg_indexes WHERE schemaname = 'public'
         UNION ALL
         SELECT conrelid::regclass || '.' || conname, pg_get_constraintdef(oid) || convalidated
         FROM pg_constraint WHERE connamespace = 'public'::regnamespace
         ORDER BY 1, 2`,
      )
    ).rows;

  const count = async (from: string): Promise<number> => {
    const { rows } = await client.query<{ n: number }>(
      `SELECT count(*)::integer AS n FROM ${from}`,
    );
    return rows[0]?.n ?? -1;
  };

  beforeAll(async () => {
    database = await createTestDatabase();
    client = await connect(database.url);
    definitions = await indexDefinitions();
    report = await seedDatabase({
      url: database.url,
      tasks: 3_000,
      mix: parseMix(),
      now: NOW,
      onProgress: (step) => progress.push(step),
    });
  });

  afterAll(async () => {
    await client.end();
    await database.drop();
  });

  it('reports what it stored and how far it was', async () => {
    expect(report).toMatchObject({ tasks: 3_000, firstTaskId: 1n, lastTaskId: 3_000n });
    expect(await count('tasker_tasks')).toBe(3_000);
    expect(await count('tasker_workflow_steps')).toBe(report.steps);
    expect(await count('tasker_workflow_step_edges')).toBe(report.edges);
    expect(await count('tasker_task_transitions')).toBe(report.taskTransitions);
    expect(await count('tasker_workflow_step_transitions')).toBe(report.stepTransitions);
    expect(report.stepsPerSecond).toBeGreaterThan(0);
    expect([...new Set(progress.map(({ phase }) => phase))]).toEqual([
      ...SEED_TABLES,
      'indexes',
      'vacuum',
    ]);
    for (const table of SEED_TABLES) {
      const done = progress.filter(({ phase }) => phase === table).map((step) => step.done);
      expect(done).toEqual(done.toSorted((a, b) => a - b));
      expect(done.at(-1)).toBe(3_000);
    }
  });

  it('leaves every index and foreign key as it found it', async () => {
    expect(await indexDefinitions()).toEqual(definitions);
  });

  it('has tasks of all workflows with the steps, limits and edges of their template', async () => {
    expect(await count('(SELECT DISTINCT named_task_id FROM tasker_tasks)')).toBe(17);
    const { rows } = await client.query(
      `SELECT named.name AS step, step.retry_limit AS "limit",
              (SELECT string_agg(parent_name.name, ' ' ORDER BY parent.workflow_step_id)
               FROM tasker_workflow_step_edges edge
               JOIN tasker_workflow_steps parent ON parent.workflow_step_id = edge.from_step_id
               JOIN tasker_named_steps parent_name USING (named_step_id)
               WHERE edge.to_step_id = step.workflow_step_id AND parent.task_id = step.task_id AND edge.name = 'provides') AS parents
       FROM tasker_workflow_steps step JOIN tasker_named_steps named USING (named_step_id)
       WHERE step.task_id = (SELECT min(task_id) FROM tasker_tasks JOIN tasker_named_tasks n USING (named_task_id)
                             WHERE n.name = 'customer_analytics')
       ORDER BY step.workflow_step_id`,
    );
    expect(rows).toEqual([
      { step: 'extract_orders', limit: 3, parents: null },
      { step: 'extract_users', limit: 5, parents: null },
      { step: 'extract_products', limit: 3, parents: null },
      { step: 'transform_customer_metrics', limit: 2, parents: 'extract_orders extract_users' },
      { step: 'transform_product_metrics', limit: 2, parents: 'extract_orders extract_products' },
      {
        step: 'generate_insights',
        limit: 3,
        parents: 'transform_customer_metrics transform_product_metrics',
      },
      { step: 'update_dashboard', limit: 3, parents: 'generate_insights' },
      { step: 'send_notifications', limit: 5, parents: 'update_dashboard' },
    ]);
    expect(await count('tasker_named_tasks_named_steps')).toBe(90);
  });

  it('has every situation that a busy system has', async () => {
    const { rows } = await client.query<Record<string, string>>(
      `SELECT coalesce(task.to_state, 'untouched') AS task, coalesce(latest.to_state, 'untouched') AS step, count(*) AS n
       FROM tasker_workflow_steps step
       LEFT JOIN tasker_workflow_step_transitions latest ON latest.workflow_step_id = step.workflow_step_id AND latest.most_recent
       LEFT JOIN tasker_task_transitions task ON task.task_id = step.task_id AND task.most_recent
       GROUP BY 1, 2`,
    );
    const found = new Map(rows.map(({ task, step, n }) => [`${task} / ${step}`, Number(n)]));
    expect([...found.keys()]).toEqual(
      expect.arrayContaining([
        'untouched / untouched',
        'complete / complete',
        'complete / resolved_manually',
        'in_progress / complete',
        'in_progress / in_progress',
        'in_progress / error',
        'in_progress / untouched',
        'error / error',
        'error / untouched',
        'cancelled / cancelled',
        'cancelled / complete',
      ]),
    );
    expect(found.get('complete / complete')).toBeGreaterThan(report.steps / 2);
    const waits = await client.query(
      `SELECT count(*) FILTER (WHERE backoff_request_seconds IS NOT NULL)::integer > 0 AS explicit,
              count(*) FILTER (WHERE backoff_request_seconds IS NULL AND attempts < retry_limit)::integer > 0 AS failure,
              count(*) FILTER (WHERE attempts >= retry_limit)::integer > 0 AS exhausted
       FROM tasker_workflow_steps JOIN tasker_workflow_step_transitions latest USING (workflow_step_id)
       WHERE latest.most_recent AND latest.to_state = 'error'`,
    );
    expect(waits.rows).toEqual([{ explicit: true, failure: true, exhausted: true }]);
  });

  it.each([
    [
      'a step begins before a parent is done',
      `tasker_workflow_step_edges edge
      JOIN tasker_workflow_step_transitions child ON child.workflow_step_id = edge.to_step_id AND child.to_state = 'in_progress'
      LEFT JOIN tasker_workflow_step_transitions parent ON parent.workflow_step_id = edge.from_step_id
        AND parent.to_state IN ('complete', 'resolved_manually')
      WHERE parent.created_at IS NULL OR parent.created_at > child.created_at`,
    ],
    [
      'a transition does not follow on the one before it',
      `(
      SELECT from_state, sort_key, created_at, most_recent,
             lag(to_state, 1, 'pending') OVER owner AS before, lag(created_at) OVER owner AS earlier,
             row_number() OVER owner AS position, count(*) OVER (PARTITION BY kind, id) AS total, kind, to_state
      FROM (SELECT 's' AS kind, workflow_step_id AS id, * FROM (SELECT workflow_step_id, to_state, from_state, sort_key, created_at, most_recent FROM tasker_workflow_step_transitions) s
            UNION ALL SELECT 't', task_id, * FROM (SELECT task_id, to_state, from_state, sort_key, created_at, most_recent FROM tasker_task_transitions) t) AS rows
      WINDOW owner AS (PARTITION BY kind, id ORDER BY sort_key)) AS chained
      WHERE from_state IS DISTINCT FROM before OR earlier > created_at OR sort_key <> position * 10
         OR most_recent <> (position = total) OR created_at > '${NOW}'::timestamp
         OR (from_state, to_state) NOT IN (('pending', 'in_progress'), ('pending', 'cancelled'), ('in_progress', 'complete'),
             ('in_progress', 'error'), ('in_progress', 'cancelled'), ('error', 'pending'), ('error', 'resolved_manually'))`,
    ],
    [
      'the columns of a step belie its transitions',
      `tasker_workflow_steps step
      LEFT JOIN tasker_workflow_step_transitions latest ON latest.workflow_step_id = step.workflow_step_id AND latest.most_recent
      CROSS JOIN LATERAL (SELECT count(*) AS n, max(created_at) AS at FROM tasker_workflow_step_transitions tried
        WHERE tried.workflow_step_id = step.workflow_step_id AND tried.to_state IN ('complete', 'error')) AS tries
      WHERE step.attempts <> tries.n OR step.last_attempted_at IS DISTINCT FROM tries.at OR step.attempts > step.retry_limit
         OR step.processed <> (coalesce(latest.to_state, '') IN ('complete', 'resolved_manually'))
         OR step.processed <> (step.processed_at IS NOT NULL)
         OR step.in_process <> (coalesce(latest.to_state, '') = 'in_progress')
         OR step.created_at > latest.created_at OR step.inputs IS NULL OR step.results IS NULL`,
    ],
    [
      'a task is complete with unfinished steps, or not although all are done',
      `tasker_tasks task
      LEFT JOIN tasker_task_transitions latest ON latest.task_id = task.task_id AND latest.most_recent
      WHERE task.complete <> (coalesce(latest.to_state, '') = 'complete')
         OR task.complete = EXISTS (SELECT FROM tasker_workflow_steps step WHERE step.task_id = task.task_id AND NOT step.processed)
         OR task.context = '{}' OR task.tags <> '[]' OR task.bypass_steps::text <> '[]'
         OR task.identity_hash !~ '^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$'`,
    ],
  ])('in no case %s', async (_fault, from) => {
    expect(await count(from)).toBe(0);
  });

  it('leaves the sequences past the last id and the pages visible to all', async () => {
    const { rows } = await client.query<Record<string, string>>(
      `SELECT nextval('tasker_tasks_task_id_seq') AS task, nextval('tasker_workflow_step_transitions_id_seq') AS transition`,
    );
    expect(rows).toEqual([{ task: '3001', transition: String(report.stepTransitions + 1) }]);
    const { rows: pages } = await client.query(
      'SELECT relname FROM pg_class WHERE relname = ANY ($1) AND (relallvisible < relpages OR reltuples <= 0)',
      [SEED_TABLES],
    );
    expect(pages).toEqual([]);
  });

  it('refuses a database with tasks, and adds to it when forced', async () => {
    const again: SeedOptions = {
      url: database.url,
      tasks: 20_500,
      mix: parseMix('inventory/stock_management=3,linear=1'),
      now: NOW,
    };
    await expect(seedDatabase(again)).rejects.toMatchObject({
      code: 'TASKER_NOT_EMPTY',
      message: expect.stringContaining('force'),
    });
    const before = await count('tasker_tasks');
    const added = await seedDatabase({ ...again, force: true });
    expect(added).toMatchObject({ tasks: 20_500 });
    expect(await count('tasker_tasks')).toBe(before + 20_500);
    expect(await indexDefinitions()).toEqual(definitions);
    expect(await count('tasker_task_namespaces')).toBe(8);
  });
});

describe('seedDatabase, started anew', () => {
  const options = { tasks: 400, mix: parseMix('diamond=2,tree=1'), now: NOW };

  it('gives the same rows for the same seed and others for another', async () => {
    const prints: unknown[] = [];
    for (const seed of [7, 7, 8]) {
      await using database = await createTestDatabase();
      await seedDatabase({ ...options, url: database.url, seed });
      prints.push(await fingerprint(database.url));
    }
    expect(prints[1]).toEqual(prints[0]);
    expect(prints[2]).not.toEqual(prints[0]);
  });

  it('fills the benchmark mix with ten steps a task and about forty transitions', async () => {
    await using database = await createTestDatabase();
    const report = await seedDatabase({
      url: database.url,
      tasks: 1_000,
      mix: parseMix('batch10'),
    });
    expect(report.steps).toBe(10_000);
    expect(report.edges / 1_000).toBeCloseTo(15, 0);
    expect((report.stepTransitions + report.taskTransitions) / 1_000).toBeGreaterThan(35);
  });

  it('works on the full index set of Rails', async () => {
    await using database = await createTestDatabase({ indexes: 'rails' });
    const report = await seedDatabase({ ...options, url: database.url });
    expect(report.tasks).toBe(400);
    expect(await migrate({ url: database.url, indexes: 'rails' })).toMatchObject({
      applied: [],
      createdIndexes: [],
    });
  });

  it('leaves rows of the host application alone that may refer to tasks', async () => {
    await using database = await createTestDatabase();
    const { url } = database;
    await withClient(url, (other) =>
      other.query(`CREATE TABLE orders (id int PRIMARY KEY, task_id bigint REFERENCES tasker_tasks);
        CREATE TABLE order_lines (order_id int REFERENCES orders);
        INSERT INTO orders VALUES (1, NULL);
        INSERT INTO order_lines VALUES (1), (NULL)`),
    );
    expect(await seedDatabase({ ...options, url })).toMatchObject({ tasks: 400 });
    const { rows } = await withClient(url, (other) =>
      other.query(`SELECT (SELECT count(*) FROM orders)::int AS orders,
        (SELECT count(*) FROM order_lines)::int AS lines`),
    );
    expect(rows).toEqual([{ orders: 1, lines: 2 }]);
  });

  it('stores nothing when it is aborted, and can be run then', async () => {
    await using database = await createTestDatabase();
    const controller = new AbortController();
    const aborted = seedDatabase({
      ...options,
      url: database.url,
      tasks: 20_000,
      signal: controller.signal,
      onProgress: ({ phase }) => {
        if (phase === 'tasker_workflow_step_edges') controller.abort(new Error('enough'));
      },
    });
    await expect(aborted).rejects.toThrow('enough');
    expect((await seedDatabase({ ...options, url: database.url })).tasks).toBe(400);
  });

  it.each([
    ['tasks', { tasks: 0 }],
    ['tasks', { tasks: 1.5 }],
    ['seed', { seed: Number.NaN }],
    ['now', { now: 'yesterday' }],
    ['mix', { mix: [] }],
  ])('names a bad %s', async (field, bad) => {
    await expect(
      seedDatabase({ ...options, url: 'postgresql://nowhere.invalid/x', ...bad }),
    ).rejects.toMatchObject({
      code: 'TASKER_BAD_ARGUMENT',
      data: { field },
    });
  });

  it('names a step that depends on no step before it', async () => {
    await using database = await createTestDatabase();
    const [share] = parseMix('linear');
    if (share === undefined) throw new Error('the mix is empty');
    const workflow = { ...share.workflow, steps: share.workflow.steps.toReversed() };
    await expect(
      seedDatabase({ url: database.url, tasks: 1, mix: [{ workflow, weight: 1 }] }),
    ).rejects.toMatchObject({
      code: 'TASKER_BAD_ARGUMENT',
      data: { step: 'finalize_workflow', parent: 'validate_output' },
    });
  });

  it('says so when the schema is missing', async () => {
    await using database = await createTestDatabase({ migrated: false });
    await expect(seedDatabase({ ...options, url: database.url })).rejects.toMatchObject({
      code: 'TASKER_NOT_TASKER_DATABASE',
    });
  });
});
