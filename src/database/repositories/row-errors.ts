import { TaskerError } from '../../errors.ts';

/** What the driver tells about a violated constraint. */
interface ConstraintViolation {
  readonly code: string;
  readonly constraint?: string;
  /** The table that holds the constraint. */
  readonly table?: string;
  /** E.g. `Key (name)=(default) already exists.` */
  readonly detail?: string;
}

/** The coded error for a violated constraint or a value that no column holds; any other error comes back as it is. */
export function rowError(error: unknown, table: string): unknown {
  if (!isViolation(error)) return error;
  // class 22, data exceptions: a NUL character, a lone surrogate, a date that is none, a number out of range
  if (error.code.startsWith('22')) {
    return new TaskerError(
      'TASKER_BAD_ARGUMENT',
      `A value for ${table} cannot be stored: ${(error as unknown as Error).message}.`,
      { cause: error, data: { table, reason: error.code } },
    );
  }
  const [, field = '', value = ''] = /\((.*?)\)=\((.*)\)/.exec(error.detail ?? '') ?? [];
  const options = {
    cause: error,
    data: { table, field, value, constraint: error.constraint ?? '' },
  };
  if (error.code === '23505') {
    return new TaskerError(
      'TASKER_DUPLICATE',
      `${table} already has ${field} = ${value}.`,
      options,
    );
  }
  if (error.code !== '23503') return error;
  // A foreign key belongs to the referring table, whichever of the two a statement writes to.
  if (error.table === table) {
    return new TaskerError(
      'TASKER_NOT_FOUND',
      `${field} = ${value} of ${table} names no row.`,
      options,
    );
  }
  return new TaskerError('TASKER_IN_USE', `Other rows refer to ${field} = ${value} of ${table}.`, {
    ...options,
    remedy: 'Delete those first.',
  });
}

function isViolation(error: unknown): error is ConstraintViolation {
  return error instanceof Error && 'code' in error && typeof error.code === 'string';
}
