/**
 * Packages of other platforms that package-lock.json has to list.
 *
 * npm leaves an optional package out of the lock where the registry does not have it, as a mirror may
 * that keeps one platform, and `npm ci` then refuses the lock on every machine. Such a package is
 * listed here by what its name says: npm passes it over where it does not fit, and fetches it by its
 * version, without a check sum, where it does.
 */

/** What a lock says of one package, as far as it is read here. */
export interface LockedPackage {
  readonly version?: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

interface Platform {
  readonly cpu: readonly string[];
  readonly libc?: readonly string[];
  readonly os?: readonly string[];
}

type Packages = Readonly<Record<string, LockedPackage>>;

const SYSTEMS = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'openharmony', 'sunos', 'win32'];
const PROCESSORS = [
  'arm',
  'arm64',
  'ia32',
  'loong64',
  'ppc64',
  'riscv64',
  's390x',
  'wasm32',
  'x64',
];

/** Whether a package at `path` (`node_modules/a/node_modules/b`) finds another by name, as Node does. */
function finds(packages: Packages, path: string, name: string): boolean {
  const folders = path.split('/node_modules/');
  for (let depth = folders.length; depth > 0; depth--) {
    const folder = folders.slice(0, depth).join('/node_modules/');
    if (`${folder}/node_modules/${name}` in packages) return true;
  }
  return `node_modules/${name}` in packages;
}

/** The platform that a package's name ends with: `@oxlint/binding-linux-arm64-musl`. */
function platformOf(name: string): Platform {
  const words = name.split(/[/-]/);
  const os = SYSTEMS.find((system) => words.includes(system));
  const cpu = PROCESSORS.find((processor) => words.includes(processor));
  // without a system only wasm fits everywhere
  if (cpu === undefined || (os === undefined && cpu !== 'wasm32')) {
    throw new Error(`the name of ${name} says no platform: install it where the registry has it`);
  }
  const abi = words.at(-1) ?? '';
  const library = abi.startsWith('gnu') ? ['glibc'] : abi.startsWith('musl') ? ['musl'] : [];
  return {
    cpu: [cpu],
    ...(os === 'linux' && library.length > 0 && { libc: library }),
    ...(os !== undefined && { os: [os] }),
  };
}

/**
 * Packages of other platforms that the lock's packages name and that it does not list, by path.
 * O(packages x depth).
 *
 * Throws an Error for one whose name says no platform.
 */
export function absentPlatforms(packages: Packages): Record<string, LockedPackage> {
  const absent: Record<string, LockedPackage> = {};
  for (const [path, { optionalDependencies = {}, dev, license }] of Object.entries(packages)) {
    for (const [name, version] of Object.entries(optionalDependencies)) {
      // what the project itself asks for is npm's to find
      if (path === '' || finds(packages, path, name)) continue;
      const { cpu, libc, os } = platformOf(name);
      // fields in the order in which npm writes them
      absent[`node_modules/${name}`] = {
        version,
        cpu,
        ...(dev === true && { dev }),
        ...(libc !== undefined && { libc }),
        ...(license !== undefined && { license }),
        optional: true,
        ...(os !== undefined && { os }),
      };
    }
  }
  return absent;
}
