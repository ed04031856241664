import { randomBytes } from 'node:crypto';

import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { readTaskInputs } from '../../src/database/engine/active-tasks.ts';
import { connect } from '../../src/database/connection.ts';
import { createOrm, type TaskerOrm } from '../../src/database/repositories/orm.ts';
import { listenForTasks } from '../../src/database/engine/task-notices.ts';
import { isTaskerError, type TaskerError } from '../../src/errors.ts';
import { parseInstant } from '../../src/graph/snapshot/instants.ts';
import { installRailsFunctions } from '../../src/migrations/rails-functions.ts';
import { TaskInitializer } from '../../src/orchestration/task-initializer.ts';
import type { CreatedTask, TaskRequest } from '../../src/orchestration/task-request.ts';
import { defineTask } from '../../src/templates/define-task.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { waitingSession } from '../database/with-client.ts';

const AT = parseInstant('2030-01-02T03:04:05.000006Z') as number;
const AT_TEXT = '2030-01-02 03:04:05.000006';
const clock = { nowMicros: () => AT };

let database: TestDatabase;
let client: pg.Client;
let other: pg.Client;
let orm: TaskerOrm;
let initializer: TaskInitializer;

beforeAll(async () => {
  database = await createTestDatabase();
  client = await connect(database.url);
  other = await connect(database.url);
  orm = await createOrm({ url: database.url, maxConnections: 2 });
  initializer = new TaskInitializer({ sessions: [() => client, () => other], clock });
});

afterAll(async () => {
  await orm.close();
  await other.end();
  await client.end();
  await database.drop();
});

const diamondNamed = (name: string) =>
  defineTask({ name, namespace: 'shop', dependentSystem: 'warehouse' })
    .step('a', () => 1)
    .step('b', { after: ['a'], skippable: true }, () => 1)
    .step('c', { after: ['a'] }, () => 1)
    .step('d', { after: ['b', 'c'], retry: { limit: 5 } }, () => 1)
    .build();

const DIAMOND = diamondNamed('diamond');
const CONTEXT = { order: 1 };

type Row = Record<string, unknown>;

async function rowsOf(text: string, ...values: unknown[]): Promise<Row[]> {
  return (await client.query<Row>(text, values)).rows;
}

const exists = async ({ taskId }: Pick<CreatedTask, 'taskId'>): Promise<boolean> =>
  (await rowsOf('SELECT FROM tasker_tasks WHERE task_id = $1', taskId)).length === 1;

const edgeCount = async (taskId: bigint): Promise<unknown> => {
  const [row] = await rowsOf(
    `SELECT count(*)::int AS edges FROM tasker_workflow_step_edges
       JOIN tasker_workflow_steps ON workflow_step_id = to_step_id WHERE task_id = $1`,
    taskId,
  );
  return row?.['edges'];
};

async function refusal(work: Promise<unknown>): Promise<TaskerError> {
  const error: unknown = await work.then(
    () => undefined,
    (caught: unknown) => caught,
  );
  if (!isTaskerError(error)) throw new Error(`not refused: ${String(error)}`);
  return error;
}

