import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createRepositories } from '../../../src/database/repositories/index.ts';
import { openRepositories } from './fixture.ts';
import type { RepositoryFixture } from './fixture.ts';

let fixture: RepositoryFixture;
beforeAll(async () => {
  fixture = await openRepositories();
});
afterAll(() => fixture[Symbol.asyncDispose]());

const ids = (rows: readonly { workflowStepId: bigint }[]): bigint[] =>
  rows.map((row) => row.workflowStepId);

describe('tasks', () => {
  it('fills in what the contract says and keeps microseconds', async () => {
    const { tasks, namedTasks } = fixture.repositories;
    const { namedTaskId } = await namedTasks.findOrCreate({ name: 'plain' });
    const created = await tasks.create({
      namedTaskId,
      context: { b: 1, a: 'ä' },
      requestedAt: '2026-03-01T09:30:00.000125Z',
    });
    expect(created).toMatchObject({
      taskId: expect.any(BigInt),
      complete: false,
      initiator: 'unknown',
      sourceSystem: 'unknown',
      reason: 'unknown',
      tags: [],
      bypassSteps: [],
      context: { b: 1, a: 'ä' },
      requestedAt: '2026-03-01T09:30:00.000125Z',
      identityHash: expect.stringMatching(/^[\da-f-]{36}$/),
    });
    expect(await tasks.get(created.taskId)).toEqual(created);
    expect(await tasks.findByIdentityHash(created.identityHash)).toEqual(created);
    const changed = await tasks.update(created.taskId, {
      complete: true,
      tags: ['x'],
      reason: null,
    });
    expect(changed).toMatchObject({ complete: true, tags: ['x'], reason: null });
    const now = await tasks.create({ namedTaskId, context: { a: 1 } });
    expect(Math.abs(Date.parse(now.requestedAt) - Date.now())).toBeLessThan(60_000);
  });

  it.each([
    [{ context: {} }, 'context'],
    [{ context: [] }, 'context'],
    [{ context: null as unknown as object }, 'context'],
    [{ initiator: 'i'.repeat(129) }, 'initiator'],
    [{ identityHash: '' }, 'identityHash'],
    [{ requestedAt: 'yesterday' }, 'requestedAt'],
  ])('refuses %j', async (values, field) => {
    await expect(
      fixture.repositories.tasks.create({ namedTaskId: 1n, context: { a: 1 }, ...values }),
    ).rejects.toMatchObject({ code: 'TASKER_BAD_ARGUMENT', data: { field } });
  });

  it('refuses a second task of one identity', async () => {
    const { tasks, namedTasks } = fixture.repositories;
    const { namedTaskId } = await namedTasks.findOrCreate({ name: 'plain' });
    await tasks.create({ namedTaskId, context: { a: 1 }, identityHash: 'same' });
    await expect(
      tasks.create({ namedTaskId, context: { a: 1 }, identityHash: 'same' }),
    ).rejects.toMatchObject({
      code: 'TASKER_DUPLICATE',
      data: { field: 'identity_hash', constraint: 'index_tasks_on_identity_hash' },
    });
  });

  it('finds tasks by namespace, name and version, page by page', async () => {
    const { tasks, namedTasks } = fixture.repositories;
    const made: bigint[] = [];
    for (const version of ['1.0.0', '1.0.0', '2.0.0']) {
      const kind = await namedTasks.findOrCreate({ namespace: 'found', name: 'it', version });
      made.push((await tasks.create({ namedTaskId: kind.namedTaskId, context: { a: 1 } })).taskId);
    }
    const page = await tasks.byName({ namespace: 'found' }, { limit: 2 });
    expect(page).toMatchObject({ rows: [{ taskId: made[0] }, { taskId: made[1] }], next: made[1] });
    expect(await tasks.byName({ namespace: 'found' }, { after: page.next ?? 0n })).toMatchObject({
      rows: [{ taskId: made[2] }],
    });
    const second = await tasks.byName({ namespace: 'found', name: 'it', version: '2.0.0' });
    expect(second.rows.map((row) => row.taskId)).toEqual([made[2]]);
    expect((await tasks.byName({ name: 'it' })).rows).toEqual([]);
  });

  it('counts a task without transitions as pending', async () => {
    const { tasks, taskTransitions } = fixture.repositories;
    const [untouched, pending, running] = [
      await fixture.newTask(),
      await fixture.newTask(),
      await fixture.newTask(),
    ];
    await taskTransitions.create({ taskId: pending, toState: 'pending' });
    await taskTransitions.create({ taskId: running, toState: 'in_progress' });
    const states = await Promise.all(
      [untouched, pending, running].map((id) => tasks.currentState(id)),
    );
    expect(states).toEqual(['pending', 'pending', 'in_progress']);
    const listed = (await tasks.byState('pending', { after: untouched - 1n })).rows;
    expect(listed.map((row) => row.taskId)).toEqual([untouched, pending]);
    const active = (await tasks.byState('in_progress')).rows.map((row) => row.taskId);
    expect(active).toEqual([running]);
    await expect(tasks.byState('failed' as 'error')).rejects.toMatchObject({
      code: 'TASKER_BAD_ARGUMENT',
      data: { field: 'state', value: 'failed' },
    });
    await expect(tasks.currentState(0n)).rejects.toMatchObject({ code: 'TASKER_NOT_FOUND' });
  });

  it('finds tasks by the text of an annotated value, whatever JSON it is', async () => {
    const { tasks, taskAnnotations, annotationTypes } = fixture.repositories;
    const [text, number, big, nested] = [
      await fixture.newTask(),
      await fixture.newTask(),
      await fixture.newTask(),
      await fixture.newTask(),
    ];
    await taskAnnotations.annotate(text, 'note', { order: '7', 'odd key': 'x' });
    await taskAnnotations.annotate(number, 'note', { order: 7 });
    await taskAnnotations.annotate(nested, 'note', { inner: { order: '7' } });
    await taskAnnotations.annotate(nested, 'other', { order: '7' });
    await fixture.orm.em.fork().execute(
      `insert into tasker_task_annotations (task_id, annotation_type_id, annotation, created_at, updated_at)
       select ${big}, annotation_type_id, '{"order": 12345678901234567890123}', now(), now()
         from tasker_annotation_types where name = 'note'`,
    );
    const found = async (type: string, key: string, value: string): Promise<bigint[]> =>
      (await tasks.byAnnotation({ type, key, value })).rows.map((row) => row.taskId);
    expect(await found('note', 'order', '7')).toEqual([text, number]);
    expect(await found('note', 'order', '7.0')).toEqual([]);
    expect(await found('note', 'odd key', 'x')).toEqual([text]);
    expect(await found('note', 'order', '12345678901234567890123')).toEqual([big]);
    expect(await found('other', 'order', '7')).toEqual([nested]);
    expect(await found('note', 'inner', '7')).toEqual([]);

    const [annotation] = await taskAnnotations.byTask(text);
    const type = await annotationTypes.findByName('other');
    const changed = await taskAnnotations.update(annotation?.taskAnnotationId ?? 0n, {
      annotationTypeId: type?.annotationTypeId ?? 0n,
      annotation: 'a string',
    });
    expect(changed.annotation).toBe('a string');
    await expect(
      taskAnnotations.create({ taskId: 0n, annotationTypeId: changed.annotationTypeId }),
    ).rejects.toMatchObject({ code: 'TASKER_NOT_FOUND', data: { field: 'task_id' } });
  });

  it('purges a task with all that belongs to it and nothing else', async () => {
    const {
      tasks,
      workflowSteps,
      workflowStepEdges,
      workflowStepTransitions,
      taskTransitions,
      taskAnnotations,
    } = fixture.repositories;
    const [doomed, other] = [await fixture.newTask(), await fixture.newTask()];
    const [a = 0n, b = 0n] = await fixture.newSteps(doomed, 'a', 'b');
    const [c = 0n, d = 0n] = await fixture.newSteps(other, 'c', 'd');
    for (const [fromStepId, toStepId] of [
      [a, b],
      [b, c],
      [c, d],
    ] as const) {
      await workflowStepEdges.create({ fromStepId, toStepId });
    }
    await workflowStepTransitions.create({ workflowStepId: a, toState: 'in_progress' });
    await workflowStepTransitions.create({ workflowStepId: a, toState: 'complete' });
    await taskTransitions.create({ taskId: doomed, toState: 'in_progress' });
    await taskAnnotations.annotate(doomed, 'note', { a: 1 });
    await fixture.orm.em.fork().execute(`insert into tasker_core_steps values (${a}, now())`);

    expect(await tasks.purge(doomed)).toEqual({
      stepTransitions: 2,
      edges: 2,
      steps: 2,
      taskTransitions: 1,
      annotations: 1,
      tasks: 1,
    });
    expect(await tasks.find(doomed)).toBeUndefined();
    expect(ids(await workflowSteps.byTask(other))).toEqual([c, d]);
    expect(await workflowStepEdges.byTask(other)).toHaveLength(1);
    await expect(tasks.purge(doomed)).rejects.toMatchObject({ code: 'TASKER_NOT_FOUND' });
    await expect(tasks.delete(other)).rejects.toMatchObject({ code: 'TASKER_IN_USE' });
  });
});

