import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What one check found. */
export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/** One row of the table that `npm run verify` goes through. */
export interface Check {
  /** Selects the check: `npm run verify -- lint`. */
  readonly name: string;
  /** Program of node_modules/.bin or of the PATH, and its arguments. */
  readonly command: readonly [program: string, ...args: string[]];
  /** Reads the check's own report; without it a check counts as one, by its exit code. */
  readonly count?: () => Counts;
}

const testReport = join(tmpdir(), `tasker-core-tests-${process.pid}.json`);

/** All checks, the quick ones first. A new one is one row here. */
export const CHECKS: readonly Check[] = [
  { name: 'types', command: ['tsc', '--noEmit'] },
  { name: 'lint', command: ['oxlint'] },
  { name: 'format', command: ['oxfmt', '--check'] },
  { name: 'unused', command: ['knip'] },
  { name: 'build', command: ['npm', 'run', '--silent', 'build'] },
  {
    name: 'tests',
    command: [
      'vitest',
      'run',
      '--coverage',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${testReport}`,
    ],
    count: () => readTestReport(testReport),
  },
];

/** The part of vitest's JSON report that is counted. */
interface TestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly {
    readonly status: string;
    readonly assertionResults: unknown[];
  }[];
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
