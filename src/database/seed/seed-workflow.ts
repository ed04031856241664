/** A step of a workflow to seed; parents stand before their children. */
export interface SeedStep {
  readonly name: string;
  readonly dependsOn: readonly string[];
  readonly retryLimit: number;
  readonly retryable: boolean;
  readonly skippable: boolean;
  /** One entry for each failure before the first success. */
  readonly failures: readonly string[];
}

/** A workflow to seed tasks of. */
export interface SeedWorkflow {
  readonly namespace: string;
  readonly name: string;
  readonly version: string;
  readonly dependentSystem: string;
  readonly steps: readonly SeedStep[];
}

/** A workflow with its stored ids and its graph as positions. */
export interface StoredWorkflow {
  readonly workflow: SeedWorkflow;
  readonly namedTaskId: number;
  readonly namedStepIds: readonly number[];
  /** Positions of each step's parents, all smaller than its own. */
  readonly parents: readonly (readonly number[])[];
  readonly edges: number;
}
