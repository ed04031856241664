import { expect, test } from 'vitest';

import { HEADER } from '../../src/graph/snapshot/layout.ts';
import type { ResolveParameters } from '../../src/graph/kernels/resolve.ts';
import { inlineBackend } from '../../src/resolver/inline.ts';
import resolveShare from '../../workers/resolve.ts';
import { differing, outputBytes, spoilOutputs } from '../support/backends.ts';
import {
  LARGE_NOW_MICROS,
  plannedViews,
  woven,
  type TaskPlan,
} from '../support/large-snapshots.ts';

const parameters: ResolveParameters = {
  rules: 'engine',
  nowMicros: LARGE_NOW_MICROS,
  contexts: true,
  levels: true,
};
const circle: TaskPlan = { steps: 2, parentsOf: (step) => [1 - step] };
const sample = (): ReturnType<typeof plannedViews> =>
  plannedViews([woven(9), circle, woven(4), circle]);

test.each([1, 2, 3, 4])('works off all %i stretches', async (stretches) => {
  const views = sample();
  const cycles = await inlineBackend().resolve(views, parameters, undefined);
  const expected = outputBytes(views);
  spoilOutputs(views, 0xa5);
  expect(resolveShare({ buffer: views.buffer, parameters, stretches })).toStrictEqual({ cycles });
  expect(differing(expected, outputBytes(views))).toStrictEqual([]);
  expect(views.header[HEADER.cursor]).toBe(stretches + 1);
});

test('takes only the stretches that nobody has taken', () => {
  const views = sample();
  views.header[HEADER.cursor] = 3;
  spoilOutputs(views, 0xa5);
  expect(resolveShare({ buffer: views.buffer, parameters, stretches: 4 })).toMatchObject({
    cycles: [{ task: 3 }],
  });
  expect(views.bits[0]).toBe(0xa5);
});

test('stops when it is told to', () => {
  const views = sample();
  views.header[HEADER.cancel] = 1;
  spoilOutputs(views, 0xa5);
  expect(resolveShare({ buffer: views.buffer, parameters, stretches: 4 })).toStrictEqual({
    cycles: [],
  });
  expect(views.bits.every((bits) => bits === 0xa5)).toBe(true);
});

test('answers a buffer that is no snapshot with the code and the section', () => {
  const { buffer, header } = sample();
  header[HEADER.magic] = 0;
  expect(resolveShare({ buffer, parameters, stretches: 1 })).toMatchObject({
    error: { code: 'TASKER_BAD_SNAPSHOT', data: { section: 'header' } },
  });
});

test('answers a fault of its own as a lost worker', () => {
  const buffer = null as unknown as SharedArrayBuffer;
  expect(resolveShare({ buffer, parameters, stretches: 1 })).toMatchObject({
    error: { code: 'TASKER_WORKER_LOST' },
  });
});
