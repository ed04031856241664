import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { addonIsStale } from './build-native.mjs';
import type { Check, Counts } from './check.ts';
import { nativeChecks } from './native-checks.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Tests that touch a kernel, so that they have to hold without the addon as well. */
const WHERE_KERNELS_ARE = ['test/resolver', 'test/graph', 'test/cli', 'test/examples'];

/** All checks, the quick ones first. A new one is one row here. */
export function checksFor(environment: Environment): readonly Check[] {
  const { CI, TASKER_NATIVE } = environment;
  return [
    { name: 'types', command: ['tsc', '--noEmit'] },
    { name: 'lint', command: ['oxlint'] },
    { name: 'format', command: ['oxfmt', '--check'] },
    { name: 'unused', command: ['knip'] },
    { name: 'build', command: ['npm', 'run', '--silent', 'build'] },
    vitest('tests', '--coverage'),
    {
      // continuous integration runs the whole suite both with the addon and without it
      ...vitest('fallback', ...(CI === 'true' ? [] : WHERE_KERNELS_ARE)),
      environment: { TASKER_NATIVE: 'off' },
      unavailable: () => {
        if (TASKER_NATIVE === 'off') return 'TASKER_NATIVE=off: tests ran without the addon';
        if (TASKER_NATIVE === 'required') return undefined;
        return addonIsStale() ? 'there is no addon: tests ran without it' : undefined;
      },
    },
    ...nativeChecks(environment),
  ];
}

/** A check that runs vitest and counts each test. */
function vitest(name: string, ...args: string[]): Check {
  const report = join(tmpdir(), `tasker-core-${name}-${process.pid}.json`);
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  return {
    name,
    command: ['vitest', 'run', ...args, ...reporters],
    count: () => readTestReport(report),
    failures: () => describeFailures(report),
  };
}

/** The part of vitest's JSON report that is counted. */
interface TestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly {
    readonly name?: string;
    readonly message?: string;
    readonly status: string;
    readonly assertionResults: readonly TestResult[];
  }[];
}

/** What a report says of one test. */
interface TestResult {
  readonly status?: string;
  readonly fullName?: string;
  readonly failureMessages?: readonly string[];
}

/**
 * Counts of a vitest JSON report; a file that failed before its first test counts as one failure.
 *
 * Throws when the report is missing or not JSON.
 */
export function readTestReport(path: string): Counts {
  const report = JSON.parse(readFileSync(path, 'utf8')) as TestReport;
  const brokenFiles = report.testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.length === 0,
  ).length;
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + brokenFiles,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

/** Lines of a test's failure that are shown. */
const FAILURE_LINES = 25;

/**
 * The failed tests of a vitest JSON report, each with its file and the beginning of its messages;
 * empty when the report names none.
 *
 * Throws when the report is missing or not JSON.
 */
export function describeFailures(path: string): string {
  const report = JSON.parse(readFileSync(path, 'utf8')) as TestReport;
  const failures: string[] = [];
  for (const file of report.testResults) {
    const where = relative(process.cwd(), file.name ?? '');
    if (file.status === 'failed' && file.assertionResults.length === 0)
      failures.push(`${where}\n${beginning(file.message ?? '')}`);
    for (const { status, fullName, failureMessages } of file.assertionResults) {
      if (status !== 'failed') continue;
      failures.push(`${where} > ${fullName}\n${beginning((failureMessages ?? []).join('\n'))}`);
    }
  }
  return failures.join('\n');
}

function beginning(message: string): string {
  return stripVTControlCharacters(message)
    .split('\n')
    .slice(0, FAILURE_LINES)
    .map((line) => `  ${line}\n`)
    .join('');
}
