/**
 * `npm run verify [-- NAME…]` and `npm test`: every check of checks.ts, or the named ones.
 * `npm run test:faults` and `npm run test:long -- NAME…`: those of another tier; the long ones are
 * listed where none is named.
 *
 * One line for each check, the full output of those that fail, and `N passed, N failed, N skipped`
 * alone on the last line: each test counts, and each other check counts as one. Exit code 0 when
 * nothing failed, 1 when something did, 64 for an unknown name.
 */
import { parseArgs } from 'node:util';
import type { Counts } from './check.ts';
import { checksFor, LONG_NAMES, TIERS } from './checks.ts';
import { runCheck } from './run-check.ts';

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals: names } = parseArgs({
    args: [...args],
    options: { tier: { type: 'string', default: 'test' } },
    allowPositionals: true,
  });
  const tier = TIERS.find((name) => name === values.tier);
  if (tier === undefined) {
    process.stderr.write(`There is no tier ${values.tier}; the tiers are ${TIERS.join(', ')}.\n`);
    return 64;
  }
  const checks = checksFor(tier, process.env);
  const unknown = names.find((name) => !checks.some((check) => check.name === name));
  if (unknown !== undefined) {
    const known = [...new Set(checks.map((check) => check.name))].join(', ');
    process.stderr.write(`There is no check named ${unknown}; the checks are ${known}.\n`);
    return 64;
  }
  if (tier === 'long' && names.length === 0) {
    for (const [name, text] of Object.entries(LONG_NAMES))
      process.stdout.write(`npm run test:long -- ${name.padEnd(10)} ${text}\n`);
    return 0;
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
