import { readFile } from 'node:fs/promises';

import { expect, test } from 'vitest';

import { cliDocs } from '../../scripts/cli-docs.ts';

test('docs/cli.md is what the command says of itself', async () => {
  const stored = await readFile(new URL('../../docs/cli.md', import.meta.url), 'utf8');
  expect(stored, 'run: npm run docs:cli').toBe(await cliDocs());
});
