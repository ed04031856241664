import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createRepositories } from '../../../src/database/repositories/index.ts';
import { compareVersions } from '../../../src/database/repositories/named-task-repository.ts';
import { waitingSession, withClient } from '../with-client.ts';
import { openRepositories } from './fixture.ts';
import type { RepositoryFixture } from './fixture.ts';

let fixture: RepositoryFixture;
beforeAll(async () => {
  fixture = await openRepositories();
});
afterAll(() => fixture[Symbol.asyncDispose]());

describe('task namespaces', () => {
  it('creates, reads, updates and deletes', async () => {
    const { taskNamespaces } = fixture.repositories;
    const created = await taskNamespaces.create({ name: 'payments', description: 'money' });
    expect(created).toEqual({
      taskNamespaceId: expect.any(BigInt),
      name: 'payments',
      description: 'money',
      createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
      updatedAt: created.createdAt,
    });
    expect(await taskNamespaces.get(created.taskNamespaceId)).toEqual(created);
    const changed = await taskNamespaces.update(created.taskNamespaceId, { description: null });
    expect(changed).toMatchObject({ name: 'payments', description: null });
    expect(changed.updatedAt > created.updatedAt).toBe(true);
    await taskNamespaces.delete(created.taskNamespaceId);
    expect(await taskNamespaces.find(created.taskNamespaceId)).toBeUndefined();
  });

  it('finds or creates the default namespace once, also at the same time', async () => {
    const forks = [1, 2, 3, 4].map(() => createRepositories(fixture.orm.em.fork()));
    const rows = await Promise.all(forks.map((one) => one.taskNamespaces.findOrCreate()));
    expect(new Set(rows.map((row) => row.taskNamespaceId)).size).toBe(1);
    expect(rows[0]).toMatchObject({ name: 'default' });
  });

  it('takes the row of another session that creates it in between, and goes on', async () => {
    await withClient(fixture.url, async (client) => {
      await client.query('begin');
      await client.query(
        `insert into tasker_task_namespaces (name, created_at, updated_at) values ('raced', now(), now())`,
      );
      const outcome = fixture.orm.em.fork().transactional(async (em) => {
        const { taskNamespaces } = createRepositories(em);
        await taskNamespaces.create({ name: 'before' });
        const raced = await taskNamespaces.findOrCreate('raced');
        await taskNamespaces.create({ name: 'after' });
        return raced;
      });
      await waitingSession(client);
      await client.query('commit');
      expect(await outcome).toMatchObject({ name: 'raced' });
    });
    const { taskNamespaces } = fixture.repositories;
    expect(await taskNamespaces.findByName('before')).toBeDefined();
    expect(await taskNamespaces.findByName('after')).toBeDefined();
  });

  it('names a value that no column holds, and keeps what the database says', async () => {
    const { taskNamespaces, namedTasks, tasks } = fixture.repositories;
    await expect(taskNamespaces.create({ name: 'nul\0' })).rejects.toMatchObject({
      code: 'TASKER_BAD_ARGUMENT',
      data: { table: 'tasker_task_namespaces', reason: '22021' },
      cause: { code: '22021' },
    });
    const { namedTaskId } = await namedTasks.findOrCreate({ name: 'values' });
    for (const [values, reason] of [
      [{ context: { text: 'nul\0' } }, '22P05'],
      [{ context: { text: '\ud800' } }, '22P02'],
      [{ context: { a: 1 }, requestedAt: '2026-02-30T00:00:00Z' }, '22008'],
    ] as const) {
      await expect(tasks.create({ namedTaskId, ...values })).rejects.toMatchObject({
        code: 'TASKER_BAD_ARGUMENT',
        data: { reason },
      });
    }
    await expect(
      tasks.create({ namedTaskId, context: { a: 1 }, requestedAt: '12026-01-01T00:00:00+01:00' }),
    ).rejects.toMatchObject({ code: 'TASKER_BAD_ARGUMENT', data: { field: 'requestedAt' } });
  });

  it('refuses bad values by field, and a second row of one name', async () => {
    const { taskNamespaces } = fixture.repositories;
    await expect(taskNamespaces.create({ name: ' ' })).rejects.toMatchObject({
      code: 'TASKER_BAD_ARGUMENT',
      data: { field: 'name', value: ' ' },
    });
    await expect(taskNamespaces.create({ name: 'x'.repeat(65) })).rejects.toMatchObject({
      data: { field: 'name' },
    });
    await expect(
      taskNamespaces.create({ name: 'y', description: 'd'.repeat(256) }),
    ).rejects.toMatchObject({ data: { field: 'description' } });
    await taskNamespaces.create({ name: 'x'.repeat(64) });
    await expect(taskNamespaces.create({ name: 'x'.repeat(64) })).rejects.toMatchObject({
      code: 'TASKER_DUPLICATE',
      data: { table: 'tasker_task_namespaces', field: 'name', value: 'x'.repeat(64) },
    });
    await expect(taskNamespaces.update(1n, { name: '' })).rejects.toMatchObject({
      code: 'TASKER_BAD_ARGUMENT',
    });
  });

  it('counts characters as the database does', async () => {
    const { taskNamespaces } = fixture.repositories;
    const name = '🙂'.repeat(64);
    expect(await taskNamespaces.create({ name })).toMatchObject({ name });
    await expect(taskNamespaces.create({ name: `${name}a` })).rejects.toMatchObject({
      data: { field: 'name' },
    });
  });

  it('does not delete a namespace in use, and tells when there is nothing to delete', async () => {
    const { taskNamespaces, namedTasks } = fixture.repositories;
    const kind = await namedTasks.findOrCreate({ namespace: 'used', name: 'a' });
    await expect(taskNamespaces.delete(kind.taskNamespaceId)).rejects.toMatchObject({
      code: 'TASKER_IN_USE',
    });
    await expect(taskNamespaces.delete(999_999n)).rejects.toMatchObject({
      code: 'TASKER_NOT_FOUND',
    });
    await expect(taskNamespaces.get(999_999n)).rejects.toMatchObject({ code: 'TASKER_NOT_FOUND' });
    await expect(taskNamespaces.update(999_999n, { name: 'z' })).rejects.toMatchObject({
      code: 'TASKER_NOT_FOUND',
    });
  });

  it('lists pages behind a key until there is no next', async () => {
    const { taskNamespaces } = fixture.repositories;
    for (const name of ['p1', 'p2', 'p3']) await taskNamespaces.create({ name });
    const all = await taskNamespaces.list();
    expect(all.next).toBeUndefined();
    const seen: string[] = [];
    let after = 0n;
    for (;;) {
      const page = await taskNamespaces.list({ after, limit: 2 });
      expect(page.rows.length).toBeLessThanOrEqual(2);
      seen.push(...page.rows.map((row) => row.name));
      if (page.next === undefined) break;
      after = page.next;
    }
    expect(seen).toEqual(all.rows.map((row) => row.name));
    await expect(taskNamespaces.list({ limit: 0 })).rejects.toMatchObject({
      data: { field: 'limit', value: 0 },
    });
    await expect(taskNamespaces.list({ limit: 1001 })).rejects.toMatchObject({
      code: 'TASKER_BAD_ARGUMENT',
    });
  });
});