describe('createTask', () => {
  it('fills in what the request leaves out', async () => {
    const task = await initializer.createTask(DIAMOND, { context: CONTEXT });
    expect(task).toEqual({
      taskId: expect.any(BigInt),
      created: true,
      firstStepId: expect.any(BigInt),
      correlationId: expect.stringMatching(/^tsk_[0-9a-z]+_[0-9a-z]{6}$/),
    });
    const [row] = await rowsOf(
      `SELECT t.*, c.*, n.name, s.name AS namespace, n.version, n.configuration FROM tasker_tasks t
         JOIN tasker_core_tasks c USING (task_id) JOIN tasker_named_tasks n USING (named_task_id)
         JOIN tasker_task_namespaces s USING (task_namespace_id) WHERE task_id = $1`,
      task.taskId,
    );
    expect(row).toMatchObject({
      name: 'diamond',
      namespace: 'shop',
      version: '0.1.0',
      configuration: {},
      context: CONTEXT,
      initiator: 'unknown',
      source_system: 'unknown',
      reason: 'unknown',
      tags: [],
      bypass_steps: [],
      complete: false,
      requested_at: AT_TEXT,
      created_at: AT_TEXT,
      identity_hash: expect.stringMatching(/^[0-9a-f-]{36}$/),
      priority: 0,
      correlation_id: task.correlationId,
      parent_task_id: null,
      run_at: null,
      template_hash: DIAMOND.hash,
      trace_context: null,
    });
    const graphs = await rowsOf(
      'SELECT graph FROM tasker_core_graphs WHERE template_hash = $1',
      DIAMOND.hash,
    );
    expect(graphs).toEqual([{ graph: Buffer.from(DIAMOND.packed) }]);
  });

  it('stores what the request says', async () => {
    const parent = await initializer.createTask(DIAMOND, { context: CONTEXT });
    const { taskId } = await initializer.createTask(DIAMOND, {
      context: { text: 'é"\\\u2028<' },
      priority: -5,
      runAt: '2030-01-02T05:04:05.000007+02:00',
      requestedAt: '2029-12-31T23:59:59.999999Z',
      correlationId: 'order-7',
      initiator: 'ä'.repeat(128),
      sourceSystem: '😀'.repeat(128),
      reason: '',
      tags: ['x', 'y'],
      bypassSteps: ['b'],
      parentTaskId: parent.taskId,
      traceContext: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    });
    const [row] = await rowsOf(
      'SELECT * FROM tasker_tasks JOIN tasker_core_tasks USING (task_id) WHERE task_id = $1',
      taskId,
    );
    expect(row).toMatchObject({
      context: { text: 'é"\\\u2028<' },
      priority: -5,
      run_at: '2030-01-02 03:04:05.000007',
      requested_at: '2029-12-31 23:59:59.999999',
      correlation_id: 'order-7',
      initiator: 'ä'.repeat(128),
      source_system: '😀'.repeat(128),
      reason: '',
      tags: ['x', 'y'],
      bypass_steps: ['b'],
      parent_task_id: String(parent.taskId),
      trace_context: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    });
  });

  it('tells engines, unless told not to', async () => {
    const listener = await connect(database.url);
    const heard = Promise.withResolvers<bigint[]>();
    await listenForTasks(listener, heard.resolve);
    await initializer.createTask(DIAMOND, { context: CONTEXT }, { notify: false });
    const { taskId } = await initializer.createTask(DIAMOND, { context: CONTEXT });
    expect(await heard.promise).toEqual([taskId]);
    await listener.end();
  });

  it('names the session that is missing', async () => {
    const none = new TaskInitializer({ sessions: [], clock });
    const error = await refusal(none.createTask(DIAMOND, { context: CONTEXT }));
    expect(error).toMatchObject({ code: 'TASKER_BAD_ARGUMENT', data: { field: 'client' } });
  });
});

describe('in the transaction of the caller', () => {
  it('a task exists if and only if a client commits', async () => {
    const template = diamondNamed('by_client');
    await client.query('BEGIN');
    const lost = await initializer.createTask(template, { context: CONTEXT }, { client });
    expect(await exists(lost)).toBe(true);
    await client.query('ROLLBACK');
    expect(await exists(lost)).toBe(false);
    // its catalog rows are gone as well, and must not be remembered
    await client.query('BEGIN');
    const kept = await initializer.createTask(template, { context: CONTEXT }, { client });
    const { rows } = await other.query('SELECT FROM tasker_tasks WHERE task_id = $1', [
      kept.taskId,
    ]);
    expect(rows).toEqual([]);
    await client.query('COMMIT');
    expect(await exists(kept)).toBe(true);
    const alone = await initializer.createTask(template, { context: CONTEXT });
    expect(await exists(alone)).toBe(true);
  });

  it('a task exists if and only if an entity manager commits', async () => {
    const template = diamondNamed('by_em');
    const listener = await connect(database.url);
    const heard = Promise.withResolvers<bigint[]>();
    await listenForTasks(listener, heard.resolve);
    let lost: CreatedTask | undefined;
    const work = orm.em.fork().transactional(async (em) => {
      lost = await initializer.createTask(template, { context: CONTEXT }, { em });
      const rows = await em.execute('SELECT 1 AS one FROM tasker_tasks WHERE task_id = ?', [
        lost.taskId,
      ]);
      expect(rows).toHaveLength(1);
      expect(await exists(lost)).toBe(false);
      throw new Error('changed my mind');
    });
    await expect(work).rejects.toThrow('changed my mind');
    expect(await exists(lost as CreatedTask)).toBe(false);

    const kept = await orm.em.fork().transactional(async (em) => {
      const [first] = await initializer.createTasks(
        template,
        [{ context: CONTEXT, bypassSteps: ['b'] }, { context: { other: 'ü' } }],
        { em },
      );
      return first as CreatedTask;
    });
    expect(await exists(kept)).toBe(true);
    expect(await edgeCount(kept.taskId)).toBe(4);
    expect(await heard.promise).toEqual([kept.taskId, kept.taskId + 1n]);
    await listener.end();
  });

  it('an identity is seen that the caller has written, and one that waits is returned', async () => {
    const request = { context: CONTEXT, identity: { key: 'inside' } };
    const created = await orm.em.fork().transactional(async (em) => {
      const first = await initializer.createTask(DIAMOND, request, { em });
      const again = await initializer.createTask(DIAMOND, request, { em });
      expect(again).toEqual({
        taskId: first.taskId,
        created: false,
        firstStepId: undefined,
        correlationId: undefined,
      });
      return first;
    });
    expect((await initializer.createTask(DIAMOND, request)).taskId).toBe(created.taskId);
  });
});

