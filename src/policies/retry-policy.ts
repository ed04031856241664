import type { BackoffOptions, RetryPolicyOptions } from './retry-policy-options.ts';
import { badOption, knownKeys, numberOption, objectOption } from './bad-option.ts';

/** Longest wait that any policy may ask for: a year. */
const YEAR_SECONDS = 31_536_000;
const DEFAULT_MAX_SECONDS = 300;
const DEFAULT_JITTER = 0.1;

interface BackoffBounds {
  readonly maxSeconds: number;
  readonly jitter: number;
}

/** A law of waiting with every default filled in. */
export type Backoff = BackoffBounds &
  (
    | {
        readonly strategy: 'list';
        readonly seconds: readonly number[];
        /** After the list: floor(n ^ power); null repeats the last entry. */
        readonly power: number | null;
        /** Jitter in whole seconds and at least 1 second, as the contract's configured backoff has it. */
        readonly wholeSeconds: boolean;
      }
    | { readonly strategy: 'exponential'; readonly initialSeconds: number; readonly factor: number }
    | { readonly strategy: 'constant'; readonly seconds: number }
  );

/** A step's retry policy, checked; made once for each step of a template. */
export interface RetryPolicy {
  readonly backoff: Backoff;
  /** False where the step names no backoff and has the default one. */
  readonly declared: boolean;
  /** Rules by error code or class name. */
  readonly byError: ReadonlyMap<string, Backoff | 'never'>;
}

/** The contract's configured backoff (orchestration §7.1), with the cap applied last. */
export const DEFAULT_BACKOFF: Backoff = {
  strategy: 'list',
  seconds: [1, 2, 4, 8, 16, 32],
  power: 2,
  wholeSeconds: true,
  maxSeconds: DEFAULT_MAX_SECONDS,
  jitter: DEFAULT_JITTER,
};

/** The wait that a Rails engine gives a failed step without a backoff of its own: 2 ^ n, at most 30 s. */
export const FAILURE_WAIT: Backoff = {
  strategy: 'exponential',
  initialSeconds: 2,
  factor: 2,
  maxSeconds: 30,
  jitter: 0,
};

/** What a step has that names no policy. */
export const DEFAULT_RETRY_POLICY: RetryPolicy = {
  backoff: DEFAULT_BACKOFF,
  declared: false,
  byError: new Map(),
};

/**
 * Checks the options of a step's retry policy and fills in the defaults.
 *
 * @param field where the options stand, for the message
 * @throws TaskerError `TASKER_BAD_ARGUMENT` naming the field and its value
 */
export function retryPolicy(
  options: RetryPolicyOptions | undefined,
  field: string = 'retry',
): RetryPolicy {
  if (options === undefined) return DEFAULT_RETRY_POLICY;
  const { backoff, byError } = objectOption(field, options);
  knownKeys(field, options, ['backoff', 'byError']);
  return {
    backoff: backoff === undefined ? DEFAULT_BACKOFF : checkedBackoff(`${field}.backoff`, backoff),
    declared: backoff !== undefined,
    byError: checkedRules(`${field}.byError`, byError),
  };
}

function checkedRules(field: string, rules: unknown): RetryPolicy['byError'] {
  if (rules === undefined) return new Map();
  return new Map(
    Object.entries(objectOption(field, rules)).map(([name, rule]) => {
      const place = `${field}.${name}`;
      if (typeof rule === 'string' && rule !== 'never' && rule !== 'exponential') {
        throw badOption(place, rule, 'a backoff, "exponential" or "never"');
      }
      return [name, rule === 'never' ? rule : checkedBackoff(place, rule)];
    }),
  );
}

function checkedBackoff(field: string, options: unknown): Backoff {
  const given = options === 'exponential' ? { strategy: options } : objectOption(field, options);
  const strategy = given['strategy'] as BackoffOptions['strategy'];
  const bounds = {
    maxSeconds: numberOption(
      `${field}.maxSeconds`,
      given['maxSeconds'],
      DEFAULT_MAX_SECONDS,
      0,
      YEAR_SECONDS,
    ),
    jitter: numberOption(`${field}.jitter`, given['jitter'], DEFAULT_JITTER, 0, 1),
  };
  const known = ['strategy', 'maxSeconds', 'jitter'];
  switch (strategy) {
    case 'list': {
      knownKeys(field, given, [...known, 'seconds', 'power']);
      const power = given['power'];
      return {
        strategy,
        seconds: checkedList(`${field}.seconds`, given['seconds']),
        power: power === undefined ? null : numberOption(`${field}.power`, power, 0, 0, 10),
        wholeSeconds: false,
        ...bounds,
      };
    }
    case 'exponential':
      knownKeys(field, given, [...known, 'initialSeconds', 'factor']);
      return {
        strategy,
        initialSeconds: wait(`${field}.initialSeconds`, given['initialSeconds'] ?? 1),
        factor: numberOption(`${field}.factor`, given['factor'], 2, 1, 100),
        ...bounds,
      };
    case 'constant':
      knownKeys(field, given, [...known, 'seconds']);
      return { strategy, seconds: wait(`${field}.seconds`, given['seconds']), ...bounds };
    default:
      throw badOption(`${field}.strategy`, strategy, 'list, exponential or constant');
  }
}

function checkedList(field: string, seconds: unknown): readonly number[] {
  if (!Array.isArray(seconds) || seconds.length === 0) {
    throw badOption(field, seconds, 'a list of seconds with at least one entry');
  }
  return seconds.map((value: unknown, at) => wait(`${field}[${at}]`, value));
}

function wait(field: string, value: unknown): number {
  if (value === undefined) throw badOption(field, value, `seconds from 0 to ${YEAR_SECONDS}`);
  return numberOption(field, value, 0, 0, YEAR_SECONDS);
}
