import { TaskerError } from '../errors.ts';

/** Refuses a field: `TASKER_BAD_ARGUMENT` naming it and its value, and saying what would do. */
export function badField(field: string, value: unknown, wanted: string): TaskerError {
  const shown = String(value).slice(0, 100);
  return new TaskerError('TASKER_BAD_ARGUMENT', `${field} is ${shown}.`, {
    remedy: `It must be ${wanted}.`,
    data: { field, value: shown },
  });
}

/** What chooses events: of each, what is left out restricts nothing. */
export interface ChosenBy {
  readonly names?: readonly string[];
  readonly taskId?: bigint;
  readonly since?: number;
  readonly until?: number;
}

/**
 * Refuses names that are none, ids that are no bigint of 64 bits, and instants that are no numbers.
 *
 * Errors: TASKER_BAD_ARGUMENT names the field.
 */
export function requireChoice({ names, taskId, since, until }: ChosenBy): void {
  if (names !== undefined) requireNames(names);
  if (taskId !== undefined) requireId('taskId', taskId);
  for (const [field, at] of Object.entries({ since, until })) {
    if (at !== undefined && !Number.isFinite(at)) throw badField(field, at, 'µs since the epoch');
  }
}

/** Refuses all but a bigint of 64 bits. */
export function requireId(field: string, id: unknown): void {
  if (typeof id === 'bigint' && BigInt.asIntN(64, id) === id) return;
  throw badField(field, id, 'a bigint of 64 bits');
}

/** Refuses all but a text that PostgreSQL can hold. */
export function requireName(field: string, name: unknown): void {
  const fits =
    typeof name === 'string' &&
    name !== '' &&
    name.length <= 128 &&
    !name.includes('\0') &&
    name.isWellFormed();
  if (!fits) throw badField(field, name, 'a text of 1 to 128 characters');
}

function requireNames(names: unknown): void {
  if (!Array.isArray(names) || names.length === 0)
    throw badField('names', names, 'a list of names');
  for (const name of names) {
    requireName('names', name);
    if (!/^(?:\*|[^*]+|[^*]+\.\*)$/.test(name as string)) {
      throw badField('names', name, 'a name, a name that ends in .*, or *');
    }
  }
}
