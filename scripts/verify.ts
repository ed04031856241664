/**
 * `npm run verify [-- NAME…]` and `npm test`: every check of checks.ts, or the named ones.
 *
 * One line for each check, the full output of those that fail, and `N passed, N failed, N skipped`
 * alone on the last line: each test counts, and each other check counts as one. Exit code 0 when
 * nothing failed, 1 when something did, 64 for an unknown name.
 */
import type { Counts } from './check.ts';
import { checksFor } from './checks.ts';
import { runCheck } from './run-check.ts';

async function main(names: readonly string[]): Promise<number> {
  const checks = checksFor(process.env);
  const unknown = names.find((name) => !checks.some((check) => check.name === name));
  if (unknown !== undefined) {
    const known = checks.map((check) => check.name).join(', ');
    process.stderr.write(`There is no check named ${unknown}; the checks are ${known}.\n`);
    return 64;
  }

  const total: Counts = { passed: 0, failed: 0, skipped: 0 };
  for (const check of checks) {
    if (names.length > 0 && !names.includes(check.name)) continue;
    const { counts, seconds, output, reason } = await runCheck(check);
    total.passed += counts.passed;
    total.failed += counts.failed;
    total.skipped += counts.skipped;
    const verdict = counts.failed > 0 ? 'FAILED' : reason === undefined ? 'ok    ' : 'skip  ';
    const detail = reason ?? (check.count === undefined ? '' : summary(counts));
    process.stdout.write(
      `${verdict} ${check.name.padEnd(8)} ${seconds.toFixed(1).padStart(6)} s${detail && `   ${detail}`}\n`,
    );
    if (counts.failed > 0) process.stdout.write(`${output.trimEnd()}\n\n`);
  }
  process.stdout.write(`${summary(total)}\n`);
  return total.failed === 0 ? 0 : 1;
}

function summary({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}

process.exitCode = await main(process.argv.slice(2));
