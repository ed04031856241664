import type { Attempt, AttemptEnd } from './attempt.ts';
import type { ActiveTask } from './active-task.ts';
import { formatInstant } from '../graph/snapshot/instants.ts';

/** Metadata of a transition that the engine makes: who, for which attempt, and what came of it. */
export class MoveMetadata {
  readonly #prefix: string;

  /** @param engineId number of the engine's process row */
  constructor(engineId: bigint) {
    this.#prefix = `{"actor":"engine","engine":"${engineId}"`;
  }

  /** The claim of a step. */
  claim({ number, task }: Attempt): string {
    return `${this.#prefix},"attempt":${number}${correlation(task)}}`;
  }

  /** The end of an attempt, with the contract's error fields where it failed. */
  end(attempt: Attempt, end: AttemptEnd, extra: Readonly<Record<string, unknown>> = {}): string {
    const { number, task, claimedAt } = attempt;
    const duration = `,"attempt":${number},"execution_duration":${end.seconds.toFixed(6)}`;
    if (end.kind === 'completed') return `${this.#prefix}${duration}${correlation(task)}}`;
    const { failure } = end;
    const facts = JSON.stringify({
      started_at: formatInstant(claimedAt),
      error: failure.message,
      error_class: failure.errorClass,
      backtrace: failure.backtrace.slice(0, 10),
      ...(failure.errorCode === undefined ? {} : { error_code: failure.errorCode }),
      ...extra,
    });
    return `${this.#prefix}${duration}${correlation(task)},${facts.slice(1)}`;
  }

  /** A transition of the task itself. */
  task(task: ActiveTask, facts: Readonly<Record<string, unknown>> = {}): string {
    const text = JSON.stringify(facts);
    return text === '{}'
      ? `${this.#prefix}${correlation(task)}}`
      : `${this.#prefix}${correlation(task)},${text.slice(1)}`;
  }
}

const correlation = ({ correlationId }: ActiveTask): string =>
  correlationId === undefined ? '' : `,"correlation_id":${JSON.stringify(correlationId)}`;
