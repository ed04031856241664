import { createRequire } from 'node:module';

import { TaskerError } from '../errors.ts';
import type { Backend } from './backend.ts';
import { asAddon, type NativeAddon } from './native-addon.ts';
import { nativeBackend } from './native-backend.ts';
import { isPackage, nativePlaces } from './native-places.ts';

/** One place where the addon was looked for, and what came of it. */
export interface NativeAttempt {
  /** File or package name. */
  readonly place: string;
  /** `loaded`, or why the addon is not taken from there. */
  readonly reason: string;
  /** What the failure was, where something was found and could not be used. */
  readonly cause?: unknown;
}

/** What came of looking for the addon. */
export interface NativeLoad {
  readonly backend: Backend | undefined;
  readonly addon: NativeAddon | undefined;
  /** The file or package that was loaded. */
  readonly binary: string | undefined;
  readonly attempts: readonly NativeAttempt[];
}

interface Found {
  readonly addon: NativeAddon | undefined;
  readonly binary: string | undefined;
  readonly attempts: readonly NativeAttempt[];
}

type Environment = Readonly<Record<string, string | undefined>>;

const REMEDY =
  'Build it anew with `npm run build:native`, install the package again, or set TASKER_NATIVE=off to do without it.';

const requireFrom = createRequire(import.meta.url);
const found = new Map<string, Found>();
const warned = new Set<string>();

/** The packages of a release belong together, even where the interfaces of two releases agree. */
function requireOwnVersion(name: string): void {
  const { version } = requireFrom(`${name}/package.json`) as { version: string };
  const own = requireFrom('tasker-core/package.json') as { version: string };
  if (version !== own.version) {
    throw new Error(`it is of version ${version}, this program of ${own.version}`);
  }
}

function search(override: string | undefined): Found {
  const attempts: NativeAttempt[] = [];
  for (const { place, isThere } of nativePlaces(override, process, requireFrom.resolve)) {
    if (!isThere) {
      attempts.push({ place, reason: 'is not there' });
      continue;
    }
    try {
      if (isPackage(place)) requireOwnVersion(place);
      const addon = asAddon(requireFrom(place));
      attempts.push({ place, reason: 'loaded' });
      return { addon, binary: place, attempts };
    } catch (cause) {
      // Node appends who asked, line by line
      const [what] = (cause instanceof Error ? cause.message : String(cause)).split('\n');
      const reason = `cannot be used: ${what}`;
      attempts.push({ place, reason, cause });
    }
  }
  return { addon: undefined, binary: undefined, attempts };
}

/** Says once a process what is broken, and what serves instead; what is absent is nobody's concern. */
function warnOfBroken({ attempts, binary }: Found): void {
  const broken = attempts.filter(({ place, cause }) => cause !== undefined && !warned.has(place));
  if (broken.length === 0) return;
  for (const { place } of broken) warned.add(place);
  const what = broken.map(({ place, reason }) => `${place} ${reason}`).join('; ');
  const instead =
    binary === undefined
      ? 'The kernels in TypeScript take over.'
      : `The one in ${binary} takes over.`;
  process.emitWarning(`The native addon ${what}. ${instead} ${REMEDY}`, {
    type: 'TaskerWarning',
    code: 'TASKER_BACKEND_UNAVAILABLE',
  });
}

function find(environment: Environment): Found {
  const mode = environment['TASKER_NATIVE'] ?? '';
  if (mode === 'off') {
    const reason = 'switched off by TASKER_NATIVE=off';
    const attempts = [{ place: 'native addon', reason }];
    return { addon: undefined, binary: undefined, attempts };
  }
  if (mode !== '' && mode !== 'required') {
    throw new TaskerError(
      'TASKER_BAD_ARGUMENT',
      `Variable TASKER_NATIVE is ${mode}, not off or required.`,
      { data: { field: 'TASKER_NATIVE', value: mode } },
    );
  }
  const override = environment['TASKER_NATIVE_PATH'];
  const result = found.get(override ?? '') ?? search(override);
  found.set(override ?? '', result);
  if (result.addon === undefined && mode === 'required') {
    throw nativeUnavailable(result.attempts, 'Or unset TASKER_NATIVE=required.');
  }
  warnOfBroken(result);
  return result;
}

/** The error of a caller that insists on the addon, with every place that was tried. */
export function nativeUnavailable(
  attempts: readonly NativeAttempt[],
  instead: string,
): TaskerError {
  const tried = attempts.map(({ place, reason }) => `${place}: ${reason}`).join('; ');
  const causes = attempts.flatMap(({ cause }) => (cause === undefined ? [] : [cause]));
  return new TaskerError(
    'TASKER_BACKEND_UNAVAILABLE',
    `The native backend cannot be used: ${tried}.`,
    {
      data: { attempts: attempts.map(({ place, reason }) => ({ place, reason })) },
      ...(causes.length === 0 ? {} : { cause: new AggregateError(causes) }),
      remedy: `Install its package or, in a checkout, run \`npm run build:native\`. ${instead}`,
    },
  );
}

/**
 * Looks for the native addon, once a process: TASKER_NATIVE_PATH, the local build, the platform's
 * package, in this order. Where none can be used, the report says why, and every other backend
 * works without it; one that is there but broken is warned of once. TASKER_NATIVE=off does not look.
 *
 * @param threads threads of one large resolution
 * Errors: TASKER_BACKEND_UNAVAILABLE under TASKER_NATIVE=required, with each place that was tried;
 * TASKER_BAD_ARGUMENT for another value of that variable.
 */
export function loadNative(environment: Environment, threads = 1): NativeLoad {
  const { addon, binary, attempts } = find(environment);
  const backend = addon === undefined ? undefined : nativeBackend(addon, threads);
  return { backend, addon, binary, attempts };
}