describe('workflow steps', () => {
  it('starts as an engine would create it and keeps every column', async () => {
    const { workflowSteps } = fixture.repositories;
    const taskId = await fixture.newTask();
    const [id = 0n] = await fixture.newSteps(taskId, 'only');
    expect(await workflowSteps.get(id)).toMatchObject({
      taskId,
      attempts: 0,
      retryLimit: 3,
      retryable: true,
      skippable: false,
      inProcess: false,
      processed: false,
      processedAt: null,
      lastAttemptedAt: null,
      backoffRequestSeconds: null,
      inputs: null,
      results: {},
    });
    const changed = await workflowSteps.update(id, {
      attempts: null,
      retryLimit: 0,
      lastAttemptedAt: 'infinity',
      processedAt: '2026-01-02T03:04:05.000006+02:00',
      results: [1],
    });
    expect(changed).toMatchObject({
      attempts: null,
      retryLimit: 0,
      lastAttemptedAt: 'infinity',
      processedAt: '2026-01-02T01:04:05.000006Z',
      results: [1],
    });
    await expect(workflowSteps.update(id, { attempts: 2 ** 31 })).rejects.toMatchObject({
      data: { field: 'attempts', value: 2 ** 31 },
    });
    await expect(workflowSteps.update(id, { processedAt: '2026' })).rejects.toMatchObject({
      data: { field: 'processedAt' },
    });
  });

  it('refuses a second step of one name in a task, also at the same time', async () => {
    const { namedSteps, workflowSteps } = fixture.repositories;
    const taskId = await fixture.newTask();
    const one = await namedSteps.findOrCreate('twice', 'one');
    const two = await namedSteps.findOrCreate('twice', 'two');
    const outcomes = await Promise.allSettled(
      [one, two].map(({ namedStepId }) =>
        createRepositories(fixture.orm.em.fork()).workflowSteps.create({ taskId, namedStepId }),
      ),
    );
    expect(outcomes.map((outcome) => outcome.status).toSorted()).toEqual(['fulfilled', 'rejected']);
    expect(outcomes.find((outcome) => outcome.status === 'rejected')?.reason).toMatchObject({
      code: 'TASKER_DUPLICATE',
    });
    expect(await workflowSteps.byTask(taskId)).toHaveLength(1);
    expect((await workflowSteps.findByName(taskId, 'twice'))?.taskId).toBe(taskId);
    expect(await workflowSteps.findByName(taskId, 'thrice')).toBeUndefined();
  });

  it('knows parents, children and siblings', async () => {
    const { workflowSteps, workflowStepEdges } = fixture.repositories;
    const taskId = await fixture.newTask();
    const [a = 0n, b = 0n, c = 0n, d = 0n, e = 0n, f = 0n] = await fixture.newSteps(
      taskId,
      'a',
      'b',
      'c',
      'd',
      'e',
      'f',
    );
    const edges = [
      [a, c],
      [b, c],
      [a, d],
      [b, d],
      [a, e],
      [a, f],
      [b, f],
      [b, f],
    ] as const;
    for (const [fromStepId, toStepId] of edges) {
      await workflowStepEdges.create({ fromStepId, toStepId });
    }
    expect(ids(await workflowSteps.parents(f))).toEqual([a, b]);
    expect(ids(await workflowSteps.children(a))).toEqual([c, d, e, f]);
    expect(ids(await workflowSteps.siblings(c))).toEqual([d]);
    expect(await workflowSteps.siblings(a)).toEqual([]);
    expect(await workflowSteps.siblings(e)).toEqual([]);
    expect(await workflowStepEdges.between(b, f)).toHaveLength(2);
  });

  it('lists steps by state, untouched ones as pending', async () => {
    const { workflowSteps, workflowStepTransitions } = fixture.repositories;
    const taskId = await fixture.newTask();
    const [a = 0n, b = 0n] = await fixture.newSteps(taskId, 'a', 'b');
    await workflowStepTransitions.create({ workflowStepId: b, toState: 'cancelled' });
    expect(await workflowSteps.currentState(a)).toBe('pending');
    expect(await workflowSteps.currentState(b)).toBe('cancelled');
    expect(ids((await workflowSteps.byState('pending', { after: a - 1n })).rows)).toEqual([a]);
    expect(ids((await workflowSteps.byState('cancelled')).rows)).toEqual([b]);
    await expect(workflowSteps.currentState(0n)).rejects.toMatchObject({
      code: 'TASKER_NOT_FOUND',
    });
  });
});

