/** A DAG by the parents of each step. */
export interface Dag {
  readonly name: string;
  readonly parents: readonly (readonly number[])[];
}

/** The sample DAGs: 8 steps each, the shapes that workflows of the contract have. */
export const SAMPLE_DAGS: readonly Dag[] = [
  { name: 'two_diamonds', parents: [[], [0], [0], [1, 2], [3], [3], [4, 5], [6]] },
  { name: 'tree', parents: [[], [0], [0], [1], [1], [2], [2], [3, 4, 5, 6]] },
  { name: 'overlapping_fan_in', parents: [[], [], [], [0, 1], [1, 2], [3], [4], [5, 6]] },
  { name: 'order_chain', parents: [[], [0], [1], [2], [3], [4], [5], [6]] },
];

/** Steps of each of {@link SAMPLE_DAGS}. */
export const SAMPLE_STEPS = 8;

/** Steps of {@link CHAIN}. */
const CHAIN_STEPS = 10;

/** Each step waits for the one before it. */
export const CHAIN: Dag = {
  name: 'chain_of_10',
  parents: Array.from({ length: CHAIN_STEPS }, (_, at) => (at === 0 ? [] : [at - 1])),
};

/** One step, then `width` side by side, then one that waits for all of them. */
export function fanDag(width: number): Dag {
  const middle = Array.from({ length: width }, (_, at) => at + 1);
  return { name: `fan_${width}`, parents: [[], ...middle.map(() => [0]), middle] };
}

/** What a contestant is asked to do. */
export type Workload = 'dags' | 'chain' | 'fan' | 'pickUp';

/** One engine that runs workflows, ours or a peer's. What it cannot express it does not have. */
export interface WorkflowContestant extends AsyncDisposable {
  /** Why a workload is missing, or in what it differs from the others'. */
  readonly remarks: Readonly<Partial<Record<Workload, string>>>;
  /**
   * Creates so many tasks of the sample DAGs by turns and runs them to their end; ms. Throws where
   * not every step ran exactly once.
   */
  dags?(tasks: number): Promise<number>;
  /** From the call that creates a chain to the answer that it is over, the engine idle before; ms. */
  chain?(): Promise<number>;
  /** The same for a fan. */
  fan?(): Promise<number>;
  /** From the call that creates a task of one step to the start of its handler, the engine idle; ms. */
  pickUp?(): Promise<number>;
}

/** What a peer is given. */
export interface PeerSetup {
  /** An empty PostgreSQL database, or that of the turn before. */
  readonly url: string;
  readonly redis: string;
  readonly fanWidth: number;
}

/** What each file of bench/peers exports as `open`: starts the engine. */
export type OpenPeer = (setup: PeerSetup) => Promise<WorkflowContestant>;