describe('named tasks', () => {
  it('finds or creates by namespace, name and version', async () => {
    const { namedTasks, taskNamespaces } = fixture.repositories;
    const first = await namedTasks.findOrCreate({
      namespace: 'ship',
      name: 'send',
      version: '1.0.0',
    });
    const again = await namedTasks.findOrCreate({
      namespace: 'ship',
      name: 'send',
      version: '1.0.0',
    });
    expect(again).toEqual(first);
    expect(first).toMatchObject({ version: '1.0.0', configuration: {} });
    expect((await taskNamespaces.findByName('ship'))?.taskNamespaceId).toBe(first.taskNamespaceId);
    const byDefault = await namedTasks.findOrCreate({ name: 'send' });
    expect(byDefault).toMatchObject({ version: '0.1.0' });
    expect(byDefault.taskNamespaceId).not.toBe(first.taskNamespaceId);
    expect(await namedTasks.findByName({ name: 'send', version: '9.9.9' })).toBeUndefined();
  });

  it('knows the latest version by number, not by text', async () => {
    const { namedTasks } = fixture.repositories;
    for (const version of ['0.9.0', '0.10.0', '0.2.11']) {
      await namedTasks.findOrCreate({ name: 'versioned', version });
    }
    expect(await namedTasks.latest('versioned')).toMatchObject({ version: '0.10.0' });
    const versions = await namedTasks.versions('versioned');
    expect(versions.map((row) => row.version)).toEqual(['0.10.0', '0.9.0', '0.2.11']);
    expect(await namedTasks.latest('nobody')).toBeUndefined();
    expect(['1.0.0', 'x', '0.0.9', 'a'].toSorted(compareVersions)).toEqual([
      'a',
      'x',
      '0.0.9',
      '1.0.0',
    ]);
    expect(compareVersions('1.2.3', '1.2.3')).toBe(0);
  });

  it.each(['1.0', 'v1.0.0', '1.0.0-rc', '1.0.0\n', ' 1.0.0', '1.0.0.0', '10000000000.0.0.0'])(
    'refuses version %j',
    async (version) => {
      const { namedTasks, taskNamespaces } = fixture.repositories;
      const { taskNamespaceId } = await taskNamespaces.findOrCreate();
      await expect(
        namedTasks.create({ taskNamespaceId, name: 'n', version }),
      ).rejects.toMatchObject({
        code: 'TASKER_BAD_ARGUMENT',
        data: { field: 'version', value: version },
      });
    },
  );

  it('keeps configurations of any stored form and writes objects only', async () => {
    const { namedTasks } = fixture.repositories;
    const { namedTaskId } = await namedTasks.findOrCreate({ name: 'configured' });
    const changed = await namedTasks.update(namedTaskId, { configuration: { a: [1, null, 'x'] } });
    expect(changed.configuration).toEqual({ a: [1, null, 'x'] });
    expect(
      (await namedTasks.update(namedTaskId, { configuration: null })).configuration,
    ).toBeNull();
    await expect(namedTasks.update(namedTaskId, { configuration: [] })).rejects.toMatchObject({
      data: { field: 'configuration' },
    });
    await fixture.orm.em
      .fork()
      .execute(
        `update tasker_named_tasks set configuration = default where named_task_id = ${namedTaskId}`,
      );
    expect((await namedTasks.get(namedTaskId)).configuration).toBe('{}');
  });

  it('lists the named tasks of a namespace', async () => {
    const { namedTasks } = fixture.repositories;
    for (const name of ['a', 'b', 'c'])
      await namedTasks.findOrCreate({ namespace: 'listed', name });
    const page = await namedTasks.byNamespace('listed', { limit: 2 });
    expect(page.rows.map((row) => row.name)).toEqual(['a', 'b']);
    const rest = await namedTasks.byNamespace('listed', { after: page.next ?? 0n });
    expect(rest).toEqual({ rows: [expect.objectContaining({ name: 'c' })] });
  });

  it('says which key refers to nothing', async () => {
    await expect(
      fixture.repositories.namedTasks.create({ taskNamespaceId: 77_777n, name: 'n' }),
    ).rejects.toMatchObject({
      code: 'TASKER_NOT_FOUND',
      data: { field: 'task_namespace_id', value: '77777' },
    });
  });
});

