/** `npm run lock:complete`: lists in package-lock.json the packages of platforms that it lacks. */
import { readFileSync, writeFileSync } from 'node:fs';
import { absentPlatforms, type LockedPackage } from './lock-platforms.ts';

const path = new URL('../package-lock.json', import.meta.url);
const lock = JSON.parse(readFileSync(path, 'utf8')) as { packages: Record<string, LockedPackage> };
const entries = Object.entries({ ...lock.packages, ...absentPlatforms(lock.packages) });
// the order in which npm writes them
entries.sort(([one], [other]) => one.localeCompare(other, 'en'));
lock.packages = Object.fromEntries(entries);
writeFileSync(path, `${JSON.stringify(lock, undefined, 2)}\n`);
