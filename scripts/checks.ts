import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addonIsStale, cargoIsHere, causeOf, lastFailure } from './build-native.mjs';

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
  /** Set for this check beside what is set already. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Reads the check's own report; without it a check counts as one, by its exit code. */
  readonly count?: (output: string) => Counts;
  /** Why the check cannot run here; it is then skipped, with this reason in the table. */
  readonly unavailable?: () => string | undefined;
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
  {
    name: 'fallback',
    command: ['vitest', 'run', 'test/resolver/faults.test.ts', 'test/cli/resolve.test.ts'],
    environment: { TASKER_NATIVE: 'off' },
    unavailable: () => (addonIsStale() ? 'tests ran without the addon already' : undefined),
  },
  ...cargoChecks(),
];

function cargoChecks(): Check[] {
  const cargo = (name: string, ...args: string[]): Check => ({
    name,
    command: ['cargo', ...args],
    unavailable: whyNoCargo,
  });
  const workspace = ['--manifest-path', 'native/Cargo.toml'];
  return [
    cargo('rustfmt', 'fmt', '--all', ...workspace, '--check'),
    cargo('clippy', 'clippy', ...workspace, '--locked', '--all-targets', '--', '--deny=warnings'),
    {
      ...cargo('cargo', 'test', ...workspace, '--locked', '--package', 'tasker-resolver'),
      count: countCargoTests,
    },
  ];
}

/** Sources that do not compile are no reason: these checks are there to say so. */
function whyNoCargo(): string | undefined {
  if (process.env['TASKER_NATIVE'] === 'off') return 'TASKER_NATIVE=off';
  if (process.env['TASKER_NATIVE'] === 'required') return undefined;
  if (!cargoIsHere()) return 'cargo is not here';
  const failure = addonIsStale() ? lastFailure() : undefined;
  return failure?.kind === 'cargo' ? `cargo failed: ${causeOf(failure)}` : undefined;
}

/** Sums up the result lines of `cargo test`, one for each test program. */
export function countCargoTests(output: string): Counts {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const line of output.matchAll(
    /^test result: .* (\d+) passed; (\d+) failed; (\d+) ignored;/gm,
  )) {
    counts.passed += Number(line[1]);
    counts.failed += Number(line[2]);
    counts.skipped += Number(line[3]);
  }
  return counts;
}

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
