import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { listApi } from '../../scripts/api-listing.ts';

test.each(listApi())('the interface of $entry is the one in the listing', ({ entry, text }) => {
  const stored = readFileSync(new URL(`${entry}.txt`, import.meta.url), 'utf8');
  expect(text, 'a wanted change: npm run api:update').toBe(stored);
});
