import type { InjectedFailure, SampleStep } from '../workflows/sample-workflow.ts';
import type { StepHandler, StepInvocation } from '../../templates/step-handler.ts';

/** What a sample's step returns unless it does something of its own. */
export interface SampleResult {
  readonly step: string;
  /** Attempt that succeeded. */
  readonly attempt: number;
  /** One more than the greatest depth among the parents; 0 for a root: the level of the step. */
  readonly depth: number;
  /** Names of the parents whose results the handler saw, in order. */
  readonly saw: readonly string[];
}

/** An error that a sample raises on purpose. */
class SampleFailure extends Error {
  override readonly name: string;

  constructor(kind: InjectedFailure, attempt: number) {
    super(`Injected ${kind} of attempt ${attempt}`);
    this.name = kind === 'timeout' ? 'TimeoutError' : 'SampleFailure';
  }
}

/**
 * The handler of a sample's step: fails as often as it is told, by the number of the attempt alone,
 * so that restarts and other processes do not matter; then does the work.
 */
export function failingFirst(
  failures: SampleStep['failures'],
  work: StepHandler = describeStep,
): StepHandler {
  return (invocation: StepInvocation): unknown => {
    const { attempt } = invocation.step;
    const failure = failures[attempt - 1];
    if (failure !== undefined) throw new SampleFailure(failure, attempt);
    return typeof work === 'function' ? work(invocation) : work.process(invocation);
  };
}

/** Says what the step saw of its parents. */
export function describeStep({ step, results }: StepInvocation): SampleResult {
  const depths = Object.values(results).map((result) => (result as SampleResult).depth);
  return {
    step: step.name,
    attempt: step.attempt,
    depth: Math.max(-1, ...depths) + 1,
    saw: Object.keys(results).sort(),
  };
}

/** Returns what an earlier run stored, marked as a repetition; without one, does the work. */
export function repeatable(invocation: StepInvocation): object {
  const stored = invocation.step.previousResults as Partial<SampleResult> | null;
  return stored?.step === undefined ? describeStep(invocation) : { ...stored, repeated: true };
}
