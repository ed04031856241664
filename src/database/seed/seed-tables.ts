/** The tables that hold tasks, in the order in which they are filled. */
export const SEED_TABLES = [
  'tasker_tasks',
  'tasker_workflow_steps',
  'tasker_workflow_step_edges',
  'tasker_task_transitions',
  'tasker_workflow_step_transitions',
] as const;

/** One of {@link SEED_TABLES}. */
export type SeedTable = (typeof SEED_TABLES)[number];

/** The tasks of one pass and the next free id of each table; the ids move on as rows are written. */
export interface SeedRange {
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
  readonly ids: Record<SeedTable, number>;
}

/** One table's rows of one range of tasks. */
export interface SeedPass {
  readonly columns: readonly string[];
  /** COPY BINARY chunks; writing them moves on the ids of the range. */
  readonly chunks: Iterable<Buffer>;
  /** Number of tasks up to and with the one written last, those of earlier ranges included. */
  readonly done: () => number;
}

/** Gives the rows of one table for one range of tasks. Tables share nothing: each pass begins anew. */
export type SeedPasses = (table: SeedTable, range: SeedRange) => SeedPass;
