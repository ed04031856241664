import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { afterAll, beforeAll, expect, inject, test } from 'vitest';

import { createTestDatabase } from '../support/database.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const run = promisify(execFile);
const { url: server } = inject('taskerTestServer');
const manifest = createRequire(import.meta.url)('tasker-core/package.json') as {
  exports: Readonly<Record<string, string | { readonly types: string }>>;
};

/** Source file of each entry point by what it is imported as. */
const ENTRIES = Object.entries(manifest.exports).flatMap(([name, target]): [string, string][] => {
  if (typeof target === 'string') return [];
  const source = target.types.replace('./dist/', '').replace('.d.ts', '.ts');
  return [[`tasker-core${name.slice(1)}`, join(ROOT, source)]];
});

/** The example at the top of an entry point, and what its last comment says that it prints. */
async function exampleOf(source: string): Promise<{ program: string; prints: string }> {
  const text = await readFile(source, 'utf8');
  const comment = /^ \* @example\n \* ```ts\n([^]*?)^ \* ```$/m.exec(text)?.[1] ?? '';
  const program = comment.replaceAll(/^ \* ?/gm, '');
  const prints = /^ *.*console\.log\(.*\/\/ (.+)$/m.exec(program)?.[1] ?? '';
  const rooted = ENTRIES.toSorted(([a], [b]) => b.length - a.length).reduce(
    (code, [name, file]) => code.replaceAll(`from '${name}'`, `from '${file}'`),
    program,
  );
  return { program: rooted, prints };
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tasker-entries-'));
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test.concurrent.each(ENTRIES)(
  'the example of %s runs and prints what it says',
  async (name, source) => {
    const { program, prints } = await exampleOf(source);
    expect(prints).not.toBe('');
    const file = join(folder, `${name.replaceAll('/', '-')}.ts`);
    await writeFile(file, program);
    await using database = await createTestDatabase();
    const env = { ...process.env, DATABASE_URL: database.url, TEST_SERVER: server };
    const ended = await run(process.execPath, [file], { env });
    expect(ended).toEqual({ stdout: `${prints}\n`, stderr: '' });
  },
);

test('the examples compile', async () => {
  for (const [name, source] of ENTRIES) {
    const { program } = await exampleOf(source);
    await writeFile(join(folder, `${name.replaceAll('/', '-')}.ts`), program);
  }
  await writeFile(
    join(folder, 'tsconfig.json'),
    JSON.stringify({
      extends: join(ROOT, 'tsconfig.json'),
      compilerOptions: {
        typeRoots: [join(ROOT, 'node_modules/@types')],
        rewriteRelativeImportExtensions: false,
      },
      include: ['*.ts'],
    }),
  );
  const compiler = join(
    createRequire(import.meta.url).resolve('typescript/package.json'),
    '../bin/tsc',
  );
  const compiled = await run(process.execPath, [compiler, '-p', folder]).catch(
    (error: unknown) => error as { stdout: string },
  );
  expect(compiled.stdout).toBe('');
});
