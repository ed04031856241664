import type { ConcurrencyOptions } from '../options.ts';
import { badOption, knownKeys, numberOption, objectOption, wholeOption } from './bad-option.ts';

/** {@link ConcurrencyOptions} checked, defaults filled in; a fixed number has equal bounds. */
export interface ConcurrencyRules {
  readonly min: number;
  readonly max: number;
  readonly initial: number;
  readonly eventLoopDelayMs: number;
  readonly poolWaitMs: number;
  readonly latencyTolerance: number;
}

const MOST = 100_000;

/**
 * Checks the option and fills in the defaults.
 *
 * @throws TaskerError `TASKER_BAD_ARGUMENT` naming the field and its value
 */
export function concurrencyRules(
  options: ConcurrencyOptions = {},
  field: string = 'concurrency',
): ConcurrencyRules {
  if (typeof options === 'number') {
    const fixed = wholeOption(field, options, 1, 1, MOST);
    return concurrencyRules({ min: fixed, max: fixed });
  }
  const given = objectOption(field, options);
  knownKeys(field, given, [
    'min',
    'max',
    'initial',
    'eventLoopDelayMs',
    'poolWaitMs',
    'latencyTolerance',
  ]);
  const max = wholeOption(`${field}.max`, options.max, 512, 1, MOST);
  const min = wholeOption(`${field}.min`, options.min, Math.min(3, max), 1, MOST);
  if (min > max) throw badOption(`${field}.min`, min, `at most max, ${max}`);
  const usual = Math.min(Math.max(64, min), max);
  return {
    min,
    max,
    initial: wholeOption(`${field}.initial`, options.initial, usual, min, max),
    eventLoopDelayMs: numberOption(
      `${field}.eventLoopDelayMs`,
      options.eventLoopDelayMs,
      50,
      1,
      60_000,
    ),
    poolWaitMs: numberOption(`${field}.poolWaitMs`, options.poolWaitMs, 100, 1, 60_000),
    latencyTolerance: numberOption(
      `${field}.latencyTolerance`,
      options.latencyTolerance,
      1.5,
      1,
      10,
    ),
  };
}
