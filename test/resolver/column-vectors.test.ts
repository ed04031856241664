import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';

import { ERROR_CODES } from '../../src/errors.ts';
import { COLUMN_VECTORS, columnVectorFile } from '../support/column-vectors.ts';

test.each(Object.entries(COLUMN_VECTORS))(
  '%s holds what is answered today, which the bindings are held to',
  async (name, make) => {
    const stored = await readFile(columnVectorFile(name), 'utf8');
    expect(stored.length).toBeLessThan(2_000_000);
    expect(stored === (await make()), 'a wanted change: npm run vectors:update').toBe(true);
  },
);

test('the bindings name errors as this program does', async () => {
  const source = new URL('../../native/columns/src/problem.rs', import.meta.url);
  const text = await readFile(source, 'utf8');
  const names = [...text.matchAll(/"(TASKER_\w+)" \d+;/g)].map(([, name]) => name);
  const own = ['TASKER_CANCELLED', 'TASKER_INTERNAL'];
  expect(names).toEqual(expect.arrayContaining([...own, 'TASKER_BAD_INPUT']));
  const shared = names.filter((name) => !own.includes(name ?? ''));
  expect(Object.keys(ERROR_CODES)).toEqual(expect.arrayContaining(shared));
});