describe('edges', () => {
  it('refuses an edge that closes a cycle and names its steps', async () => {
    const { workflowStepEdges } = fixture.repositories;
    const [first, second] = [await fixture.newTask(), await fixture.newTask()];
    const [a = 0n, b = 0n] = await fixture.newSteps(first, 'a', 'b');
    const [c = 0n] = await fixture.newSteps(second, 'c');
    const edge = await workflowStepEdges.create({ fromStepId: a, toStepId: b });
    expect(edge.name).toBe('provides');
    await workflowStepEdges.create({ fromStepId: b, toStepId: c, name: 'feeds' });
    await expect(workflowStepEdges.create({ fromStepId: c, toStepId: a })).rejects.toMatchObject({
      code: 'TASKER_CYCLE',
      data: { path: [`${c}`, `${a}`, `${b}`, `${c}`] },
    });
    await expect(workflowStepEdges.create({ fromStepId: a, toStepId: a })).rejects.toMatchObject({
      code: 'TASKER_CYCLE',
      data: { path: [`${a}`, `${a}`] },
    });
    expect(await workflowStepEdges.byTask(second)).toMatchObject([{ fromStepId: b, toStepId: c }]);
    expect(await workflowStepEdges.update(edge.id, { name: 'gives' })).toMatchObject({
      name: 'gives',
    });
    await expect(workflowStepEdges.update(edge.id, { name: '' })).rejects.toMatchObject({
      data: { field: 'name' },
    });
  });

  it('lets only one of two edges in that would close a cycle together', async () => {
    const [a = 0n, b = 0n] = await fixture.newSteps(await fixture.newTask(), 'a', 'b');
    const pairs = [
      { fromStepId: a, toStepId: b },
      { fromStepId: b, toStepId: a },
    ];
    const outcomes = await Promise.allSettled(
      pairs.map((pair) => createRepositories(fixture.orm.em.fork()).workflowStepEdges.create(pair)),
    );
    expect(outcomes.map((outcome) => outcome.status).toSorted()).toEqual(['fulfilled', 'rejected']);
  });

  it('walks dense graphs and stored cycles without getting lost', async () => {
    const { workflowStepEdges } = fixture.repositories;
    const taskId = await fixture.newTask();
    const names = Array.from({ length: 60 }, (_, index) => `s${index}`);
    const steps = await fixture.newSteps(taskId, ...names);
    const rows: string[] = [];
    for (let level = 0; level + 3 < steps.length; level += 2) {
      for (const from of [0, 1]) {
        for (const to of [2, 3]) rows.push(`(${steps[level + from]}, ${steps[level + to]})`);
      }
    }
    rows.push(`(${steps[3]}, ${steps[0]})`);
    await fixture.orm.em.fork().execute(
      `insert into tasker_workflow_step_edges (from_step_id, to_step_id, name, created_at, updated_at)
       select a, b, 'provides', now(), now() from (values ${rows.join(', ')}) v (a, b)`,
    );
    const [outside = 0n] = await fixture.newSteps(await fixture.newTask(), 'outside');
    const last = steps.at(-1) ?? 0n;
    await workflowStepEdges.create({ fromStepId: last, toStepId: outside });
    await expect(
      workflowStepEdges.create({ fromStepId: outside, toStepId: steps[0] ?? 0n }),
    ).rejects.toMatchObject({ code: 'TASKER_CYCLE' });
  });
});

