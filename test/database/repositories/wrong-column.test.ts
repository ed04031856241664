import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { expect, it } from 'vitest';

const folder = fileURLToPath(new URL('.', import.meta.url));
const root = fileURLToPath(new URL('../../../', import.meta.url));

/** Lines of the compiler about one file with this text, beside the real one. */
async function compile(text: string): Promise<string[]> {
  const place = await mkdtemp(join(folder, '.compiled-'));
  try {
    const source = text.replaceAll(`'../../../src/`, `'../../../../src/`);
    await writeFile(join(place, 'subject.ts'), source);
    await writeFile(
      join(place, 'tsconfig.json'),
      JSON.stringify({
        extends: join(root, 'tsconfig.json'),
        include: ['subject.ts'],
        exclude: [],
      }),
    );
    const compiler = join(root, 'node_modules', '.bin', 'tsc');
    return await new Promise((resolve) => {
      execFile(compiler, ['--noEmit', '--pretty', 'false', '-p', place], (_error, stdout) =>
        resolve(stdout.split('\n').filter((line) => line.includes('subject.ts('))),
      );
    });
  } finally {
    await rm(place, { recursive: true });
  }
}

it('does not compile a wrong column, and every expected error is really met', async () => {
  const text = await readFile(join(folder, 'wrong-column.ts'), 'utf8');
  const directives = text.split('// @ts-expect-error').length - 1;
  expect(directives).toBeGreaterThan(5);
  expect(await compile(text)).toEqual([]);
  const bare = await compile(text.replaceAll('// @ts-expect-error', '// expected:'));
  expect(bare.length).toBeGreaterThanOrEqual(directives);
});