describe('the identity', () => {
  it('is always new by default', async () => {
    const [first, second] = await initializer.createTasks(DIAMOND, [
      { context: CONTEXT },
      { context: CONTEXT },
    ]);
    expect([first?.created, second?.created]).toEqual([true, true]);
  });

  it('of a key holds within namespace and name, in one call and later, whatever the version', async () => {
    const request = (key: string): TaskRequest => ({ context: CONTEXT, identity: { key } });
    const tasks = await initializer.createTasks(DIAMOND, [
      request('one'),
      request('two'),
      request('one'),
    ]);
    expect(tasks.map(({ created }) => created).filter(Boolean)).toHaveLength(2);
    expect(tasks[0]?.taskId).toBe(tasks[2]?.taskId);
    const later = { ...DIAMOND, version: '2.0.0' };
    expect(await initializer.createTask(later, request('two'))).toMatchObject({
      taskId: tasks[1]?.taskId,
      created: false,
    });
    const elsewhere = await initializer.createTask(diamondNamed('elsewhere'), request('two'));
    expect(elsewhere.created).toBe(true);
  });

  it('of Rails holds for a minute', async () => {
    const request = { context: CONTEXT, identity: 'rails', reason: 'test' } as const;
    const first = await initializer.createTask(DIAMOND, request);
    expect(await initializer.createTask(DIAMOND, { ...request, tags: ['x'] })).toMatchObject({
      taskId: first.taskId,
      created: false,
    });
    const next = { ...request, requestedAt: '2030-01-02T03:05:00Z' };
    expect((await initializer.createTask(DIAMOND, next)).created).toBe(true);
  });

  it('that is taken is an error where asked for', async () => {
    const request = { context: CONTEXT, identity: { key: 'strict' } };
    const { taskId } = await initializer.createTask(DIAMOND, request, { onDuplicate: 'error' });
    const error = await refusal(
      initializer.createTasks(DIAMOND, [{ context: CONTEXT }, request], { onDuplicate: 'error' }),
    );
    expect(error.code).toBe('TASKER_DUPLICATE_TASK');
    expect(error.data).toEqual({
      taskId: String(taskId),
      duplicates: [{ index: 1, taskId: String(taskId) }],
    });
  });

  it('goes to one of two sessions that race for it, and the other gets the same task', async () => {
    const third = await connect(database.url);
    const requests = ['r3', 'r1', 'r2'].map((key) => ({ context: CONTEXT, identity: { key } }));
    await client.query('BEGIN');
    const first = await initializer.createTasks(DIAMOND, requests, { client });
    const racing = initializer.createTasks(DIAMOND, requests.toReversed(), { client: other });
    await waitingSession(third);
    await client.query('COMMIT');
    const second = await racing;
    expect(first.every(({ created }) => created)).toBe(true);
    expect(second.every(({ created }) => !created)).toBe(true);
    expect(second.map(({ taskId }) => taskId).toReversed()).toEqual(
      first.map(({ taskId }) => taskId),
    );
    await third.end();
  });

  it('is free again when the session that was quicker rolls back', async () => {
    const third = await connect(database.url);
    const request = { context: CONTEXT, identity: { key: 'given up' } };
    await client.query('BEGIN');
    const first = await initializer.createTask(DIAMOND, request, { client });
    const racing = initializer.createTask(DIAMOND, request, { client: other });
    await waitingSession(third);
    await client.query('ROLLBACK');
    const second = await racing;
    expect(second.created).toBe(true);
    expect(second.taskId).not.toBe(first.taskId);
    await third.end();
  });
});

