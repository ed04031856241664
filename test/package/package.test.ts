import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { formatMessage } from 'publint/utils';
import { publint } from 'publint';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createConsumer, root, run, runTool, type Consumer } from './consumer.ts';

let consumer: Consumer;

beforeAll(async () => {
  consumer = await createConsumer();
});

afterAll(async () => {
  await consumer?.[Symbol.asyncDispose]();
});

async function runNode(name: string, text: string): Promise<string> {
  await consumer.write(name, text);
  const ended = await run(process.execPath, [name], consumer.folder);
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  return ended.stdout.trim();
}

describe('the packed package', () => {
  test('holds built files only', async () => {
    const files = await readdir(consumer.installed, { recursive: true });
    expect(files.filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'))).toEqual([]);
    expect(files).toEqual(
      expect.arrayContaining([
        'LICENSE',
        'README.md',
        'package.json',
        join('dist', 'src', 'index.js'),
      ]),
    );
    const top = await readdir(consumer.installed);
    expect(top.toSorted()).toEqual(['LICENSE', 'README.md', 'dist', 'docs', 'package.json']);
  });

  test('has nothing that publint objects to', async () => {
    const { messages, pkg } = await publint({ pkgDir: consumer.installed, strict: true });
    expect(messages.map((message) => formatMessage(message, pkg))).toEqual([]);
  });

  test('resolves to types from every module resolution of ECMAScript modules', async () => {
    const ended = await runTool(
      'attw',
      [consumer.tarball, '--profile', 'esm-only', '--no-emoji', '--no-color', '--format', 'ascii'],
      consumer.folder,
    );
    expect(ended.code, ended.stdout).toBe(0);
  });

  test('is of the version that its manifest names', async () => {
    const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
      version: string;
    };
    const tasker = join(consumer.folder, 'node_modules', '.bin', 'tasker');
    const version = await run(tasker, ['--version'], consumer.folder);
    expect(version).toEqual({ code: 0, stdout: `${manifest.version}\n`, stderr: '' });
    const help = await run(tasker, ['--help'], consumer.folder);
    expect(help.code).toBe(0);
    expect(help.stdout).toContain('tasker');
    expect(help.stdout).toContain('resolve');
  });
});

describe('from JavaScript', () => {
  test('every entry can be imported', async () => {
    const output = await runNode(
      'imports.js',
      `import { TaskerError, isTaskerError } from 'tasker-core';
       import * as entities from 'tasker-core/entities';
       import * as resolver from 'tasker-core/resolver';
       import manifest from 'tasker-core/package.json' with { type: 'json' };
       const error = new TaskerError('TASKER_CYCLE', 'round');
       console.log(isTaskerError(error), Object.keys(entities).length > 0,
         typeof resolver.createResolver, manifest.name);`,
    );
    expect(output).toBe('true true function tasker-core');
  });

  test('what is not exported cannot be imported', async () => {
    await consumer.write('deep.js', `import 'tasker-core/dist/src/errors.js';`);
    const ended = await run(process.execPath, ['deep.js'], consumer.folder);
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain('ERR_PACKAGE_PATH_NOT_EXPORTED');
  });
});

describe('from TypeScript', () => {
  async function compile(name: string, text: string): Promise<string> {
    await consumer.write(name, text);
    const compilerOptions = {
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      target: 'es2024',
      lib: ['es2024', 'esnext.disposable'],
      module: 'nodenext',
      noEmit: true,
      // The project has no types of Node; a user's has, so those of the checkout stand for them.
      typeRoots: [join(root, 'node_modules', '@types')],
      types: ['node'],
    };
    await consumer.write('tsconfig.json', JSON.stringify({ compilerOptions, files: [name] }));
    const ended = await runTool('tsc', ['--pretty', 'false'], consumer.folder);
    // The declarations of other packages are theirs (MikroORM's fail under exact optional types).
    const findings = ended.stdout
      .split(/\n(?! )/)
      .filter((finding) => finding.includes('error TS'));
    return findings
      .filter((finding) => !/^node_modules\/(?!tasker-core\/)/.test(finding))
      .join('\n');
  }

  test('the types hold under strict rules', async () => {
    const output = await compile(
      'right.ts',
      `import { TaskerError, type ErrorCode } from 'tasker-core';
       const code: ErrorCode = 'TASKER_CYCLE';
       export const error: TaskerError = new TaskerError(code, 'round', { data: { taskId: '1' } });`,
    );
    expect(output).toBe('');
  });

  test('a wrong type is an error', async () => {
    const output = await compile(
      'wrong.ts',
      `import { TaskerError } from 'tasker-core';
       export const error = new TaskerError('NO_SUCH_CODE', 'round');`,
    );
    expect(output).toMatch(/wrong\.ts\(2,\d+\): error TS2345/);
  });
});
