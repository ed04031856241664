import { TaskerError } from '../errors.ts';

/**
 * The error for a database without the tables, or, where `difference` is given, with tables that differ from them: the
 * server's or our own words for it, without a full stop.
 */
export function notTaskerDatabase(difference?: string, cause?: unknown): TaskerError {
  if (difference === undefined) {
    return new TaskerError(
      'TASKER_NOT_TASKER_DATABASE',
      'This database does not hold the tables of a Tasker engine.',
      { remedy: 'Check the database name in the URL, or create the tables with: tasker migrate.' },
    );
  }
  return new TaskerError(
    'TASKER_NOT_TASKER_DATABASE',
    `This database is not one of a Tasker engine: ${difference}.`,
    {
      remedy: 'Check the database name in the URL; "tasker migrate" names every difference.',
      cause,
      data: { difference },
    },
  );
}