describe('a template hook', () => {
  const hooked = defineTask({ name: 'hooked' })
    .step('first', () => 1)
    .step('middle', () => 1)
    .step('last', { after: ['first'] }, () => 1)
    .hooks({
      establishDependencies: ({ context, task, stepNames }) => {
        const { mode } = context as { mode: string };
        if (mode === 'none') return undefined;
        if (mode === 'throw') throw new Error('not today');
        if (mode === 'cycle') return { after: { first: ['last'] } };
        if (mode === 'unknown') return { after: { first: ['nowhere'] } };
        if (mode === 'no step') return { after: { nowhere: ['first'] } };
        if (mode === 'no list') return { after: { last: 'middle' as unknown as string[] } };
        if (mode === 'no answer') return 'done' as unknown as undefined;
        if (mode === 'nobody') return { inputs: { nobody: 1 } };
        if (mode === 'circular') {
          const circle: Record<string, unknown> = {};
          circle['self'] = circle;
          return { inputs: { first: circle } };
        }
        return {
          after: { last: ['middle'] },
          inputs: { middle: { stepNames, reason: task.reason } },
        };
      },
    })
    .build();

  it('adds edges and inputs to its task alone', async () => {
    const [plain, more] = await initializer.createTasks(hooked, [
      { context: { mode: 'none' } },
      { context: { mode: 'more' }, reason: 'test' },
    ]);
    expect(await edgeCount(plain!.taskId)).toBe(1);
    expect(await edgeCount(more!.taskId)).toBe(2);
    const hashes = await rowsOf(
      `SELECT template_hash, g.graph IS NOT NULL AS stored FROM tasker_core_tasks
         LEFT JOIN tasker_core_graphs g USING (template_hash)
        WHERE task_id = ANY ($1::bigint[]) ORDER BY task_id`,
      `{${plain!.taskId},${more!.taskId}}`,
    );
    expect(hashes[0]).toEqual({ template_hash: hooked.hash, stored: true });
    expect(hashes[1]).toEqual({ template_hash: expect.any(String), stored: true });
    expect(hashes[1]?.['template_hash']).not.toBe(hooked.hash);
    const inputs = await rowsOf(
      'SELECT inputs FROM tasker_workflow_steps WHERE task_id = $1 ORDER BY workflow_step_id',
      more!.taskId,
    );
    expect(inputs.map((row) => row['inputs'])).toEqual([
      { mode: 'more' },
      { stepNames: ['first', 'middle', 'last'], reason: 'test' },
      { mode: 'more' },
    ]);
    const [read] = await readTaskInputs(client, [more!.taskId]);
    expect(read?.context).toEqual({ mode: 'more' });
    expect([...read!.inputs]).toEqual([
      [more!.firstStepId! + 1n, { stepNames: ['first', 'middle', 'last'], reason: 'test' }],
    ]);
    expect([...read!.results.values()].filter((value) => value !== null)).toEqual([]);
  });

  it.each([
    ['cycle', 'TASKER_CYCLE'],
    ['unknown', 'TASKER_DANGLING_EDGE'],
    ['no step', 'TASKER_INVALID_TEMPLATE'],
    ['no list', 'TASKER_BAD_ARGUMENT'],
    ['no answer', 'TASKER_BAD_ARGUMENT'],
    ['nobody', 'TASKER_BAD_ARGUMENT'],
    ['circular', 'TASKER_BAD_ARGUMENT'],
  ])('is refused: %s', async (mode, code) => {
    const requests = [
      { context: { mode: 'none' }, identity: { key: mode } },
      { context: { mode } },
    ];
    const error = await refusal(initializer.createTasks(hooked, requests));
    expect(error.code).toBe(code);
    const [first] = requests;
    // nothing was written
    expect((await initializer.createTask(hooked, first!)).created).toBe(true);
  });

  it('that throws refuses the task', async () => {
    const work = initializer.createTask(hooked, { context: { mode: 'throw' } });
    await expect(work).rejects.toThrow('not today');
  });
});

