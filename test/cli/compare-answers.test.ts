import { fileURLToPath } from 'node:url';

import { expect, test } from 'vitest';

import { compareAnswers, type SqlAnswers } from '../../src/cli/demo/compare-answers.ts';
import type { GraphSnapshot } from '../../src/graph/snapshot/snapshot.ts';
import { createResolver, directorySource } from '../../src/resolver/index.ts';
import { goldenDirectory, goldenRows } from '../support/golden.ts';

async function resolved(): Promise<GraphSnapshot> {
  const source = directorySource(fileURLToPath(goldenDirectory('plain')));
  const stream = await source.open({ chunkSteps: 1e9, signal: undefined, onProgress: undefined });
  await using resolver = createResolver({ backend: 'inline' });
  for await (const snapshot of stream) {
    await resolver.resolve(snapshot, { nowMicros: stream.now! });
    return snapshot;
  }
  throw new Error('no chunk');
}

async function recorded(): Promise<{
  -readonly [Name in keyof SqlAnswers]: SqlAnswers[Name][number][];
}> {
  const readiness = await goldenRows<
    SqlAnswers['readiness'][number] & { ready_for_execution: boolean }
  >('plain', 'expected_readiness');
  const levels = await goldenRows<[number, number]>('plain', 'expected_levels');
  return {
    readiness,
    contexts: await goldenRows<SqlAnswers['contexts'][number]>('plain', 'expected_contexts'),
    levels: levels.map(([id, level]) => ({
      workflow_step_id: String(id),
      dependency_level: level,
    })),
    readyIds: readiness
      .filter((row) => row.ready_for_execution)
      .map((row) => BigInt(row.workflow_step_id).toString()),
  };
}

test('the recorded answers are equal, and every kind of difference is found', async () => {
  const snapshot = await resolved();
  const sql = await recorded();
  const none = new Set<bigint>();
  const equal = { readiness: 2107, contexts: 250, readyIds: 178, levels: sql.levels.length };
  expect(compareAnswers(snapshot, sql, none)).toEqual(equal);

  const [first, ...rest] = sql.readiness;
  const id = BigInt(first!.workflow_step_id).toString();
  expect(compareAnswers(snapshot, { ...sql, readiness: rest }, none)).toMatchObject({
    answer: 'readiness',
    row: id,
    sql: 'no row',
  });
  expect(
    compareAnswers(snapshot, { ...sql, readiness: [first!, ...sql.readiness] }, none),
  ).toMatchObject({ row: id, sql: 'two rows' });
  const changed = { ...first!, last_attempted_at: '2000-01-01 00:00:00' };
  expect(compareAnswers(snapshot, { ...sql, readiness: [changed, ...rest] }, none)).toEqual({
    answer: 'readiness',
    row: id,
    column: 'last_attempted_at',
    resolver: 'null',
    sql: '2000-01-01T00:00:00.000000Z',
  });
  const { health_status: _, ...lacking } = sql.contexts[0]!;
  expect(
    compareAnswers(
      snapshot,
      { ...sql, contexts: [lacking as never, ...sql.contexts.slice(1)] },
      none,
    ),
  ).toMatchObject({
    answer: 'contexts',
    column: 'health_status',
    sql: 'no such column',
  });
  expect(
    compareAnswers(
      snapshot,
      { ...sql, levels: [...sql.levels, { workflow_step_id: '1', dependency_level: 0 }] },
      none,
    ),
  ).toMatchObject({
    answer: 'levels',
    row: '1',
    resolver: 'no row',
  });
  expect(compareAnswers(snapshot, { ...sql, readyIds: sql.readyIds.slice(1) }, none)).toMatchObject(
    { answer: 'readyIds', sql: 'no row' },
  );
  const task = snapshot.views.taskId[0]!;
  expect(compareAnswers(snapshot, sql, new Set([task]))).toMatchObject({
    answer: 'levels',
    resolver: 'no row',
  });
});
