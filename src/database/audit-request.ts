import { TaskerError } from '../errors.ts';

/** Who does something that the journal records, and why. */
export interface AuditRequest {
  /** Who acts: 1 to 255 characters. */
  readonly actor: string;
  /** Why: at most 2,000 characters. */
  readonly reason?: string;
}

const ACTOR_LIMIT = 255;
const REASON_LIMIT = 2000;

/**
 * Refuses what the journal cannot hold.
 *
 * Errors: TASKER_BAD_ARGUMENT naming the field.
 */
export function requireAuditRequest({ actor, reason }: AuditRequest): void {
  requireText('actor', actor, ACTOR_LIMIT);
  if (reason !== undefined) requireText('reason', reason, REASON_LIMIT);
}

/** True for text that PostgreSQL can store: no NUL, no half of a surrogate pair. */
export const isStorable = (text: string): boolean => text.isWellFormed() && !text.includes('\0');

function requireText(field: string, value: unknown, limit: number): void {
  const fits =
    typeof value === 'string' &&
    value.trim() !== '' &&
    Array.from(value).length <= limit &&
    isStorable(value);
  if (fits) return;
  const shown = typeof value === 'string' ? JSON.stringify(value).slice(0, 60) : typeof value;
  throw new TaskerError('TASKER_BAD_ARGUMENT', `Option ${field} is ${shown}.`, {
    remedy: `It must be a text of 1 to ${limit} characters.`,
    data: { field, value: shown },
  });
}
