/**
 * The check `reach`: runs the conformance corpus of the Rust kernels under callgrind, without any
 * optimization, and names each public function that it does not come to. Exit code 1 for any.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runner } from './native-checks.ts';
import { functionsThatRan, publicFunctionsOf, unreached } from './public-functions.ts';

const crate = fileURLToPath(new URL('../native/resolver/', import.meta.url));
const target = fileURLToPath(new URL('../native/target/reach/', import.meta.url));
const profile = join(target, `callgrind.out.${process.pid}`);

function runCorpus(): boolean {
  mkdirSync(target, { recursive: true });
  const callgrind = runner('--tool=callgrind', `--callgrind-out-file=${profile}`);
  const what = ['--manifest-path', join(crate, 'Cargo.toml'), '--locked', '--test', 'corpus'];
  const { status } = spawnSync(
    'cargo',
    ['test', ...what, '--target-dir', target, '--config', callgrind],
    { stdio: 'inherit', env: { ...process.env, CARGO_PROFILE_TEST_OPT_LEVEL: '0' } },
  );
  return status === 0;
}

function report(): boolean {
  const functions = publicFunctionsOf(join(crate, 'src'));
  const ran = functionsThatRan(readFileSync(profile, 'utf8'));
  const entryPoints = readFileSync(join(crate, 'tests', 'support', 'entry_points.rs'), 'utf8');
  const missing = unreached('tasker_resolver', functions, ran, entryPoints);
  for (const { module, name } of missing) {
    process.stdout.write(`The corpus does not come to ${module}::${name}.\n`);
  }
  if (missing.length > 0) {
    process.stdout.write('Add a line to ENTRY_POINTS in native/resolver/tests/support.\n');
  }
  process.stdout.write(`${functions.length} public functions, ${missing.length} not reached\n`);
  return functions.length > 0 && missing.length === 0;
}

try {
  process.exitCode = runCorpus() && report() ? 0 : 1;
} finally {
  rmSync(profile, { force: true });
}