describe.each(['lean', 'rails'] as const)('on the %s index set', (indexes) => {
  it('a Rails reader sees the new steps ready and waiting as they are', async () => {
    await using own = await createTestDatabase({ indexes });
    const session = await connect(own.url);
    try {
      await installRailsFunctions(session);
      const maker = new TaskInitializer({ sessions: [() => session], clock });
      const tasks = await maker.createTasks(DIAMOND, [
        { context: CONTEXT },
        { context: CONTEXT, bypassSteps: ['b'] },
      ]);
      const views = [];
      for (const { taskId } of tasks) {
        const { rows } = await session.query<Row>(
          'SELECT * FROM get_step_readiness_status($1) ORDER BY workflow_step_id',
          [taskId],
        );
        views.push(
          rows.map((row) => [
            row['name'],
            row['current_state'],
            row['ready_for_execution'],
            row['dependencies_satisfied'],
            row['total_parents'],
            row['completed_parents'],
          ]),
        );
        const { rows: contexts } = await session.query<Row>(
          'SELECT execution_status, ready_steps::int FROM get_task_execution_context($1)',
          [taskId],
        );
        expect(contexts).toEqual([{ execution_status: 'has_ready_steps', ready_steps: 1 }]);
      }
      expect(views).toEqual([
        [
          ['a', 'pending', true, true, 0, 0],
          ['b', 'pending', false, false, 1, 0],
          ['c', 'pending', false, false, 1, 0],
          ['d', 'pending', false, false, 2, 0],
        ],
        [
          ['a', 'pending', true, true, 0, 0],
          ['b', 'resolved_manually', false, false, 1, 0],
          ['c', 'pending', false, false, 1, 0],
          ['d', 'pending', false, false, 2, 1],
        ],
      ]);
    } finally {
      await session.end();
    }
  });
});

