import {
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const HEARTBEAT_MS = 1_000;
const POLL_MS = 200;
/** A holder that has not touched its file for so long is taken for dead, wherever it ran. */
const SILENT_MS = 60_000;

/**
 * Takes the lock file at `path`, waiting for another holder to release it or to die.
 *
 * The file names the holder's host and process; the holder touches it every second. It must not lie
 * below node_modules, which `npm ci` empties.
 *
 * @param {string} path
 * @returns {Promise<() => void>} releases the lock; may be called twice.
 */
export async function takeLock(path) {
  mkdirSync(dirname(path), { recursive: true });
  const owner = `${hostname()} ${process.pid}`;
  while (!create(path, owner)) {
    removeIfDead(path);
    await delay(POLL_MS);
  }
  const heartbeat = setInterval(() => touch(path), HEARTBEAT_MS);
  heartbeat.unref();
  return () => {
    clearInterval(heartbeat);
    if (read(path) === owner) unlinkSync(path);
  };
}

function create(path, owner) {
  // Written aside and linked into place, so that nobody ever reads a lock without its owner.
  const draft = `${path}.${process.pid}`;
  const file = openSync(draft, 'w');
  writeSync(file, owner);
  closeSync(file);
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  } finally {
    unlinkSync(draft);
  }
}

function removeIfDead(path) {
  const owner = read(path);
  if (owner === undefined || !isDead(path, owner)) return;
  // Of several waiters one may already have replaced the dead lock by its own: move it aside,
  // look at what was moved, and put a living one back.
  const aside = `${path}.dead.${process.pid}`;
  try {
    renameSync(path, aside);
    if (read(aside) !== owner) linkSync(aside, path);
    unlinkSync(aside);
  } catch (error) {
    if (error.code !== 'ENOENT' && error.code !== 'EEXIST') throw error;
  }
}

function isDead(path, owner) {
  const [host, pid] = owner.split(' ');
  if (host === hostname() && !isRunning(Number(pid))) return true;
  try {
    return Date.now() - statSync(path).mtimeMs > SILENT_MS;
  } catch {
    return false;
  }
}

function isRunning(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function touch(path) {
  const now = new Date();
  try {
    utimesSync(path, now, now);
  } catch {
    // Somebody took this process for dead; the release finds another owner and leaves it alone.
  }
}
