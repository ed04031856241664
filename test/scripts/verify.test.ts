import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const script = fileURLToPath(new URL('../../scripts/verify.ts', import.meta.url));

test('names the checks when asked for one that is not there', async () => {
  const ended = promisify(execFile)(process.execPath, [script, 'spelling']);
  await expect(ended).rejects.toMatchObject({
    code: 64,
    stderr: expect.stringContaining(
      'There is no check named spelling; the checks are types, lint,',
    ),
  });
});

test('runs only the named checks and ends with their counts', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [script, 'format'], {
    cwd: fileURLToPath(new URL('../../', import.meta.url)),
  }).catch((error: { stdout: string }) => error);
  const lines = stdout.trimEnd().split('\n');
  expect(lines[0]).toMatch(/^(ok|FAILED) +format +\d+\.\d s$/);
  expect(lines.at(-1)).toMatch(/^(1 passed, 0|0 passed, 1) failed, 0 skipped$/);
});

test('lists what takes long unless one of it is named', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [script, '--tier', 'long']);
  expect(stdout).toMatch(/^npm run test:long -- fuzz +two minutes/);
  expect(stdout.trimEnd().split('\n')).toHaveLength(8);
});
