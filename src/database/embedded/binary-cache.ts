import { randomBytes } from 'node:crypto';
import { existsSync, type Stats } from 'node:fs';
import {
  chmod,
  copyFile,
  lchown,
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  realpath,
  rename,
  rm,
  symlink,
  utimes,
} from 'node:fs/promises';
import { homedir, hostname, tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';

/** A copy of another version that nobody has started for so long is removed. */
const UNUSED_MS = 30 * 24 * 3_600_000;
/** A copy that another machine began so long ago will not be finished. */
const ABANDONED_MS = 3_600_000;
const UNFINISHED = 'unfinished';
const MAY_WRITE = 0o022;
const STICKY = 0o1000;

/** Who runs the programs, where that is not the caller. */
interface Runner {
  /** Whether the account may enter a folder. */
  readonly mayEnter: (folder: string) => boolean;
  readonly uid?: number;
  readonly gid?: number;
}

/**
 * A complete copy of a package's programs, with its library links, that any account can run: made once for each
 * version of the package and shared by all starts of this user.
 *
 * It lies in `tasker-core-<uid>` below `XDG_CACHE_HOME`, else `~/.cache`, else the temporary folder: the first that
 * the runner may enter and where nobody but this user and root can put anything. Where there is none, the copy goes
 * to `fallback` and is not shared. A copy appears under its name when it is whole, and is compared with the package
 * by names, sizes, owner and mode before each use: one that a cleaner of temporary files has thinned out is made anew.
 * What a killed process left unfinished is removed by the next start, and so are copies of other versions that
 * were not started for 30 days.
 *
 * @param native the package's `native` folder, beside its `package.json`
 * @returns the folder with `bin`, `lib` and `share`; O(files)
 */
export async function cachedCopy(
  native: string,
  runner: Runner,
  fallback: string,
): Promise<string> {
  const cache = await safeCache(runner.mayEnter);
  if (cache === undefined) {
    await rm(fallback, { recursive: true, force: true });
    await copyPackage(native, fallback, runner);
    return fallback;
  }
  const manifest = await readFile(join(native, '..', 'package.json'), 'utf8');
  const { version } = JSON.parse(manifest) as { version: string };
  const name = `postgres-${version}-${process.platform}-${process.arch}`;
  const copy = join(cache, name);
  if (!(await isComplete(native, copy))) await put(native, copy);
  const now = new Date();
  await utimes(copy, now, now);
  await clean(cache, name);
  return copy;
}

/** The folder of the copies, made if need be; nothing where no place is safe. */
async function safeCache(mayEnter: Runner['mayEnter']): Promise<string | undefined> {
  const places = [process.env['XDG_CACHE_HOME'], join(homedir(), '.cache'), tmpdir()];
  for (const place of places) {
    if (place === undefined || place === '' || !mayEnter(existing(place))) continue;
    const cache = join(place, `tasker-core-${process.getuid?.() ?? 'cache'}`);
    const isSafe = await makeFolder(cache).then(
      () => true,
      () => false,
    );
    if (isSafe && mayEnter(cache)) return cache;
  }
  return undefined;
}

/** The folder, or the one above it that is there. */
function existing(folder: string): string {
  return existsSync(folder) || folder === dirname(folder) ? folder : existing(dirname(folder));
}

/** Makes a folder that only this user writes, or takes the one that is there; an error where others could write. */
async function makeFolder(folder: string): Promise<void> {
  await mkdir(dirname(folder), { recursive: true });
  const isNew = await mkdir(folder, { mode: 0o755 }).then(
    () => true,
    () => false,
  );
  const found = await lstat(folder);
  if (!found.isDirectory() || !isOwn(found)) throw new Error(`${folder} is another's`);
  // whatever the umask; one that is there keeps its mode, or is not used
  if (isNew) await chmod(folder, 0o755);
  else if (isWritable(found)) throw new Error(`${folder} can be written by others`);
  for (let at = dirname(await realpath(folder)); ; at = dirname(at)) {
    const above = await lstat(at);
    const isTrusted = isOwn(above) || above.uid === 0;
    if (!isTrusted || (isWritable(above) && (above.mode & STICKY) === 0))
      throw new Error(`${at} lets others replace what lies in it`);
    if (at === dirname(at)) return;
  }
}

function isOwn({ uid }: Stats): boolean {
  return process.getuid === undefined || uid === process.getuid();
}

function isWritable({ mode }: Stats): boolean {
  return process.platform !== 'win32' && (mode & MAY_WRITE) !== 0;
}

/** Relative paths and what stands there: everything of the package, and the links that its install script makes. */
async function contents(native: string): Promise<Map<string, Stats | string>> {
  const entries = new Map<string, Stats | string>();
  for (const path of (await readdir(native, { recursive: true })).sort()) {
    const found = await lstat(join(native, path));
    entries.set(path, found.isSymbolicLink() ? await readlink(join(native, path)) : found);
  }
  const listing = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of JSON.parse(listing) as { source: string; target: string }[]) {
    // Both paths start with "native/".
    const path = relative('native', target);
    if (!entries.has(path)) entries.set(path, relative(dirname(target), source));
  }
  return entries;
}