describe('transitions', () => {
  it('appends with the next sort key and hands the flag over', async () => {
    const { taskTransitions } = fixture.repositories;
    const taskId = await fixture.newTask();
    await taskTransitions.create({ taskId, toState: 'in_progress', metadata: null });
    const done = await taskTransitions.create({ taskId, toState: 'complete', fromState: '' });
    expect(await taskTransitions.byTask(taskId)).toMatchObject([
      { toState: 'in_progress', sortKey: 10, mostRecent: false, fromState: null, metadata: {} },
      { toState: 'complete', sortKey: 20, mostRecent: true, fromState: null, metadata: {} },
    ]);
    expect(await taskTransitions.current(taskId)).toEqual(done);
    expect(await taskTransitions.update(done.id, { metadata: { by: 'me' } })).toMatchObject({
      metadata: { by: 'me' },
    });
  });

  it('leaves the current row alone when the new one is history', async () => {
    const { workflowStepTransitions: transitions } = fixture.repositories;
    const [workflowStepId = 0n] = await fixture.newSteps(await fixture.newTask(), 'a');
    const now = await transitions.create({ workflowStepId, toState: 'complete', sortKey: 30 });
    await expect(transitions.update(now.id, { metadata: [] })).rejects.toMatchObject({
      data: { field: 'metadata' },
    });
    await transitions.create({
      workflowStepId,
      toState: 'in_progress',
      sortKey: 20,
      mostRecent: false,
    });
    expect(await transitions.current(workflowStepId)).toEqual(now);
    expect((await transitions.byStep(workflowStepId)).map((row) => row.sortKey)).toEqual([20, 30]);
    await expect(
      transitions.create({ workflowStepId, toState: 'error', sortKey: 30 }),
    ).rejects.toMatchObject({ code: 'TASKER_DUPLICATE' });
    expect(await transitions.current(workflowStepId)).toMatchObject({ id: now.id });
  });

  it('tells a history from the creation on, with the states between', async () => {
    const { taskTransitions, workflowStepTransitions, tasks } = fixture.repositories;
    const taskId = await fixture.newTask();
    const { createdAt } = await tasks.get(taskId);
    await taskTransitions.create({ taskId, toState: 'in_progress' });
    await taskTransitions.create({
      taskId,
      toState: 'error',
      createdAt: '2026-01-01T00:00:00.000001Z',
    });
    expect(await taskTransitions.history(taskId)).toEqual([
      { fromState: null, toState: 'pending', at: createdAt, metadata: {} },
      expect.objectContaining({
        fromState: 'pending',
        toState: 'in_progress',
        id: expect.any(BigInt),
      }),
      expect.objectContaining({
        fromState: 'in_progress',
        toState: 'error',
        at: '2026-01-01T00:00:00.000001Z',
      }),
    ]);
    const [step = 0n] = await fixture.newSteps(taskId, 'a');
    await workflowStepTransitions.create({ workflowStepId: step, toState: 'pending', sortKey: 0 });
    await workflowStepTransitions.create({ workflowStepId: step, toState: 'in_progress' });
    expect(await workflowStepTransitions.history(step)).toMatchObject([
      { fromState: null, toState: 'pending' },
      { fromState: 'pending', toState: 'in_progress' },
    ]);
    await expect(taskTransitions.history(0n)).rejects.toMatchObject({ code: 'TASKER_NOT_FOUND' });
  });

  it.each([
    [{ toState: 'failed' }, 'toState'],
    [{ fromState: 'skipped' }, 'fromState'],
    [{ metadata: [] }, 'metadata'],
    [{ sortKey: 1.5 }, 'sortKey'],
  ])('refuses %j', async (values, field) => {
    await expect(
      fixture.repositories.taskTransitions.create({
        taskId: 1n,
        toState: 'error',
        ...(values as object),
      }),
    ).rejects.toMatchObject({ code: 'TASKER_BAD_ARGUMENT', data: { field } });
  });

  it('does not take a transition of a step that does not exist', async () => {
    await expect(
      fixture.repositories.workflowStepTransitions.create({ workflowStepId: 0n, toState: 'error' }),
    ).rejects.toMatchObject({ code: 'TASKER_NOT_FOUND', data: { field: 'workflow_step_id' } });
  });
});

