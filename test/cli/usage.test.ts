import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { spawn } from 'node:child_process';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import manifest from '../../package.json' with { type: 'json' };
import { ROOT, startTasker, tasker, taskerProcess, whenEnded } from './tasker.ts';

const COMMANDS = ['resolve', 'explain', 'analyze', 'task', 'step', 'migrate', 'seed', 'demo'];
const plain = join(ROOT, 'test/vectors/plain');

describe('help', () => {
  test.each(COMMANDS)('of %s has examples and exit codes', async (name) => {
    const { code, stdout, stderr } = await tasker([name, '--help']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(`Usage: tasker ${name}`);
    expect(stdout).toMatch(/^Examples:\n {2}\$ .*/m);
    expect(stdout).toMatch(/^ {2}64 {3}the command line cannot be understood$/m);
  });

  test('of the program names every command', async () => {
    const { code, stdout } = await taskerProcess(['--help']);
    expect(code).toBe(0);
    for (const name of COMMANDS) expect(stdout).toMatch(new RegExp(`^  ${name} `, 'm'));
  });

  test('without a command goes to stderr', async () => {
    const { code, stdout, stderr } = await tasker([]);
    expect({ code, stdout }).toEqual({ code: 64, stdout: '' });
    expect(stderr).toContain('Usage: tasker');
  });

  test('without a command of a group goes to stderr', async () => {
    const { code, stdout, stderr } = await tasker(['task']);
    expect({ code, stdout }).toEqual({ code: 64, stdout: '' });
    expect(stderr).toContain('Usage: tasker task');
  });

  test("the version is the package's", async () => {
    expect(await taskerProcess(['--version'])).toEqual({
      code: 0,
      stdout: `${manifest.version}\n`,
      stderr: '',
    });
  });
});

describe('a command line that cannot be understood', () => {
  const cases: [args: string[], message: RegExp][] = [
    [['resolv'], /unknown command 'resolv' \(Did you mean resolve\?\)/],
    [['resolve', '--inptu', 'x'], /unknown option '--inptu' \(Did you mean --input\?\)/],
    [['resolve', 'x'], /too many arguments/],
    [['resolve'], /No database is named\. Give --database .* or set DATABASE_URL\./],
    [['resolve', '--database', ''], /No database is named/],
    [
      ['resolve', '--input', plain, '--database', 'postgresql://h/d'],
      /'--input <dir>' cannot be used with option '--database <url>'/,
    ],
    [['resolve', '--database', 'http://h/d'], /not a PostgreSQL URL/],
    [
      ['resolve', '--input', plain, '--backend', 'gpu'],
      /'--backend <name>' argument 'gpu' is invalid\. Allowed choices are auto, inline, pool, native\./,
    ],
    [
      ['resolve', '--input', plain, '--threads', '0'],
      /--threads is "0", not a whole number from 1 to 256\./,
    ],
    [
      ['resolve', '--input', plain, '--chunk-steps', '1e3'],
      /--chunk-steps is "1e3", not a whole number/,
    ],
    [['resolve', '--input', plain, '--rules', 'ruby'], /Allowed choices are rails, engine/],
    [
      ['resolve', '--input', plain, '--now', 'tomorrow'],
      /--now is "tomorrow", not a UTC timestamp such as/,
    ],
    [['resolve', '--input', plain, '--now', 'infinity'], /--now is "infinity"/],
    [['resolve', '--input', plain, '--now', '2026-02-30'], /--now is "2026-02-30"/],
    [['resolve', '--input', plain, '--tasks', '1,x'], /--tasks is "x", not a 64-bit id\./],
    [['resolve', '--input', plain, '--tasks', ' , '], /--tasks is " , ", not a list of ids/],
    [['resolve', '--input', plain, '--tasks', '9223372036854775808'], /not a 64-bit id/],
    [['resolve', '--input', plain, '--tasks', '1', '--all'], /cannot be used with option '--all'/],
    [
      ['resolve', '--input', plain, '--namespace', 'n'],
      /--namespace cannot be used with --input: .* Use --tasks\./,
    ],
    [['resolve', '--input', plain, '--unfinished'], /--unfinished cannot be used with --input/],
    [
      ['resolve', '--input', plain, '--task-version', '1'],
      /--task-version is given without --name\./,
    ],
    [['explain'], /missing required argument 'step-id'/],
    [['explain', 'seven', '--input', plain], /step-id is "seven", not a 64-bit id\./],
    [['explain', '7'], /No database is named/],
    [['analyze'], /missing required argument 'task-id'/],
    [['analyze', 'x', '--input', plain], /task-id is "x", not a 64-bit id\./],
    [['analyze', '7'], /No database is named/],
    [['analyze', '7', '--input', plain, '--runs', '0'], /--runs is "0", not a whole number from 1/],
    [
      ['analyze', '7', '--input', plain, '--compare', '8', '--blast-radius', '9'],
      /cannot be used with option '--compare <task>'/,
    ],
    [['analyze', '7', '--input', plain, '--backend', 'pool'], /Allowed choices are auto, inline,/],
    [['migrate', '--indexes', 'all'], /Allowed choices are lean, rails/],
    [['migrate'], /No database is named/],
    [['seed'], /required option '--tasks <n>' not specified/],
    [['seed', '--tasks', '-1', '--database', 'postgresql://h/d'], /--tasks is "-1"/],
    [['seed', '--tasks', '1', '--mix', 'circles=1', '--database', 'postgresql://h/d'], /circles/],
    [['demo', '--tasks', 'many'], /--tasks is "many"/],
  ];

  test.each(cases)('%j', async (args, message) => {
    const { code, stdout, stderr } = await tasker(args);
    expect({ code, stdout }).toEqual({ code: 64, stdout: '' });
    expect(stderr).toMatch(/^tasker: TASKER_BAD_ARGUMENT: [^\n]+\n$/);
    expect(stderr).toMatch(message);
  });

  test('ends the process with 64', async () => {
    const { code, stderr } = await taskerProcess(['resolve', '--qqqqqqqq']);
    expect(code).toBe(64);
    expect(stderr).toBe("tasker: TASKER_BAD_ARGUMENT: unknown option '--qqqqqqqq'.\n");
  });
});

describe('a failure', () => {
  test('of the database is one sentence without the password', async () => {
    const { code, stdout, stderr } = await taskerProcess(['resolve'], {
      DATABASE_URL: 'postgresql://me:topsecret@127.0.0.1:1/shop',
    });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(
      /^tasker: TASKER_DATABASE_UNREACHABLE: Cannot connect to [^\n]*nothing listens there\. [^\n]*\n$/,
    );
    expect(stderr).not.toContain('topsecret');
  });

  test('shows the stack only when asked to', async () => {
    const args = ['resolve', '--input', join(ROOT, 'no-such-directory')];
    const quiet = await tasker(args);
    expect(quiet.code).toBe(1);
    expect(quiet.stderr).toMatch(
      /^tasker: TASKER_BAD_INPUT: [^\n]*meta\.json cannot be read\. [^\n]*\n$/,
    );
    const loud = await tasker(args, { TASKER_DEBUG: '1' });
    expect(loud.stderr).toMatch(/\n +at /);
    expect(loud.stderr).toContain('caused by: ');
  });
});

describe('being stopped', () => {
  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('by %s while it waits for a server', async (signal, expected) => {
    // a server that takes the connection and never answers
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const child = startTasker(['resolve', '--database', `postgresql://me@127.0.0.1:${port}/shop`]);
    const ended = whenEnded(child);
    const [socket] = await once(server, 'connection');
    child.kill(signal);
    expect(await ended).toEqual({
      code: expected,
      stdout: '',
      stderr: `tasker: stopped by ${signal}.\n`,
    });
    (socket as { destroy(): void }).destroy();
    server.close();
  });
});

test('a reader of stdout that goes away is no error', async () => {
  const child = spawn('sh', ['-c', `"${process.execPath}" src/cli/main.ts resolve --help | true`], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  expect(await whenEnded(child)).toEqual({ code: 0, stdout: '', stderr: '' });
});

test('progress comes on stderr every two seconds where there is no terminal', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const child = startTasker(['migrate', '--database', `postgresql://me@127.0.0.1:${port}/shop`]);
  const ended = whenEnded(child);
  await once(child.stderr!, 'data');
  child.kill('SIGINT');
  const { code, stderr } = await ended;
  expect(code).toBe(130);
  expect(stderr).toMatch(/^(connecting\n)+tasker: stopped by SIGINT\.\n$/);
  server.close();
});
