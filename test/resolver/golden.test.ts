import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { ContextRow, ReadinessRow } from '../../src/graph/kernels/answer-rows.ts';
import { parseInstant } from '../../src/graph/snapshot/instants.ts';
import { directorySource } from '../../src/resolver/sources/ndjson-source.ts';
import type { RowsInput } from '../../src/resolver/sources/rows-source.ts';
import { answersOf } from '../support/answers.ts';
import { BACKENDS, resolverOn } from '../support/backends.ts';
import { GOLDEN_SETS, goldenDirectory, goldenMeta, goldenRows } from '../support/golden.ts';
import { askOracle } from '../support/oracle.ts';

type Plain = Record<string, unknown>;

/** Ids as numbers and instants without Z, as the golden files have them. */
function plain(row: ReadinessRow | ContextRow): Plain {
  return Object.fromEntries(
    Object.entries(row).map(([key, value]: [string, unknown]) => {
      if (typeof value === 'bigint') return [key, Number(value)];
      const instant = key.endsWith('_at') && typeof value === 'string';
      return [key, instant ? value.replace(/Z$/, '') : value];
    }),
  );
}

describe.each(GOLDEN_SETS)('golden set %s', (set) => {
  let readiness: Plain[];
  let contexts: Plain[];
  let levels: [number, number][];
  beforeAll(async () => {
    const byStep = (row: Plain): number => row['workflow_step_id'] as number;
    readiness = (await goldenRows<Plain>(set, 'expected_readiness')).toSorted(
      (a, b) => byStep(a) - byStep(b),
    );
    contexts = await goldenRows<Plain>(set, 'expected_contexts');
    levels = await goldenRows<[number, number]>(set, 'expected_levels');
  });

  const byStep = (a: ReadinessRow, b: ReadinessRow): number =>
    a.workflow_step_id < b.workflow_step_id ? -1 : 1;

  describe.each(BACKENDS)('on %s', (backend) => {
    const resolver = resolverOn(backend, 'rails');
    afterAll(() => resolver.stop());

    test.each([1, 7, 100, 1000, 1_000_000])(
      'every row, in chunks of %i steps',
      async (chunkSteps) => {
        const source = directorySource(fileURLToPath(goldenDirectory(set)));
        const answers = await answersOf(source, { resolver, chunkSteps });
        expect(answers.readiness.toSorted(byStep).map(plain)).toStrictEqual(readiness);
        expect(answers.contexts.map(plain)).toStrictEqual(contexts);
        const found = new Map(
          answers.levels.map((row) => [Number(row.workflow_step_id), row.dependency_level]),
        );
        expect(answers.levels).toHaveLength(levels.length);
        expect(found).toStrictEqual(new Map(levels));
        expect(answers.chunks.every((chunk) => chunk.resolution.backend === backend)).toBe(true);
      },
    );
  });

  test('the oracle itself says the same', async () => {
    const meta = await goldenMeta(set);
    const input: RowsInput = {
      tasks: await goldenRows(set, 'tasks'),
      steps: await goldenRows(set, 'steps'),
      edges: await goldenRows(set, 'edges'),
      stepTransitions: await goldenRows(set, 'step_transitions'),
      taskTransitions: await goldenRows(set, 'task_transitions'),
      namedSteps: meta.named_steps,
    };
    const answer = askOracle(input, 'rails', parseInstant(meta.now) as number);
    expect(answer.readiness.toSorted(byStep).map(plain)).toStrictEqual(readiness);
    expect(answer.contexts.map(plain)).toStrictEqual(contexts);
    const found = answer.levels.map(
      (row) => [Number(row.workflow_step_id), row.dependency_level] as const,
    );
    expect(new Map(found)).toStrictEqual(new Map(levels));
  });
});