describe('dependent systems, named steps and their pairs', () => {
  it('finds or creates a system and changes it', async () => {
    const { dependentSystems } = fixture.repositories;
    const system = await dependentSystems.findOrCreate('billing');
    expect(await dependentSystems.findOrCreate('billing')).toEqual(system);
    const changed = await dependentSystems.update(system.dependentSystemId, { name: 'invoices' });
    expect(changed.name).toBe('invoices');
    expect(await dependentSystems.findByName('billing')).toBeUndefined();
    await expect(dependentSystems.create({ name: 'invoices' })).rejects.toMatchObject({
      code: 'TASKER_DUPLICATE',
    });
  });

  it('finds or creates a named step within its system', async () => {
    const { namedSteps } = fixture.repositories;
    const here = await namedSteps.findOrCreate('charge', 'one');
    const there = await namedSteps.findOrCreate('charge', 'two');
    expect(there.namedStepId).not.toBe(here.namedStepId);
    expect(await namedSteps.findOrCreate('charge', 'one')).toEqual(here);
    expect(await namedSteps.findByName('charge')).toEqual([here, there]);
    const renamed = await namedSteps.update(here.namedStepId, { name: 'refund', description: 'd' });
    expect(renamed).toMatchObject({ name: 'refund', description: 'd' });
    await expect(
      namedSteps.create({ name: 'n'.repeat(129), dependentSystemId: here.dependentSystemId }),
    ).rejects.toMatchObject({ data: { field: 'name' } });
  });

  it('pairs a named task with a named step once and keeps the first defaults', async () => {
    const { namedTasks, namedSteps, namedTasksNamedSteps } = fixture.repositories;
    const { namedTaskId } = await namedTasks.findOrCreate({ name: 'paired' });
    const { namedStepId } = await namedSteps.findOrCreate('pick', 'one');
    const pair = await namedTasksNamedSteps.findOrCreate({
      namedTaskId,
      namedStepId,
      skippable: true,
    });
    expect(pair).toMatchObject({ skippable: true, defaultRetryable: true, defaultRetryLimit: 3 });
    expect(
      await namedTasksNamedSteps.findOrCreate({ namedTaskId, namedStepId, defaultRetryLimit: 9 }),
    ).toEqual(pair);
    expect(await namedTasksNamedSteps.byNamedTask(namedTaskId)).toEqual([pair]);
    expect(await namedTasksNamedSteps.findByStepName(namedTaskId, 'pick')).toEqual(pair);
    expect(await namedTasksNamedSteps.findByStepName(namedTaskId, 'pack')).toBeUndefined();
    const changed = await namedTasksNamedSteps.update(pair.id, { defaultRetryLimit: 5 });
    expect(changed.defaultRetryLimit).toBe(5);
    await expect(
      namedTasksNamedSteps.update(pair.id, { defaultRetryLimit: 1.5 }),
    ).rejects.toMatchObject({ data: { field: 'defaultRetryLimit', value: 1.5 } });
  });
});

