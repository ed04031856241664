import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { errorDocs } from '../../scripts/error-docs.ts';
import { ERROR_CODES } from '../../src/errors.ts';

test('docs/errors.md is what `npm run docs:errors` writes', () => {
  const stored = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8');
  expect(stored).toBe(errorDocs());
});

test('lists every code once, in order, and keeps a bar in a meaning out of the table', () => {
  const rows = errorDocs({ TASKER_B: 'one | other', TASKER_A: 'first' }).match(/^\| `.*$/gm);
  expect(rows).toEqual(['| `TASKER_A` | first |', '| `TASKER_B` | one \\| other |']);
  expect(errorDocs().match(/^\| `TASKER_/gm)).toHaveLength(Object.keys(ERROR_CODES).length);
});
