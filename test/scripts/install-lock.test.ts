import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

const module = new URL('../../scripts/install-lock.mjs', import.meta.url).href;
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tasker-lock-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A process that takes the lock, adds to a counter without any other care, and releases it. */
function increment(lock: string, counter: string): Promise<unknown[]> {
  const program = `
    import { readFileSync, writeFileSync } from 'node:fs';
    import { setImmediate as turn } from 'node:timers/promises';
    const { takeLock } = await import(${JSON.stringify(module)});
    const release = await takeLock(${JSON.stringify(lock)});
    const seen = Number(readFileSync(${JSON.stringify(counter)}, 'utf8'));
    await turn();
    writeFileSync(${JSON.stringify(counter)}, String(seen + 1));
    release();
    release();`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: 'inherit',
  });
  return once(child, 'close');
}

test('holders exclude each other, also when they find the lock of a dead process', async () => {
  const lock = join(folder, 'deep', 'install.lock');
  const counter = join(folder, 'counter');
  await writeFile(counter, '0');
  await increment(lock, counter);
  expect(existsSync(lock)).toBe(false);

  const dead = spawn(process.execPath, ['--version'], { stdio: 'ignore' });
  await once(dead, 'close');
  await writeFile(lock, `${hostname()} ${dead.pid}`);
  const endings = await Promise.all(Array.from({ length: 6 }, () => increment(lock, counter)));

  expect(endings).toEqual(Array.from({ length: 6 }, () => [0, null]));
  expect(await readFile(counter, 'utf8')).toBe('7');
  expect(existsSync(lock)).toBe(false);
});
