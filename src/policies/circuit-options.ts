import type { CircuitBreakerOptions } from '../options.ts';
import { badOption, knownKeys, numberOption, objectOption, wholeOption } from './bad-option.ts';
import type { Failure } from './failure.ts';

/** {@link CircuitBreakerOptions} checked, times in µs. */
export interface CircuitRules {
  readonly failureRate: number;
  readonly minimumCalls: number;
  readonly consecutiveFailures: number;
  readonly windowMicros: number;
  readonly openMicros: number;
  readonly openGrowth: number;
  readonly maxOpenMicros: number;
  readonly probes: number;
  readonly probeSuccesses: number;
  readonly probeMicros: number;
  readonly counts: (failure: Failure) => boolean;
}

const DAY_SECONDS = 86_400;
const NAMES = [
  'failureRate',
  'minimumCalls',
  'consecutiveFailures',
  'windowSeconds',
  'openSeconds',
  'openGrowth',
  'maxOpenSeconds',
  'probes',
  'probeSuccesses',
  'probeSeconds',
  'counts',
];

/**
 * Checks the options of a circuit breaker and fills in the defaults.
 *
 * @throws TaskerError `TASKER_BAD_ARGUMENT` naming the field and its value
 */
export function circuitRules(
  options: CircuitBreakerOptions = {},
  field: string = 'circuitBreaker',
): CircuitRules {
  const given = objectOption(field, options);
  knownKeys(field, given, NAMES);
  const number = (name: string, absent: number, from: number, to: number): number =>
    numberOption(`${field}.${name}`, given[name], absent, from, to);
  const whole = (name: string, absent: number): number =>
    wholeOption(`${field}.${name}`, given[name], absent, 1, 1_000_000);
  const micros = (name: string, absent: number): number =>
    Math.ceil(number(name, absent, 0.001, DAY_SECONDS) * 1e6);
  const { counts = countsByDefault } = options;
  if (typeof counts !== 'function') throw badOption(`${field}.counts`, counts, 'a function');
  const openMicros = micros('openSeconds', 5);
  const maxOpenMicros = micros('maxOpenSeconds', 300);
  if (openMicros > maxOpenMicros) {
    throw badOption(`${field}.openSeconds`, openMicros / 1e6, 'at most maxOpenSeconds');
  }
  return {
    failureRate: number('failureRate', 0.5, 0.001, 1),
    minimumCalls: whole('minimumCalls', 10),
    consecutiveFailures: whole('consecutiveFailures', 10),
    windowMicros: micros('windowSeconds', 30),
    openMicros,
    openGrowth: number('openGrowth', 2, 1, 100),
    maxOpenMicros,
    probes: whole('probes', 1),
    probeSuccesses: whole('probeSuccesses', 2),
    probeMicros: micros('probeSeconds', 60),
    counts,
  };
}

/** A permanent error says something about the request, not about the service. */
function countsByDefault(failure: Failure): boolean {
  return failure.retryable !== false;
}
