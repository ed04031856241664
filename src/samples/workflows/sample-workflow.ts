/** How an injected failure shows. */
export type InjectedFailure = 'error' | 'timeout';

/** One step of a sample workflow. */
export interface SampleStep {
  readonly name: string;
  /** Names of earlier steps of the same workflow. */
  readonly dependsOn: readonly string[];
  /** Attempts in all. */
  readonly retryLimit: number;
  readonly retryable: boolean;
  readonly skippable: boolean;
  /** Failures before the first success, in order; the step needs one attempt more. */
  readonly failures: readonly InjectedFailure[];
}

/** A workflow as data, steps in an order in which every parent comes before its children. */
export interface SampleWorkflow {
  readonly namespace: string;
  readonly name: string;
  readonly version: string;
  readonly dependentSystem: string;
  readonly steps: readonly SampleStep[];
}

/** A step whose unsaid properties are the template's defaults: three attempts, retryable, not skippable, no failures. */
export type StepSketch = Partial<Omit<SampleStep, 'name' | 'dependsOn'>> & {
  readonly after?: readonly string[];
};

/** Writes out a workflow from sketches, in their order. */
export function sampleWorkflow(
  identity: Omit<SampleWorkflow, 'steps'>,
  steps: Readonly<Record<string, StepSketch>>,
): SampleWorkflow {
  return {
    ...identity,
    steps: Object.entries(steps).map(([name, { after = [], ...sketch }]) => ({
      name,
      dependsOn: after,
      retryLimit: 3,
      retryable: true,
      skippable: false,
      failures: [],
      ...sketch,
    })),
  };
}

/** Sketches of a chain: each step after the one before it. */
export function chain(
  steps: Readonly<Record<string, Omit<StepSketch, 'after'>>>,
): Record<string, StepSketch> {
  const names = Object.keys(steps);
  return Object.fromEntries(
    Object.entries(steps).map(([name, sketch], index) => [
      name,
      { ...sketch, after: names.slice(Math.max(0, index - 1), index) },
    ]),
  );
}
