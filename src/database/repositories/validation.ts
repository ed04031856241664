import { isInstant, toNaive } from '../../entities/instant-type.ts';
import { TaskerError } from '../../errors.ts';
import { isWorkflowState, WORKFLOW_STATES } from '../../state-machine/states.ts';
import type { PageRequest } from './rows.ts';

/** Refuses a value: names the field and the value, and says what would do. */
export function badValue(field: string, value: unknown, wanted: string): TaskerError {
  const shown = typeof value === 'bigint' ? `${value}` : value;
  return new TaskerError('TASKER_BAD_ARGUMENT', `${field} is ${show(value)}.`, {
    remedy: `It must be ${wanted}.`,
    data: { field, value: shown },
  });
}

/** Text of one to `limit` characters that is not all blanks. */
export function requireText(field: string, value: unknown, limit: number): void {
  if (typeof value !== 'string' || value.trim() === '') throw badValue(field, value, 'text');
  requireLength(field, value, limit);
}

/** Null, absent, or text of at most `limit` characters. */
export function optionalText(field: string, value: unknown, limit: number): void {
  if (value === null || value === undefined) return;
  if (typeof value !== 'string') throw badValue(field, value, 'text or null');
  requireLength(field, value, limit);
}

/** Three decimal numbers with dots between them, in at most 16 characters. */
export function requireVersion(field: string, value: unknown): void {
  requireText(field, value, 16);
  if (!/^\d+\.\d+\.\d+$/.test(value as string)) throw badValue(field, value, 'like 1.2.3');
}

/** Name of a state. */
export function requireState(field: string, value: unknown): void {
  if (typeof value !== 'string' || !isWorkflowState(value)) {
    throw badValue(field, value, `one of ${WORKFLOW_STATES.join(', ')}`);
  }
}

/** A JSON object, not null and not an array. */
export function requireObject(field: string, value: unknown): asserts value is object {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw badValue(field, value, 'a JSON object');
  }
}

/** A whole number that a 4-byte column holds, or null where that is allowed. */
export function requireInteger(field: string, value: unknown): void {
  if (!Number.isInteger(value) || Math.abs(value as number) > 0x7fff_ffff) {
    throw badValue(field, value, 'a whole number of 32 bits');
  }
}

/** Null, absent, or a whole number that a 4-byte column holds. */
export function optionalInteger(field: string, value: unknown): void {
  if (value !== null && value !== undefined) requireInteger(field, value);
}

/** Null, absent, or ISO text of an instant. */
export function optionalInstant(field: string, value: unknown): void {
  if (value === null || value === undefined) return;
  const wanted = 'an instant like 2026-03-01T09:30:00.000125Z';
  if (typeof value !== 'string' || !isInstant(value)) throw badValue(field, value, wanted);
  try {
    toNaive(value);
  } catch {
    // a day that does not exist, with an offset to apply to it
    throw badValue(field, value, wanted);
  }
}

/** Rows of a page: 1 to 1000, default 100. */
export function pageLimit({ limit = 100 }: PageRequest): number {
  if (!Number.isInteger(limit) || limit < 1 || limit > 1000) {
    throw badValue('limit', limit, 'a whole number from 1 to 1000');
  }
  return limit;
}

// The database counts characters; a surrogate pair is one there and two in JavaScript.
function requireLength(field: string, value: string, limit: number): void {
  if (value.length > limit && Array.from(value).length > limit) {
    throw badValue(field, value, `at most ${limit} characters`);
  }
}

function show(value: unknown): string {
  if (typeof value === 'string') {
    return value.length > 60 ? `"${value.slice(0, 60)}…"` : `"${value}"`;
  }
  if (typeof value === 'object' && value !== null) return JSON.stringify(value).slice(0, 60);
  return String(value);
}