describe('createTasks', () => {
  it.each([false, true])('creates 10,000 tasks on two sessions (trusted: %s)', async (trusted) => {
    const template = diamondNamed(`bulk_${trusted}`);
    const requests = Array.from({ length: 10_000 }, (_, number) => ({
      context: { number },
      priority: number,
    }));
    const tasks = await initializer.createTasks(template, requests, { trusted, notify: false });
    expect(new Set(tasks.map(({ taskId }) => taskId)).size).toBe(10_000);
    const [counts] = await rowsOf(
      `SELECT count(*)::int AS steps, count(DISTINCT task_id)::int AS tasks,
              (SELECT count(*)::int FROM tasker_workflow_step_edges e
                 JOIN tasker_workflow_steps f ON f.workflow_step_id = e.from_step_id
                 JOIN tasker_workflow_steps t ON t.workflow_step_id = e.to_step_id
                 JOIN tasker_tasks own ON own.task_id = t.task_id
                WHERE f.task_id = t.task_id AND own.named_task_id = max(n.named_task_id)) AS edges
         FROM tasker_workflow_steps JOIN tasker_tasks USING (task_id)
         JOIN tasker_named_tasks n USING (named_task_id) WHERE n.name = $1`,
      template.name,
    );
    expect(counts).toEqual({ tasks: 10_000, steps: 40_000, edges: 40_000 });
    const [row] = await rowsOf(
      `SELECT context, priority, array_agg(workflow_step_id::text ORDER BY workflow_step_id) AS ids
         FROM tasker_tasks JOIN tasker_core_tasks USING (task_id) JOIN tasker_workflow_steps USING (task_id)
        WHERE task_id = $1 GROUP BY context, priority`,
      tasks[7777]!.taskId,
    );
    const first = tasks[7777]!.firstStepId!;
    expect(row).toEqual({
      context: { number: 7777 },
      priority: 7777,
      ids: [0n, 1n, 2n, 3n].map((at) => String(first + at)),
    });
    const [role] = await rowsOf('SHOW session_replication_role');
    expect(role).toEqual({ session_replication_role: 'origin' });
  });

  it('keeps calls at once out of each other’s transactions', async () => {
    const template = diamondNamed('at_once');
    const failing = { context: CONTEXT, identity: { key: 'at once' } };
    const calls = Array.from({ length: 12 }, (_, call) =>
      initializer.createTasks(template, [{ context: { call } }, failing], {
        trusted: call % 2 === 0,
        notify: false,
      }),
    );
    const tasks = (await Promise.all(calls)).flat();
    expect(tasks.filter(({ created }) => created)).toHaveLength(13);
    const stored = await rowsOf(
      'SELECT task_id FROM tasker_tasks JOIN tasker_named_tasks USING (named_task_id) WHERE name = $1',
      template.name,
    );
    expect(stored).toHaveLength(13);
  });

  it('says by code that the user may not load without checks, and stores nothing', async () => {
    const role = `loader_${randomBytes(4).toString('hex')}`;
    await client.query(`CREATE ROLE ${role}`);
    await client.query(`GRANT ALL ON ALL TABLES IN SCHEMA public TO ${role}`);
    await client.query(`GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO ${role}`);
    const session = await connect(database.url);
    try {
      await session.query(`SET ROLE ${role}`);
      const maker = new TaskInitializer({ sessions: [() => session], clock });
      const request = { context: CONTEXT, identity: { key: 'unprivileged' } };
      const error = await refusal(maker.createTasks(DIAMOND, [request], { trusted: true }));
      expect(error.code).toBe('TASKER_NOT_PERMITTED');
      // the session is usable, and the key was not taken
      expect((await maker.createTask(DIAMOND, request)).created).toBe(true);
    } finally {
      await session.end();
      await client.query(`DROP OWNED BY ${role}`);
      await client.query(`DROP ROLE ${role}`);
    }
  });

  it('says by code that the connection was lost, and goes on with a new one', async () => {
    let session = await connect(database.url);
    const maker = new TaskInitializer({ sessions: [() => session], clock });
    await maker.prepare(DIAMOND);
    const ended = Promise.withResolvers<void>();
    session.once('end', ended.resolve);
    const { processID } = session as unknown as { processID: number };
    await client.query('SELECT pg_terminate_backend($1)', [processID]);
    await ended.promise;
    const error = await refusal(maker.createTask(DIAMOND, { context: CONTEXT }));
    expect(error.code).toBe('TASKER_DATABASE_UNREACHABLE');
    session = await connect(database.url);
    expect((await maker.createTask(DIAMOND, { context: CONTEXT })).created).toBe(true);
    await session.end();
  });

  it('answers nothing with nothing', async () => {
    expect(await initializer.createTasks(DIAMOND, [])).toEqual([]);
  });

  it('creates tasks without steps', async () => {
    const empty = defineTask({ name: 'empty' }).build();
    const [task] = await initializer.createTasks(empty, [{ context: CONTEXT }]);
    expect(task?.created).toBe(true);
  });

  it('checks all requests before it writes one', async () => {
    const requests = [
      { context: CONTEXT, identity: { key: 'checked first' } },
      { context: CONTEXT, priority: 0.5 },
    ];
    const error = await refusal(initializer.createTasks(DIAMOND, requests));
    expect(error.data['field']).toBe('requests[1].priority');
    expect((await initializer.createTask(DIAMOND, requests[0]!)).created).toBe(true);
  });

  it('names the parent that does not exist', async () => {
    const requests = [{ context: CONTEXT }, { context: CONTEXT, parentTaskId: 999_999_999n }];
    const error = await refusal(initializer.createTasks(DIAMOND, requests));
    expect(error).toMatchObject({
      code: 'TASKER_UNKNOWN_TASK',
      data: { field: 'requests[1].parentTaskId', taskId: '999999999' },
    });
  });

  it.each([false, true])(
    'stores a template again that somebody deleted (trusted: %s)',
    async (trusted) => {
      const template = diamondNamed(`purged_${trusted}`);
      const { namedTaskId } = await initializer.prepare(template);
      await rowsOf(
        'DELETE FROM tasker_named_tasks_named_steps WHERE named_task_id = $1',
        namedTaskId,
      );
      await rowsOf('DELETE FROM tasker_named_tasks WHERE named_task_id = $1', namedTaskId);
      const [task] = await initializer.createTasks(template, [{ context: CONTEXT }], { trusted });
      expect(task?.created).toBe(true);
      const stored = await initializer.prepare(template);
      expect(stored.namedTaskId).not.toBe(namedTaskId);
    },
  );

  it.each([
    [{ onDuplicate: 'ignore' }, 'onDuplicate'],
    [{ unknown: 1 }, 'options.unknown'],
    [{ client: {}, em: {} }, 'em'],
    [{ client: {}, trusted: true }, 'trusted'],
    [null, 'options'],
  ])('refuses the options %j', async (options, field) => {
    const error = await refusal(
      initializer.createTasks(DIAMOND, [{ context: CONTEXT }], options as object),
    );
    expect(error).toMatchObject({ code: 'TASKER_BAD_ARGUMENT', data: { field } });
  });

  it('refuses what is no list of requests', async () => {
    const error = await refusal(initializer.createTasks(DIAMOND, 'x' as unknown as []));
    expect(error).toMatchObject({ code: 'TASKER_BAD_ARGUMENT', data: { field: 'requests' } });
  });
});

