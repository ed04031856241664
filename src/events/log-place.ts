import { FIRST_POSITION, parsePosition } from '../database/event-store/event-log.ts';
import { parseInstant } from '../graph/snapshot/instants.ts';
import { badField } from './bad-filter.ts';

/** Where reading of the log begins. */
export interface LogStart {
  /** Only events after this position. */
  readonly after: string;
  /** Only events of this instant or later, µs since the epoch. */
  readonly since?: number;
}

/**
 * A start that is named by `start`, the position of an event (which is read too), or a UTC timestamp.
 *
 * Errors: TASKER_BAD_ARGUMENT names the field.
 */
export function startOfLog(field: string, from: unknown): LogStart {
  if (from === 'start') return { after: FIRST_POSITION };
  const parts = typeof from === 'string' ? parsePosition(from) : undefined;
  if (parts === undefined) {
    const wanted = 'start, the position of an event, or a UTC timestamp';
    return { after: FIRST_POSITION, since: instantOf(field, from, wanted) };
  }
  const { transactionId, number } = parts;
  // a reader begins after its position
  return { after: `${transactionId}-${number === 0n ? number : number - 1n}` };
}

/** Where reading of the log ends. */
export interface LogEnd {
  /** Only events up to this position, which is included. */
  readonly upTo?: string;
  /** Only events before this instant, µs since the epoch. */
  readonly until?: number;
}

/** An end that is named by the position of the last event, or by a UTC timestamp; as {@link startOfLog}. */
export function endOfLog(field: string, until: unknown): LogEnd {
  if (typeof until === 'string' && parsePosition(until) !== undefined) return { upTo: until };
  return { until: instantOf(field, until, 'the position of an event or a UTC timestamp') };
}

function instantOf(field: string, text: unknown, wanted: string): number {
  const micros = typeof text === 'string' ? parseInstant(text) : undefined;
  if (micros !== undefined && Number.isFinite(micros)) return micros;
  throw badField(field, text, wanted);
}