async function copyPackage(native: string, copy: string, owner: Runner): Promise<void> {
  await mkdir(copy, { mode: 0o755 });
  await chmod(copy, 0o755);
  const entries = await contents(native);
  for (const [path, entry] of entries) {
    const target = join(copy, path);
    if (typeof entry === 'string') {
      await symlink(entry, target);
    } else if (entry.isDirectory()) {
      await mkdir(target);
      await chmod(target, 0o755);
    } else {
      await copyFile(join(native, path), target);
      await chmod(target, (entry.mode & 0o100) === 0 ? 0o644 : 0o755);
    }
  }
  const { uid, gid } = owner;
  if (uid === undefined || gid === undefined) return;
  // whoever removes the cluster of a killed process runs as its account
  for (const path of ['', ...entries.keys()]) await lchown(join(copy, path), uid, gid);
}

async function isComplete(native: string, copy: string): Promise<boolean> {
  try {
    const root = await lstat(copy);
    if (!root.isDirectory() || !isOwn(root) || isWritable(root)) return false;
    for (const [path, entry] of await contents(native)) {
      const target = join(copy, path);
      const found = await lstat(target);
      if (!isOwn(found)) return false;
      if (typeof entry === 'string') {
        if (!found.isSymbolicLink() || (await readlink(target)) !== entry) return false;
      } else {
        if (found.isDirectory() !== entry.isDirectory() || isWritable(found)) return false;
        if (found.isSymbolicLink() || (found.isFile() && found.size !== entry.size)) return false;
      }
    }
    return true;
  } catch {
    return false;
  }
}

/** Puts a whole copy in place of none or of a thinned-out one; of several that do, the first one's stays. */
async function put(native: string, copy: string): Promise<void> {
  const before = await lstat(copy).catch(() => undefined);
  const draft = unfinishedName(dirname(copy));
  try {
    await copyPackage(native, draft, { mayEnter: () => true });
    // only the one that was found wanting, not one that another start has put there since
    if (before !== undefined && (await lstat(copy).catch(() => undefined))?.ino === before.ino)
      await discard(copy);
    await rename(draft, copy);
  } catch (error) {
    if (!(await isComplete(native, copy))) throw error;
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

function unfinishedName(cache: string): string {
  const unique = randomBytes(4).toString('hex');
  return join(cache, `${UNFINISHED} ${hostname()} ${process.pid} ${unique}`);
}

/** Takes the name away at once, so that nobody finds half of it, then the files. */
async function discard(folder: string): Promise<void> {
  const aside = unfinishedName(dirname(folder));
  const isMoved = await rename(folder, aside).then(
    () => true,
    () => false, // another start was quicker
  );
  if (isMoved) await rm(aside, { recursive: true, force: true });
}

async function clean(cache: string, current: string): Promise<void> {
  for (const name of await readdir(cache)) {
    if (name === current) continue;
    const found = await lstat(join(cache, name)).catch(() => undefined);
    if (found === undefined) continue;
    const age = Date.now() - found.mtimeMs;
    const [kind, host, pid] = name.split(' ');
    const isOver =
      kind === UNFINISHED
        ? age > ABANDONED_MS || (host === hostname() && !isRunning(Number(pid)))
        : age > UNUSED_MS;
    if (isOver) await discard(join(cache, name));
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { code?: string }).code === 'EPERM';
  }
}
