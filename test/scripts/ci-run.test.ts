import { execFile } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';

const script = fileURLToPath(new URL('../../.ci/run', import.meta.url));
let bin = '';

beforeEach(async () => {
  bin = await mkdtemp(join(tmpdir(), 'tasker-ci-'));
});
afterEach(() => rm(bin, { recursive: true, force: true }));

/** Runs the script with an npm that is this shell text, and with nothing else where `path` is empty. */
async function ci(
  npm: string,
  path = process.env['PATH'],
): Promise<{ code: number; lines: string[] }> {
  if (npm !== '') {
    await writeFile(join(bin, 'npm'), `#!/bin/sh\n${npm}\n`);
    await chmod(join(bin, 'npm'), 0o755);
  }
  const env = { PATH: `${bin}:${path}` };
  const { code, stdout } = await promisify(execFile)('/bin/bash', [script], { env }).then(
    (ended) => ({ code: 0, stdout: ended.stdout }),
    (error: { code: number; stdout: string }) => error,
  );
  return { code, lines: stdout.trimEnd().split('\n') };
}

test('passes on the last line and the exit code of the checks', async () => {
  const good = await ci(`echo "$CI $1"; echo '3 passed, 0 failed, 1 skipped'`);
  expect(good).toEqual({ code: 0, lines: ['true test', '3 passed, 0 failed, 1 skipped'] });
  const bad = await ci(`echo '3 passed, 2 failed, 0 skipped'; exit 1`);
  expect(bad).toEqual({ code: 1, lines: ['3 passed, 2 failed, 0 skipped'] });
});

test('ends with one failure when the checks never began', async () => {
  const failed = await ci(`echo 'no network' >&2; exit 7`);
  expect(failed).toEqual({ code: 7, lines: ['no network', '0 passed, 1 failed, 0 skipped'] });
  const silent = await ci('exit 0');
  expect(silent).toEqual({ code: 1, lines: ['0 passed, 1 failed, 0 skipped'] });
});

test('says what is missing where there is no Node', async () => {
  const missing = await ci('', '/nowhere');
  expect(missing).toEqual({ code: 1, lines: ['0 passed, 1 failed, 0 skipped'] });
});
