/**
 * `npm run build`: compiles `src` and `workers` to `dist`.
 *
 * Compiled aside, then renamed file by file: a run of the tests beside this one, or a program that is
 * started from `dist`, finds every file whole at every moment.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const DIST = join(ROOT, 'dist');
/** As deep as `dist`: source maps name the sources by relative paths. */
const ASIDE = join(ROOT, `dist.${process.pid}`);

const ABANDONED_MS = 3_600_000;

/** Relative paths of the files below a folder. */
function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
}

function compile(): number {
  const args = ['tsc', '-p', 'tsconfig.build.json', '--outDir', ASIDE];
  const options = { cwd: ROOT, stdio: 'inherit', shell: process.platform === 'win32' } as const;
  return spawnSync(args[0]!, args.slice(1), options).status ?? 1;
}

function putInPlace(): void {
  const built = filesOf(ASIDE);
  for (const file of built) {
    mkdirSync(dirname(join(DIST, file)), { recursive: true });
    renameSync(join(ASIDE, file), join(DIST, file));
  }
  const wanted = new Set(built);
  for (const file of filesOf(DIST)) {
    if (!wanted.has(file)) rmSync(join(DIST, file), { force: true });
  }
}

/** What a killed run has left. */
function removeAbandoned(): void {
  for (const name of readdirSync(ROOT)) {
    if (!/^dist\.\d+$/.test(name)) continue;
    const found = statSync(join(ROOT, name), { throwIfNoEntry: false });
    if (found !== undefined && found.mtimeMs < Date.now() - ABANDONED_MS)
      rmSync(join(ROOT, name), { recursive: true, force: true });
  }
}

removeAbandoned();
try {
  process.exitCode = compile();
  if (process.exitCode === 0) putInPlace();
} finally {
  rmSync(ASIDE, { recursive: true, force: true });
}
