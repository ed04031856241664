import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Check } from '../../scripts/check.ts';
import { describeFailures, readTestReport } from '../../scripts/checks.ts';
import { countsOf, runCheck } from '../../scripts/run-check.ts';

const node = (program: string): Check['command'] => [process.execPath, '--eval', program];

describe('a check without a report of its own', () => {
  test('counts as one by its exit code and keeps what it printed', async () => {
    const good = await runCheck({ name: 'good', command: node('') });
    expect(good.counts).toEqual({ passed: 1, failed: 0, skipped: 0 });
    const program = `console.log('out'); console.error('err'); process.exit(3)`;
    const bad = await runCheck({ name: 'bad', command: node(program) });
    expect(bad.counts).toEqual({ passed: 0, failed: 1, skipped: 0 });
    expect(bad.output).toContain('out\n');
    expect(bad.output).toContain('err\n');
  });

  test('fails when its program is missing or dies by a signal', async () => {
    const missing = await runCheck({ name: 'missing', command: ['no-such-program-here'] });
    expect(missing.counts.failed).toBe(1);
    expect(missing.output).toContain('no-such-program-here');
    const killed = await runCheck({
      name: 'killed',
      command: node('process.kill(process.pid, 9)'),
    });
    expect(killed.counts.failed).toBe(1);
  });
});

describe('a check with a report', () => {
  const check = (passed: number, failed: number): Check => ({
    name: 'tests',
    command: ['unused'],
    count: () => ({ passed, failed, skipped: 0 }),
  });

  test('counts what the report says', () => {
    expect(countsOf(check(3, 0), 0)).toEqual({ passed: 3, failed: 0, skipped: 0 });
    expect(countsOf(check(3, 2), 1)).toEqual({ passed: 3, failed: 2, skipped: 0 });
  });

  test('fails once when it ends badly with no failed test, or when nothing ran', () => {
    expect(countsOf(check(3, 0), 1)).toEqual({ passed: 3, failed: 1, skipped: 0 });
    expect(countsOf(check(0, 0), 0)).toEqual({ passed: 0, failed: 1, skipped: 0 });
  });

  test('fails when there is no report', () => {
    const lost: Check = {
      name: 'tests',
      command: ['unused'],
      count: () => readTestReport('/nowhere.json'),
    };
    expect(countsOf(lost, 0)).toEqual({ passed: 0, failed: 1, skipped: 0 });
  });
});

describe('a report of vitest', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tasker-report-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test('counts a file that failed before its first test', async () => {
    const path = join(folder, 'report.json');
    const report = {
      numPassedTests: 5,
      numFailedTests: 1,
      numPendingTests: 2,
      numTodoTests: 1,
      testResults: [
        { status: 'failed', assertionResults: [] },
        { status: 'failed', assertionResults: [{}] },
        { status: 'passed', assertionResults: [{}] },
      ],
    };
    await writeFile(path, JSON.stringify(report));
    expect(readTestReport(path)).toEqual({ passed: 5, failed: 2, skipped: 3 });
  });

  test('names what failed, and where', async () => {
    const path = join(folder, 'failures.json');
    const failed = { status: 'failed', fullName: 'adds numbers', failureMessages: ['3 is not 4'] };
    const report = {
      testResults: [
        {
          name: join(process.cwd(), 'test/a.test.ts'),
          status: 'failed',
          message: 'No such module',
          assertionResults: [],
        },
        {
          name: join(process.cwd(), 'test/b.test.ts'),
          status: 'failed',
          assertionResults: [failed, { status: 'passed', fullName: 'is quiet' }],
        },
      ],
    };
    await writeFile(path, JSON.stringify(report));
    const text = describeFailures(path);
    expect(text).toContain('test/a.test.ts\n  No such module');
    expect(text).toContain('test/b.test.ts > adds numbers\n  3 is not 4');
    expect(text).not.toContain('is quiet');
    const program = `console.log('all it printed'); process.exit(1)`;
    const named = await runCheck({ name: 'b', command: node(program), failures: () => text });
    expect(named.output).toBe(text);
    const unnamed = await runCheck({ name: 'b', command: node(program), failures: () => '' });
    expect(unnamed.output).toContain('all it printed');
  });
});