describe('the view of the graph', () => {
  it('says where each step stands', async () => {
    const { stepDag, workflowStepEdges } = fixture.repositories;
    const taskId = await fixture.newTask();
    const [a = 0n, b = 0n, c = 0n, d = 0n] = await fixture.newSteps(taskId, 'a', 'b', 'c', 'd');
    for (const [fromStepId, toStepId] of [
      [a, b],
      [b, c],
      [a, c],
      [a, c],
    ] as const) {
      await workflowStepEdges.create({ fromStepId, toStepId });
    }
    const loop = `insert into tasker_workflow_step_edges (from_step_id, to_step_id, name, created_at, updated_at) values (${d}, ${d}, 'x', now(), now())`;
    await fixture.orm.em.fork().execute(loop);
    expect(await stepDag.byTask(taskId)).toMatchObject([
      {
        workflowStepId: a,
        parentStepIds: [],
        childStepIds: [b, c, c],
        parentCount: 0n,
        childCount: 3n,
        isRootStep: true,
        isLeafStep: false,
        minDepthFromRoot: 0,
      },
      { workflowStepId: b, parentStepIds: [a], minDepthFromRoot: 1 },
      {
        workflowStepId: c,
        parentStepIds: [a, a, b],
        parentCount: 3n,
        isLeafStep: true,
        minDepthFromRoot: 1,
      },
      { workflowStepId: d, isRootStep: false, minDepthFromRoot: null },
    ]);
    expect(await stepDag.find(c)).toMatchObject({ taskId, workflowStepId: c });
    expect(await stepDag.find(0n)).toBeUndefined();
  });

  it('stops counting after fifty edges', async () => {
    const taskId = await fixture.newTask();
    const names = Array.from({ length: 52 }, (_, index) => `n${index}`);
    const steps = await fixture.newSteps(taskId, ...names);
    const rows = steps.slice(1).map((id, index) => `(${steps[index]}, ${id}, 'p', now(), now())`);
    await fixture.orm.em
      .fork()
      .execute(
        `insert into tasker_workflow_step_edges (from_step_id, to_step_id, name, created_at, updated_at) values ${rows.join(', ')}`,
      );
    const depths = (await fixture.repositories.stepDag.byTask(taskId)).map(
      (row) => row.minDepthFromRoot,
    );
    expect(depths.slice(49)).toEqual([49, 50, null]);
  });
});

describe('transactions', () => {
  it('keeps or drops everything that repositories of one entity manager did', async () => {
    const em = fixture.orm.em.fork();
    const failure = new Error('stop');
    await expect(
      em.transactional(async (inner) => {
        const { taskNamespaces } = createRepositories(inner);
        await taskNamespaces.findOrCreate('vanishing');
        expect(await taskNamespaces.findByName('vanishing')).toBeDefined();
        expect(await fixture.repositories.taskNamespaces.findByName('vanishing')).toBeUndefined();
        throw failure;
      }),
    ).rejects.toBe(failure);
    expect(await fixture.repositories.taskNamespaces.findByName('vanishing')).toBeUndefined();
  });
});