describe('a refused request', () => {
  const strict = defineTask({
    name: 'strict',
    context: {
      type: 'object',
      properties: { order: { type: 'integer' }, lines: { type: 'array' } },
      required: ['order', 'lines'],
    },
  })
    .step('a', () => 1)
    .step('b', { skippable: true }, () => 1)
    .build();
  const fine = { context: { order: 1, lines: [] } };

  it.each<[string, unknown, string]>([
    ['priority', 1.5, 'priority'],
    ['priority', 2 ** 31, 'priority'],
    ['priority', '1', 'priority'],
    ['runAt', 'tomorrow', 'runAt'],
    ['runAt', 'infinity', 'runAt'],
    ['runAt', new Date(0), 'runAt'],
    ['requestedAt', '2026-02-30T00:00:00Z', 'requestedAt'],
    ['requestedAt', '2026-02-30T00:00:00+99:99', 'requestedAt'],
    ['identity', 'never', 'identity'],
    ['identity', null, 'identity'],
    ['identity', { key: '' }, 'identity.key'],
    ['identity', { key: '\ud800' }, 'identity.key'],
    ['identity', { key: 'a', scope: 'b' }, 'identity.scope'],
    ['correlationId', '', 'correlationId'],
    ['correlationId', '-a', 'correlationId'],
    ['correlationId', 'a b', 'correlationId'],
    ['correlationId', 'a'.repeat(101), 'correlationId'],
    ['correlationId', 7, 'correlationId'],
    ['initiator', 'x'.repeat(129), 'initiator'],
    ['initiator', 5, 'initiator'],
    ['sourceSystem', 'a\0b', 'sourceSystem'],
    ['reason', '\udc00', 'reason'],
    ['reason', '😀'.repeat(129), 'reason'],
    ['tags', 'a', 'tags'],
    ['tags', ['a', 1], 'tags[1]'],
    ['tags', ['a\0'], 'tags[0]'],
    ['bypassSteps', ['nowhere'], 'bypassSteps[0]'],
    ['bypassSteps', ['b', 'a'], 'bypassSteps[1]'],
    ['bypassSteps', ['b', 'b'], 'bypassSteps[1]'],
    ['parentTaskId', 5, 'parentTaskId'],
    ['parentTaskId', 0n, 'parentTaskId'],
    ['parentTaskId', 2n ** 63n, 'parentTaskId'],
    ['traceContext', 'x'.repeat(1025), 'traceContext'],
    ['prioritie', 5, 'request.prioritie'],
  ])('%s = %s', async (field, value, named) => {
    const request = { ...fine, [field]: value };
    const error = await refusal(initializer.createTask(strict, request));
    expect(error.code).toBe('TASKER_BAD_ARGUMENT');
    expect(error.data['field']).toBe(named);
  });

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a list', [1]],
    ['an empty object', {}],
    ['nothing that JSON keeps', { order: undefined }],
    ['text by toJSON', { toJSON: () => 'x' }],
    ['a bigint', { order: 1n, lines: [] }],
    ['NUL', { order: 1, lines: ['\0'] }],
    ['half a surrogate pair', { order: 1, lines: ['\ud83d'] }],
  ])('context: %s', async (_, context) => {
    const request = { context } as unknown as typeof fine;
    const error = await refusal(initializer.createTask(strict, request));
    expect(error.code).toBe('TASKER_INVALID_CONTEXT');
    expect(error.data).toMatchObject({ field: 'context', problems: [{ pointer: '' }] });
  });

  it('names every problem of a context that does not fit', async () => {
    const request = { context: { order: 'x' } } as unknown as typeof fine;
    const error = await refusal(initializer.createTasks(strict, [fine, request]));
    expect(error.code).toBe('TASKER_INVALID_CONTEXT');
    expect(error.data['field']).toBe('requests[1].context');
    const problems = error.data['problems'] as { keyword: string }[];
    expect(problems.map(({ keyword }) => keyword).sort()).toEqual(['required', 'type']);
  });

  it('request: none', async () => {
    const error = await refusal(initializer.createTask(strict, null as unknown as typeof fine));
    expect(error).toMatchObject({ code: 'TASKER_BAD_ARGUMENT', data: { field: 'request' } });
  });
});
