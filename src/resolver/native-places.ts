import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A place where the addon may be. */
export interface NativePlace {
  /** File or package name. */
  readonly place: string;
  /** True when something is there, be it good or bad. */
  readonly isThere: boolean;
}

/** The part of a platform that decides which binary fits. */
export interface Platform {
  readonly platform: string;
  readonly arch: string;
}

/** C libraries by platform; on Linux npm installs the package of the right one only. */
const ABIS: Readonly<Record<string, readonly string[]>> = {
  linux: ['-gnu', '-musl'],
  win32: ['-msvc'],
};

/** Names of the binaries that may fit a platform: `linux-x64-gnu`. */
export function platformNames({ platform, arch }: Platform): string[] {
  return (ABIS[platform] ?? ['']).map((abi) => `${platform}-${arch}${abi}`);
}

const PACKAGES = '@tasker-core/resolver-';

/** True for the name of a platform's package, false for a file. */
export function isPackage(place: string): boolean {
  return place.startsWith(PACKAGES);
}

/** The package's root, from the sources and from `dist` alike. */
function packageRoot(moduleUrl: string): URL {
  return new URL(moduleUrl.endsWith('.ts') ? '../../' : '../../../', moduleUrl);
}

/**
 * Where to look for the addon, in order: the file that TASKER_NATIVE_PATH names (then nowhere else),
 * the local build, the platform's package.
 */
export function nativePlaces(
  override: string | undefined,
  platform: Platform,
  resolvePackage: (name: string) => string,
): NativePlace[] {
  // a path that was asked for is expected to be there: missing counts as broken
  if (override !== undefined && override !== '') {
    return [{ place: resolve(override), isThere: true }];
  }
  const names = platformNames(platform);
  const root = packageRoot(import.meta.url);
  const local = names.map((name): NativePlace => {
    const place = fileURLToPath(new URL(`native/node/tasker-resolver.${name}.node`, root));
    return { place, isThere: existsSync(place) };
  });
  const packages = names.map((name): NativePlace => {
    const place = `${PACKAGES}${name}`;
    return { place, isThere: canResolve(place, resolvePackage) };
  });
  return [...local, ...packages];
}

function canResolve(name: string, resolvePackage: (name: string) => string): boolean {
  try {
    resolvePackage(name);
    return true;
  } catch (error) {
    // a package that is there without the file it names is broken, not absent
    return !(error instanceof Error) || !error.message.includes(`'${name}'`);
  }
}
