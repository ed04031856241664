import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { addonIsStale } from './build-native.mjs';
import type { Check, Counts } from './check.ts';
import { longNativeChecks, nativeChecks } from './native-checks.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** What `npm test`, `npm run test:faults` and `npm run test:long -- NAME` run. */
export const TIERS = ['test', 'faults', 'long'] as const;
export type Tier = (typeof TIERS)[number];

/** Where real processes are killed and servers restarted. */
const FAULTS = 'test/orchestration/faults';
/** Large snapshots and many runs: counting what is covered would only make them slow. */
const LARGE = '.large.test.ts';
/** What takes longer than `npm test` may, see `LONG_NAMES`. */
const LONG = '**/*.long.test.ts';

/** All checks of a tier, the quick ones first. A new one is one row here. */
export function checksFor(tier: Tier, environment: Environment): readonly Check[] {
  if (tier === 'faults') return [vitest('faults', FAULTS)];
  if (tier === 'long') return longChecks(environment);
  return [
    { name: 'types', command: ['tsc', '--noEmit'] },
    { name: 'lint', command: ['oxlint'] },
    { name: 'format', command: ['oxfmt', '--check'] },
    { name: 'unused', command: ['knip'] },
    { name: 'build', command: ['npm', 'run', '--silent', 'build'] },
    vitest(
      'tests',
      '--coverage',
      ...[`${FAULTS}/**`, `**/*${LARGE}`, LONG].flatMap((files) => ['--exclude', files]),
    ),
    vitest('large', LARGE),
    ...nativeChecks(environment),
  ];
}

/** What takes minutes: each name may stand for several checks, see `LONG_NAMES`. */
function longChecks(environment: Environment): readonly Check[] {
  return [
    ...longNativeChecks(environment),
    {
      ...vitest('fuzz', 'test/resolver/native-fuzz'),
      environment: { TASKER_FUZZ_ROUNDS: '20000' },
    },
    vitest('bench', 'test/bench'),
    vitest('package', 'test/package'),
    { name: 'soak', command: ['node', 'bench/soak.ts'] },
    {
      ...vitest('off', '--exclude', LONG),
      environment: { TASKER_NATIVE: 'off' },
      unavailable: () =>
        environment['TASKER_NATIVE'] === 'required'
          ? undefined
          : addonIsStale()
            ? 'there is no addon: npm test runs without it already'
            : undefined,
    },
    { name: 'scale', command: ['node', 'bench/scale.ts'] },
  ];
}

/** Names of the long tier and what they stand for. */
export const LONG_NAMES: Readonly<Record<string, string>> = {
  fuzz: 'two minutes of random input for each of the crates, the addon and the Ruby gem',
  valgrind: 'the crates and the C library under valgrind and AddressSanitizer',
  gem: 'the Ruby gem, packed, installed elsewhere and compiled anew',
  off: 'every test once more without the native addon',
  bench: 'every scenario of the benchmarks at a tiny size',
  package: 'the packed package with its platform packages, installed from a registry',
  soak: 'memory of a resolver that never rests',
  scale: 'peak memory of very large runs',
};

/** Reports of this process in the temporary folder. */
const reports = new Set<string>();

function removeReports(): void {
  for (const report of reports) rmSync(report, { force: true });
}

/** A check that runs vitest and counts each test. */
function vitest(name: string, ...args: string[]): Check {
  const report = join(tmpdir(), `tasker-core-${name}-${process.pid}.json`);
  if (reports.size === 0) process.once('exit', removeReports);
  reports.add(report);
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
