import type { Logger } from 'pino';

import { createLogger } from '../observability/logger.ts';
import type { ConcurrencyOptions, EventLogOptions, TaskerOptions } from '../options.ts';
import { CircuitBreakers, type CircuitBreakersOptions } from '../policies/circuit-breakers.ts';
import { concurrencyRules } from '../policies/concurrency-options.ts';
import type { GroupCommit } from './coordinator-options.ts';
import {
  badOption,
  knownKeys,
  numberOption,
  objectOption,
  wholeOption,
} from '../policies/bad-option.ts';

/** Options with every default filled in. */
export interface CheckedOptions {
  /** Undefined for an embedded server. */
  readonly database: string | undefined;
  readonly directory: string | undefined;
  readonly migrate: boolean;
  readonly concurrency: ConcurrencyOptions;
  readonly circuitBreakers: CircuitBreakersOptions;
  readonly lanes: number;
  readonly groupCommit: GroupCommit;
  readonly fleet: string;
  readonly leaseSeconds: number;
  readonly pollSeconds: number;
  /** Seconds between two rounds; undefined for none. */
  readonly verifySeconds: number | undefined;
  readonly drainSeconds: number;
  readonly threads: number | undefined;
  readonly threadHeapMegabytes: number | undefined;
  readonly stepTimeoutSeconds: number | undefined;
  readonly maxResultBytes: number | undefined;
  readonly maxEventBytes: number;
  readonly publishing: PublishBounds;
  readonly events: EventLogRules;
  readonly logger: Logger;
  readonly onProblem: NonNullable<TaskerOptions['onProblem']>;
}

/** {@link EventLogOptions} with every default filled in. */
export type EventLogRules = Required<Omit<EventLogOptions, 'retentionDays'>> & {
  /** Undefined keeps all events. */
  readonly retentionDays: number | undefined;
};

/** How many events are kept and stored together. */
export interface PublishBounds {
  readonly batchSize: number;
  readonly waitMs: number;
  readonly bufferSize: number;
}

const MEBIBYTE = 1024 * 1024;
const DAY_SECONDS = 86_400;
const VERIFY_SECONDS = 60;

/** Checks options; errors: TASKER_BAD_ARGUMENT names the field, also of an option that does not exist. */
export function checkedOptions(options: TaskerOptions): CheckedOptions {
  const given = objectOption('options', options);
  knownKeys('options', given, [
    'database',
    'directory',
    'migrate',
    'concurrency',
    'circuitBreakers',
    'lanes',
    'groupCommit',
    'fleet',
    'leaseSeconds',
    'pollSeconds',
    'verify',
    'drainSeconds',
    'threads',
    'threadHeapMegabytes',
    'stepTimeoutSeconds',
    'maxResultBytes',
    'maxEventBytes',
    'publishing',
    'events',
    'logger',
    'onProblem',
  ]);
  const { database, directory, migrate = false, fleet = 'default', logger } = options;
  const { stepTimeoutSeconds, maxResultBytes, onProblem } = options;
  for (const [field, value] of Object.entries({ database, directory })) {
    if (value === undefined || (typeof value === 'string' && value !== '')) continue;
    throw badOption(field, value, field === 'database' ? 'a PostgreSQL URL' : 'a folder');
  }
  if (database !== undefined && directory !== undefined) {
    throw badOption('directory', directory, 'absent where database is given');
  }
  if (typeof migrate !== 'boolean') throw badOption('migrate', migrate, 'true or false');
  if (typeof fleet !== 'string' || fleet === '' || fleet.length > 64) {
    throw badOption('fleet', fleet, 'a text of 1 to 64 characters');
  }
  if (logger !== undefined && typeof logger?.child !== 'function') {
    throw badOption('logger', logger, 'a pino logger');
  }
  if (onProblem !== undefined && typeof onProblem !== 'function') {
    throw badOption('onProblem', onProblem, 'a function');
  }
  const { concurrency = 500, circuitBreakers = {} } = options;
  concurrencyRules(concurrency);
  // raises where an option is wrong
  void new CircuitBreakers(circuitBreakers);
  return {
    database,
    directory,
    migrate,
    fleet,
    concurrency,
    circuitBreakers,
    lanes: wholeOption('lanes', options.lanes, 2, 1, 16),
    groupCommit: groupCommit(options.groupCommit),
    leaseSeconds: numberOption('leaseSeconds', options.leaseSeconds, 15, 1, 3600),
    pollSeconds: numberOption('pollSeconds', options.pollSeconds, 30, 1, DAY_SECONDS),
    verifySeconds: verifySeconds(options.verify),
    drainSeconds: numberOption('drainSeconds', options.drainSeconds, 30, 0, DAY_SECONDS),
    threads: optionalWhole('threads', options.threads, 1, 1024),
    threadHeapMegabytes: optionalWhole(
      'threadHeapMegabytes',
      options.threadHeapMegabytes,
      16,
      1024 * 1024,
    ),
    stepTimeoutSeconds:
      stepTimeoutSeconds === undefined
        ? undefined
        : numberOption('stepTimeoutSeconds', stepTimeoutSeconds, 0, 0.001, 366 * DAY_SECONDS),
    maxResultBytes: optionalWhole('maxResultBytes', maxResultBytes, 1, 1024 * 1024 * 1024),
    events: eventLogRules(options.events),
    maxEventBytes: wholeOption('maxEventBytes', options.maxEventBytes, MEBIBYTE, 1, 64 * MEBIBYTE),
    publishing: publishBounds(options.publishing),
    logger: logger ?? createLogger(),
    onProblem: onProblem ?? (() => undefined),
  };
}

