import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { ROOT, tasker, temporaryDirectory } from './tasker.ts';

const MODULE = `
import { defineTask, RetryableError } from '${pathToFileURL(join(ROOT, 'src/index.ts')).href}';
const task = (namespace, name, version) => defineTask({ namespace, name, version });
export const order = task('shop', 'order', '1.0.0')
  .step('reserve', ({ context }) => ({ held: context.items.length }))
  .step('charge', { after: ['reserve'], retry: { limit: 2 } }, ({ results, attempt }) => {
    if (attempt < 2) throw new RetryableError('card service is busy', { retryAfter: '10ms' });
    if (results.reserve.held > 2) throw new Error('too dear');
    return { paid: results.reserve.held * 10 };
  })
  .step('ship', { after: ['charge'] }, ({ results }) => 'parcel for ' + results.charge.paid);
export const older = task('shop', 'order', '0.9.0').step('only', () => 'old');
export const elsewhere = task('store', 'pick', '1.0.0').step('only', () => 'store');
export const twin = task('shop', 'pick', '1.0.0').step('only', () => 'shop');
export default (tasker) => tasker.registerHandler('Shop::Pack', () => 'packed');
`;

const YAML = `
name: pack
task_handler_class: Pack
namespace_name: shop
version: 2.0.0
default_dependent_system: shop
step_templates:
  - { name: pack, handler_class: 'Shop::Pack' }
`;

let database: TestDatabase;
let folder: Awaited<ReturnType<typeof temporaryDirectory>>;
const file = (name: string): string => join(folder.path, name);

beforeAll(async () => {
  database = await createTestDatabase({ migrated: false });
  folder = await temporaryDirectory();
  await writeFile(file('order.mjs'), MODULE);
  await writeFile(file('pack.yaml'), YAML);
  await writeFile(file('two.json'), '{"items":["a","b"]}');
  await writeFile(file('three.json'), '{"items":["a","b","c"]}');
  await writeFile(file('list.json'), '["a"]');
  await writeFile(file('empty.mjs'), 'export const nothing = 1;');
});
afterAll(async () => {
  await folder[Symbol.asyncDispose]();
  await database.drop();
});

const run = (template: string, ...args: string[]) =>
  tasker(['run', template, '--import', file('order.mjs'), ...args, '--migrate'], {
    DATABASE_URL: database.url,
  });

describe('tasker run', () => {
  test('runs a task to its end and prints what its steps stored', async () => {
    const { code, stdout, stderr } = await run('order', '--context', file('two.json'), '--watch');
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      reserve: { held: 2 },
      charge: { paid: 20 },
      ship: 'parcel for 20',
    });
    const lines = stderr.split('\n').map((line) => line.replace(/^[\d:.]{12} {2}/, ''));
    expect(lines).toContain('charge failed: card service is busy');
    expect(lines).toContain('charge runs (attempt 2)');
    expect(lines.at(-2)).toBe('order is complete');
  });

  test('says why a task failed', async () => {
    const { code, stdout, stderr } = await run('shop/order', '--context', file('three.json'));
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/charge failed after 2 attempts: too dear/);
    expect(stderr).toMatch(/Step \d+ \(ship\) of task \d+ will not run unless somebody intervenes/);
  });

  test.each([
    ['shop.order@0.9.0', { only: 'old' }],
    ['store/pick', { only: 'store' }],
  ])('finds the template %s', async (template, results) => {
    const { code, stdout, stderr } = await run(template, '--context', file('two.json'));
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toEqual(results);
  });

  test('loads YAML with the handlers that modules register, on a server of its own', async () => {
    const args = ['--import', file('pack.yaml'), '--import', file('order.mjs')];
    const { code, stdout, stderr } = await tasker([
      'run',
      'pack',
      ...args,
      '--context',
      file('two.json'),
    ]);
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ pack: 'packed' });
  });

  test.each([
    ['pick', [], 1, /TASKER_UNKNOWN_TEMPLATE: pick may be several.* store\/pick@1\.0\.0/],
    ['nope', [], 1, /TASKER_UNKNOWN_TEMPLATE: There is no template nope\. Name one of shop\/order/],
    [
      'order',
      ['--context', 'list.json'],
      64,
      /TASKER_BAD_ARGUMENT: .*list\.json is no JSON object/,
    ],
    ['order', ['--context', 'none.json'], 64, /TASKER_BAD_ARGUMENT: .*cannot be read/],
    ['order', ['--context', 'order.mjs'], 64, /TASKER_BAD_ARGUMENT: .*is no JSON:/],
    [
      'order',
      ['--import', 'empty.mjs'],
      64,
      /TASKER_BAD_ARGUMENT: .*empty\.mjs defines no template/,
    ],
    ['order', ['--import', 'none.mjs'], 64, /TASKER_BAD_ARGUMENT: .*none\.mjs cannot be loaded/],
    ['order', ['--import', 'none.yaml'], 64, /TASKER_BAD_ARGUMENT/],
    ['order', ['--priority', '1.5'], 64, /--priority is "1\.5"/],
  ])('refuses %s %j', async (template, args, code, message) => {
    const placed = args.map((arg) => (/\.\w+$/.test(arg) && !/^\d/.test(arg) ? file(arg) : arg));
    const ended = await run(template, ...placed);
    expect(ended.stderr).toMatch(message);
    expect({ code: ended.code, stdout: ended.stdout }).toEqual({ code, stdout: '' });
  });

  test('needs definitions', async () => {
    const { code, stderr } = await tasker(['run', 'order']);
    expect(code).toBe(64);
    expect(stderr).toMatch(/--import/);
  });
});
