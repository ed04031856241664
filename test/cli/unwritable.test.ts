import { spawn } from 'node:child_process';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { goldenDirectory } from '../support/golden.ts';
import {
  ROOT,
  tasker,
  taskerProcess,
  temporaryDirectory,
  whenEnded,
  type Ended,
} from './tasker.ts';

const INPUT = goldenDirectory('plain').pathname;

/** Runs a line of shell in which `$TASKER` is the command. */
async function inShell(line: string): Promise<Ended> {
  const child = spawn('sh', ['-c', line], {
    cwd: ROOT,
    env: { ...process.env, TASKER: `${process.execPath} src/cli/main.ts` },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return whenEnded(child);
}

describe('answers that cannot be written', () => {
  test('a directory in the place of a file is refused before the work', async () => {
    await using dir = await temporaryDirectory();
    await mkdir(join(dir.path, 'contexts.ndjson'));
    const { code, stderr } = await tasker(['resolve', '--input', INPUT, '--output', dir.path]);
    expect(code).toBe(64);
    expect(stderr).toMatch(/^tasker: TASKER_BAD_ARGUMENT: --output is [^\n]*\(EISDIR\)[^\n]*\n$/);
    expect(await readdir(dir.path)).toEqual(['contexts.ndjson']);
  });

  test.skipIf(process.platform !== 'linux')(
    'a file system that takes no directories is refused, too',
    async () => {
      const output = '/proc/tasker/answers';
      const { code, stderr } = await taskerProcess([
        'resolve',
        '--input',
        INPUT,
        '--output',
        output,
      ]);
      expect(code).toBe(64);
      expect(stderr).toMatch(/^tasker: TASKER_BAD_ARGUMENT: --output is [^\n]*\n$/);
    },
  );

  test.skipIf(process.platform === 'win32')('a file that may grow no more', async () => {
    await using dir = await temporaryDirectory();
    const output = join(dir.path, 'out');
    const { code, stderr } = await inShell(
      `trap '' XFSZ; ulimit -f 100; exec $TASKER resolve --input '${INPUT}' --output '${output}'`,
    );
    expect(code).toBe(1);
    expect(stderr).toMatch(/^tasker: TASKER_CANNOT_WRITE: [^\n]*\(EFBIG\)[^\n]*\n$/);
    expect(await readdir(output)).toEqual([]);
  });

  test.skipIf(process.platform !== 'linux')('stdout on a full disk', async () => {
    const { code, stderr } = await inShell(`$TASKER resolve --input '${INPUT}' > /dev/full`);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^tasker: TASKER_CANNOT_WRITE: stdout [^\n]*\(ENOSPC\)[^\n]*\n$/);
  });
});