function groupCommit(given: TaskerOptions['groupCommit'] = {}): GroupCommit {
  const { maxSteps, waitMs } = objectOption('groupCommit', given);
  knownKeys('groupCommit', given, ['maxSteps', 'waitMs']);
  return {
    maxSteps: wholeOption('groupCommit.maxSteps', maxSteps, 500, 1, 5000),
    waitMs: numberOption('groupCommit.waitMs', waitMs, 0, 0, 1000),
  };
}

function eventLogRules(given: TaskerOptions['events'] = {}): EventLogRules {
  const { retentionDays, expired = 'drop', ...options } = objectOption('events', given);
  knownKeys('events', given, [
    'retentionDays',
    'partitionDays',
    'partitionsAhead',
    'expired',
    'maintenanceSeconds',
  ]);
  if (expired !== 'drop' && expired !== 'detach') {
    throw badOption('events.expired', expired, 'drop or detach');
  }
  const number = (name: string, absent: number, most: number): number =>
    wholeOption(`events.${name}`, options[name], absent, 1, most);
  return {
    retentionDays:
      retentionDays === undefined
        ? undefined
        : numberOption('events.retentionDays', retentionDays, 0, 0.01, 36_500),
    expired,
    partitionDays: number('partitionDays', 1, 366),
    partitionsAhead: number('partitionsAhead', 2, 100),
    maintenanceSeconds: number('maintenanceSeconds', 3600, 604_800),
  };
}

function publishBounds(given: TaskerOptions['publishing'] = {}): PublishBounds {
  const { batchSize, waitMs, bufferSize } = objectOption('publishing', given);
  knownKeys('publishing', given, ['batchSize', 'waitMs', 'bufferSize']);
  return {
    batchSize: wholeOption('publishing.batchSize', batchSize, 2000, 1, 50_000),
    waitMs: numberOption('publishing.waitMs', waitMs, 0, 0, 1000),
    bufferSize: wholeOption('publishing.bufferSize', bufferSize, 10_000, 1, 1_000_000),
  };
}

function verifySeconds(verify: TaskerOptions['verify']): number | undefined {
  if (verify === false) return undefined;
  if (verify === undefined || verify === true) return VERIFY_SECONDS;
  const { everySeconds } = objectOption('verify', verify);
  knownKeys('verify', verify, ['everySeconds']);
  return numberOption('verify.everySeconds', everySeconds, VERIFY_SECONDS, 0.01, DAY_SECONDS);
}

function optionalWhole(
  field: string,
  value: number | undefined,
  least: number,
  greatest: number,
): number | undefined {
  return value === undefined ? undefined : wholeOption(field, value, 0, least, greatest);
}
