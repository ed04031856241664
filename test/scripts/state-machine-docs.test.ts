import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { stateMachineDocs } from '../../scripts/state-machine-docs.ts';

test('docs/state-machines.md is what `npm run docs:state-machines` writes', () => {
  const stored = readFileSync(new URL('../../docs/state-machines.md', import.meta.url), 'utf8');
  expect(stored).toBe(stateMachineDocs());
});
