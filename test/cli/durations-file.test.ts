import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { readDurations } from '../../src/cli/analyze/durations-file.ts';
import { temporaryDirectory } from './tasker.ts';

async function read(text: string): Promise<Map<string, object>> {
  await using directory = await temporaryDirectory();
  const path = join(directory.path, 'durations.json');
  await writeFile(path, text);
  return await readDurations(path);
}

test('every form of a length', async () => {
  const said = {
    fixed: 2,
    seen: [1.5, 1],
    uniform: { least: 1, most: 5 },
    triangular: { most: 5, least: 1, likeliest: 2 },
    percentiles: { p95: 9, p50: 2 },
    bounds: { p0: 1, p100: 3 },
    median: { p50: 2 },
    least: { p0: 4 },
  };
  // a file of other programs may begin with a byte order mark
  expect(Object.fromEntries(await read(`\uFEFF${JSON.stringify(said)}`))).toStrictEqual({
    fixed: { kind: 'fixed', seconds: 2 },
    seen: { kind: 'seen', seconds: [1.5, 1] },
    uniform: { kind: 'uniform', least: 1, most: 5 },
    triangular: { kind: 'triangular', least: 1, likeliest: 2, most: 5 },
    percentiles: {
      kind: 'quantiles',
      shares: [0, 0.5, 0.95, 1],
      seconds: [0, 2, 9, expect.closeTo(9.777, 2)],
    },
    bounds: { kind: 'quantiles', shares: [0, 1], seconds: [1, 3] },
    median: { kind: 'quantiles', shares: [0, 0.5, 1], seconds: [0, 2, 4] },
    least: { kind: 'quantiles', shares: [0, 1], seconds: [4, 4] },
  });
});

test.each([
  ['no json', /durations\.json is no JSON\./],
  ['[1]', /is no JSON object\./],
  ['{"fetch": "2 s"}', /says nothing of "fetch" that can be understood\./],
  ['{"fetch": ["1"]}', /says nothing of "fetch"/],
  ['{"fetch": {}}', /says nothing of "fetch"/],
  ['{"fetch": {"p101": 1}}', /says nothing of "fetch"/],
  ['{"fetch": {"least": 1, "most": 2, "p50": 1}}', /says nothing of "fetch"/],
  ['{"fetch": null}', /says nothing of "fetch"/],
  ['{"fetch": -1}', /is wrong about "fetch": it has -1 where/],
  ['{"fetch": []}', /is wrong about "fetch": it has no length to draw from\./],
  ['{"fetch": {"p50": 9, "p95": 2}}', /is wrong about "fetch": it has 2 where/],
])('%s is refused', async (text, message) => {
  await expect(read(text)).rejects.toMatchObject({
    code: 'TASKER_BAD_INPUT',
    message: expect.stringMatching(message),
  });
});

test('a file that is not there is named', async () => {
  await expect(readDurations('/nowhere/durations.json')).rejects.toMatchObject({
    code: 'TASKER_BAD_INPUT',
    message: expect.stringMatching(/^\/nowhere\/durations\.json cannot be read\./),
  });
});
