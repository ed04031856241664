import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { connect } from '../../src/database/connection.ts';
import {
  railsDependencyLevels,
  railsStepReadiness,
  railsStepReadinessBatch,
  railsTaskContext,
  railsTaskContexts,
} from '../../src/database/repositories/rails-queries.ts';
import { readyIdsStatement } from '../../src/database/repositories/ready-ids-query.ts';
import { createFunctionStatement, RAILS_FUNCTIONS } from '../../src/migrations/rails-functions.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { GOLDEN_SETS, type GoldenMeta, goldenRows, loadGolden } from '../support/golden.ts';

type Row = Record<string, unknown>;

const goldenTime = (text: string): string => {
  const [seconds = '', fraction = ''] = text.replace(' ', 'T').split('.');
  return `${seconds}.${fraction.padEnd(6, '0')}`;
};

/** A row in the golden form: bigint as numbers, timestamps in ISO form with six digits. */
function golden(row: object): Row {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => {
      if (typeof value !== 'string') return [name, value];
      if (name.endsWith('_at')) return [name, goldenTime(value)];
      return [name, /_(id|steps)$/.test(name) ? Number(value) : value];
    }),
  );
}

describe.each(GOLDEN_SETS)('SQL functions on the golden set %s', (set) => {
  let database: TestDatabase;
  let client: pg.Client;
  let meta: GoldenMeta;
  let clock: string;
  let taskIds: bigint[];
  let readiness: Row[];
  let contexts: Row[];

  beforeAll(async () => {
    database = await createTestDatabase();
    client = await connect(database.url);
    meta = await loadGolden(client, set);
    // The set has waits that end exactly at its instant and one microsecond later. The same functions are installed
    // with that instant in the place of NOW(), rather than every stored and expected time moved.
    clock = `timestamp '${meta.now}'`;
    for (const definition of RAILS_FUNCTIONS)
      await client.query(createFunctionStatement(definition, clock));
    taskIds = (await goldenRows<{ task_id: number }>(set, 'tasks')).map((task) =>
      BigInt(task.task_id),
    );
    readiness = await goldenRows<Row>(set, 'expected_readiness');
    contexts = await goldenRows<Row>(set, 'expected_contexts');
  });

  afterAll(async () => {
    await client.end();
    await database.drop();
  });

  const byStep = (a: Row, b: Row): number =>
    Number(a['workflow_step_id']) - Number(b['workflow_step_id']);

  it('batch readiness gives every expected row', async () => {
    const rows = (await railsStepReadinessBatch(client, taskIds)).map(golden).toSorted(byStep);
    expect(rows).toHaveLength(meta.steps);
    expect(rows).toEqual(readiness);
  });

  it('single readiness gives the same rows, or only the steps asked for', async () => {
    const rows: Row[] = [];
    for (const taskId of taskIds)
      rows.push(...(await railsStepReadiness(client, taskId)).map(golden));
    expect(rows.toSorted(byStep)).toEqual(readiness);
    const wanted = readiness.find((row) => Number(row['total_parents']) > 1) ?? {};
    const stranger = readiness.find((row) => row['task_id'] !== wanted['task_id']) ?? {};
    const own = BigInt(Number(wanted['workflow_step_id']));
    const foreign = BigInt(Number(stranger['workflow_step_id']));
    const taskId = BigInt(Number(wanted['task_id']));
    expect((await railsStepReadiness(client, taskId, [own, own, foreign, 1n])).map(golden)).toEqual(
      [wanted],
    );
    expect(await railsStepReadiness(client, taskId, [])).toEqual([]);
  });

  it('contexts give every expected row, in batch and one by one', async () => {
    expect((await railsTaskContexts(client, taskIds.toReversed())).map(golden)).toEqual(contexts);
    const singles: Row[] = [];
    for (const taskId of taskIds)
      singles.push(golden((await railsTaskContext(client, taskId)) ?? {}));
    expect(singles).toEqual(contexts);
  });

  it('levels give every expected pair, by level and step', async () => {
    const pairs: [number, number][] = [];
    for (const taskId of taskIds) {
      const rows = await railsDependencyLevels(client, taskId);
      const levels = rows.map((row): [number, number] => [
        Number(row.workflow_step_id),
        row.dependency_level,
      ]);
      expect(levels).toEqual(levels.toSorted((a, b) => a[1] - b[1] || a[0] - b[0]));
      pairs.push(...levels);
    }
    const expected = await goldenRows<[number, number]>(set, 'expected_levels');
    expect(pairs).toHaveLength(expected.length);
    expect(new Map(pairs)).toEqual(new Map(expected));
  });

  it('the tuned query finds the same ready steps', async () => {
    const expected = readiness.filter((row) => row['ready_for_execution'] === true);
    expect(expected.length).toBeGreaterThan(0);
    for (const selection of ['all', 'listed'] as const) {
      const { rows } = await client.query<{ workflow_step_id: string }>(
        readyIdsStatement(selection, clock),
        selection === 'all' ? [] : [`{${taskIds.join(',')}}`],
      );
      const found = rows.map((row) => Number(row.workflow_step_id)).toSorted((a, b) => a - b);
      expect(found).toEqual(expected.map((row) => row['workflow_step_id']));
    }
  });

  it('unknown, repeated and null ids are no error', async () => {
    const [first = 0n] = taskIds;
    expect(await railsStepReadinessBatch(client, [])).toEqual([]);
    expect(await railsTaskContexts(client, [first, 1n, first])).toHaveLength(2);
    expect(await railsTaskContext(client, 1n)).toBeUndefined();
    expect(await railsDependencyLevels(client, 1n)).toEqual([]);
    const single = await railsStepReadinessBatch(client, [first]);
    expect(await railsStepReadinessBatch(client, [first, first])).toHaveLength(single.length);
    expect((await client.query('SELECT * FROM get_step_readiness_status(NULL)')).rows).toEqual([]);
    expect(
      (await client.query(`SELECT * FROM get_step_readiness_status(${first}, '{NULL}')`)).rows,
    ).toEqual([]);
  });
});
