import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readTestReport, type Check } from '../../scripts/checks.ts';
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
});
