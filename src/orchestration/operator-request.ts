import { isStorable, requireAuditRequest, type AuditRequest } from '../database/audit-request.ts';
import { TaskerError } from '../errors.ts';
import { badOption } from '../policies/bad-option.ts';
import { isCorrelationId } from './correlation-id.ts';

/** What an operator can do. */
export type OperatorAction =
  | 'task.cancel'
  | 'task.pause'
  | 'task.resume'
  | 'task.redrive'
  | 'task.resolve'
  | 'task.hand_back'
  | 'step.cancel'
  | 'step.retry'
  | 'step.resolve';

/** Who does it, and why: stored with every transition and in the journal. */
export interface OperatorRequest extends AuditRequest {
  /**
   * Ties what is stored to a request elsewhere: at most 100 letters, digits, `_` and `-`, a letter
   * or digit first.
   */
  readonly correlationId?: string;
  /** Tells what would change, and changes nothing. Default false. */
  readonly dryRun?: boolean;
}

/**
 * Metadata of the transitions that an action makes, as JSON text.
 *
 * Errors: TASKER_BAD_ARGUMENT naming the field that cannot be taken.
 */
export function actionMetadata(action: OperatorAction, request: OperatorRequest): string {
  const { actor, reason, correlationId } = request;
  requireAuditRequest(request);
  if (
    correlationId !== undefined &&
    !(typeof correlationId === 'string' && isCorrelationId(correlationId))
  ) {
    throw badOption(
      'correlationId',
      correlationId,
      'at most 100 letters, digits, "_" and "-", a letter or digit first',
    );
  }
  return JSON.stringify({ actor, action, reason, correlation_id: correlationId });
}

/**
 * The id of a task or step.
 *
 * Errors: TASKER_BAD_ARGUMENT unless it is a bigint of 64 bits.
 */
export function requireId(field: 'taskId' | 'stepId', id: unknown): bigint {
  if (typeof id === 'bigint' && BigInt.asIntN(64, id) === id) return id;
  throw badOption(field, id, 'a bigint of 64 bits');
}

/**
 * Results that an operator gives for a step, as JSON text that `jsonb` takes.
 *
 * Errors: TASKER_BAD_ARGUMENT for what has no JSON form, and for NUL and lone surrogates in texts.
 */
export function resultsText(results: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(results, (key, value: unknown) => {
      requireStorable(key);
      if (typeof value === 'string') requireStorable(value);
      return value;
    });
  } catch (cause) {
    if (cause instanceof TaskerError) throw cause;
    throw new TaskerError('TASKER_BAD_ARGUMENT', 'Option results has no JSON form.', {
      remedy: 'Give a value that JSON.stringify takes.',
      data: { field: 'results' },
      cause,
    });
  }
  if (text !== undefined) return text;
  throw badOption('results', results, 'a value that has a JSON form');
}

function requireStorable(text: string): void {
  if (isStorable(text)) return;
  throw badOption('results', text, 'without NUL characters and lone surrogates in its texts');
}
