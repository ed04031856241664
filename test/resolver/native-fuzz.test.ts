import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { expect, test } from 'vitest';

import { loadNative } from '../../src/resolver/native.ts';

const { binary } = loadNative(process.env);
const program = fileURLToPath(new URL('../support/native-fuzz.ts', import.meta.url));
const ROUNDS = Number(process.env['TASKER_FUZZ_ROUNDS'] ?? 2_000);

test.skipIf(binary === undefined)(
  'broken snapshots and wrong views end in an answer or an error, never the process',
  { timeout: 300_000 },
  async () => {
    const seed = Number(process.env['TASKER_FUZZ_SEED'] ?? 1) % 2 ** 31;
    const args = [program, binary!, String(seed), String(ROUNDS)];
    const run = promisify(execFile)(process.execPath, args, { maxBuffer: 2 ** 24 });
    const { stdout, stderr, ...ended } = await run.then(
      (streams) => ({ code: 0, signal: null, ...streams }),
      (error: { code: number; signal: string | null; stdout: string; stderr: string }) => error,
    );
    const latest = stdout.trim().split('\n').at(-1);
    const repeat = `node ${args.slice(0, 2).join(' ')} ${latest} 1`;
    expect(`${ended.code} ${ended.signal}`, `${repeat}\n${stderr}`).toBe('0 null');
    expect(latest).toBe(String(seed + ROUNDS - 1));
  },
);
