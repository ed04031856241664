import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { spawn } from 'node:child_process';
import { pathToFileURL } from 'node:url';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { ROOT, tasker, temporaryDirectory, whenEnded, type Ended } from './tasker.ts';

/** Code blocks of README.md in one language. */
async function blocks(language: string): Promise<string[]> {
  const text = await readFile(join(ROOT, 'README.md'), 'utf8');
  const pattern = new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\`$`, 'gm');
  return [...text.matchAll(pattern)].map((match) => match[1]!);
}

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase({ migrated: false });
});
afterAll(() => database.drop());

test('the commands of README.md work, one after another', async () => {
  await using out = await temporaryDirectory();
  const lines = (await blocks('sh')).flatMap((block) => block.split('\n'));
  const commands = lines.flatMap((line) => /^npx tasker ([^#]*)/.exec(line)?.[1] ?? []);
  expect(commands.length).toBeGreaterThanOrEqual(6);
  for (const command of commands) {
    const args = command
      .trim()
      .split(/\s+/)
      .map((word) => (word === 'answers' ? out.path : word));
    const ended = await tasker(args, { DATABASE_URL: database.url });
    expect(ended.code, `tasker ${command}: ${ended.stderr}`).toBe(0);
  }
});

/** Runs a program of README.md against the sources. */
async function runProgram(text: string, extension: string): Promise<Ended> {
  await using dir = await temporaryDirectory();
  const entry = (path: string): string => `from '${pathToFileURL(join(ROOT, path)).href}'`;
  const program = text
    .replace("from 'tasker-core/resolver'", entry('src/resolver/index.ts'))
    .replace("from 'tasker-core'", entry('src/index.ts'));
  const file = join(dir.path, `program.${extension}`);
  await writeFile(file, program);
  const child = spawn(process.execPath, [file], {
    env: { ...process.env, DATABASE_URL: database.url },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return await whenEnded(child);
}

test('the programs of README.md run', async () => {
  const [plain] = await blocks('js');
  expect(await runProgram(plain!, 'mjs')).toEqual({
    code: 0,
    stdout: 'reserve true\nship false\n',
    stderr: '',
  });
  const [typed] = await blocks('ts');
  const ended = await runProgram(typed!, 'mts');
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  expect(ended.stdout).toMatch(/^\d+ of \d+ steps may run now\n$/);
});