describe('annotation types', () => {
  it('are found or created by name and can be changed', async () => {
    const { annotationTypes } = fixture.repositories;
    const created = await annotationTypes.findOrCreate('remark');
    expect(await annotationTypes.findOrCreate('remark')).toEqual(created);
    const id = created.annotationTypeId;
    expect(await annotationTypes.update(id, { name: 'memo', description: 'd' })).toMatchObject({
      name: 'memo',
      description: 'd',
    });
    await expect(annotationTypes.create({ name: 'memo' })).rejects.toMatchObject({
      code: 'TASKER_DUPLICATE',
    });
    await annotationTypes.delete(id);
    expect(await annotationTypes.findByName('memo')).toBeUndefined();
  });
});

describe('object maps', () => {
  it('takes a pair and its mirror image as one', async () => {
    const { dependentSystems, dependentSystemObjectMaps: maps } = fixture.repositories;
    const one = (await dependentSystems.findOrCreate('left')).dependentSystemId;
    const two = (await dependentSystems.findOrCreate('right')).dependentSystemId;
    const pair = {
      dependentSystemOneId: one,
      remoteIdOne: 'L1',
      dependentSystemTwoId: two,
      remoteIdTwo: 'R1',
    };
    const mirror = {
      dependentSystemOneId: two,
      remoteIdOne: 'R1',
      dependentSystemTwoId: one,
      remoteIdTwo: 'L1',
    };
    const created = await maps.findOrCreate(pair);
    expect(await maps.findOrCreate(mirror)).toEqual(created);
    expect(await maps.findPair({ ...mirror, remoteIdTwo: 'L2' })).toBeUndefined();
    expect(await maps.byRemoteId(two, 'R1')).toEqual({ rows: [created] });
    expect(await maps.byRemoteId(one, 'R1')).toEqual({ rows: [] });
    await expect(maps.create(pair)).rejects.toMatchObject({ code: 'TASKER_DUPLICATE' });
    await expect(maps.create({ ...pair, remoteIdTwo: '' })).rejects.toMatchObject({
      data: { field: 'remoteIdTwo' },
    });
    const changed = await maps.update(created.dependentSystemObjectMapId, { remoteIdOne: 'L9' });
    expect(changed.remoteIdOne).toBe('L9');
  });
});
