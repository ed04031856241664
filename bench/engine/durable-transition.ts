import type { EmbeddedServer } from '../../src/database/embedded/embedded-server.ts';
import { connect } from '../../src/database/connection.ts';
import { migrate } from '../../src/database/schema/migrate.ts';
import { TransitionLane } from '../../src/database/engine/transition-lane.ts';
import {
  TransitionLog,
  type MoveBatch,
  type MoveOutcome,
  type StepMove,
} from '../../src/database/engine/transition-log.ts';
import { figure } from '../figures.ts';
import type { Figure } from '../result.ts';
import { EngineContestant } from './engine-contestant.ts';
import { settleTables } from './settle.ts';

/** Moves of one grouped statement: what the engine carries at most by default. */
const GROUP = 500;

/** What the engine writes of itself. */
const METADATA =
  '{"actor":"engine","engine":"1","attempt":1,"correlation_id":"tsk_0123456789abcdef"}';

/** One lane of an engine without the engine: batches go in one by one. */
class BareLane implements AsyncDisposable {
  readonly #lane: TransitionLane;
  #next: MoveBatch | undefined;
  #settled = Promise.withResolvers<MoveOutcome>();

  constructor(url: string) {
    const session = { url, applicationName: 'tasker-core bench', waitMs: 0 };
    this.#lane = new TransitionLane(session, new TransitionLog(), {
      collect: () => {
        const batch = this.#next ?? { steps: [], tasks: [], at: 0 };
        this.#next = undefined;
        return batch;
      },
      settled: (_, outcome) => this.#settled.resolve(outcome),
      refused: (_, error) => this.#settled.reject(error),
    });
  }

  /** Makes the moves in one statement and one commit; ms of it, and the ids of the rows. */
  async make(steps: readonly StepMove[]): Promise<{ ms: number; ids: bigint[] }> {
    this.#settled = Promise.withResolvers();
    this.#next = { steps, tasks: [], at: Date.now() * 1000 };
    const start = performance.now();
    this.#lane.request();
    const outcome = await this.#settled.promise;
    const ms = performance.now() - start;
    const ids = outcome.steps.filter((id) => id !== undefined);
    if (ids.length < steps.length) throw new Error(`${steps.length - ids.length} moves were lost`);
    return { ms, ids };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lane.stop();
  }
}

interface StepKey {
  readonly stepId: bigint;
  readonly taskId: bigint;
}

/** One durable transition of a step, alone in its statement and grouped with others. */
export async function measureTransitions(
  server: EmbeddedServer,
  samples: number,
): Promise<Figure[]> {
  const url = await server.createDatabase('bench_engine_transitions');
  await migrate({ url });
  const groups = Math.max(2, Math.ceil(samples / 8));
  const steps = await createSteps(url, samples + groups * GROUP);
  await using lane = new BareLane(url);
  const alone: Times = { claim: [], complete: [] };
  const grouped: Times = { claim: [], complete: [] };
  // the first of each kind opens the session and prepares the statements
  await moveBoth(lane, steps.splice(0, 1), { claim: [], complete: [] });
  while (alone.claim.length < samples - 1) await moveBoth(lane, steps.splice(0, 1), alone);
  while (steps.length >= GROUP) await moveBoth(lane, steps.splice(0, GROUP), grouped);
  const scenario = 'engine, one durable transition';
  const about = { unit: 'ms', better: 'lower' } as const;
  const note = `${GROUP} in a statement and a commit`;
  return [
    figure(scenario, 'alone', [...alone.claim, ...alone.complete], about),
    figure(scenario, 'alone, claim', alone.claim, about),
    figure(scenario, 'alone, complete', alone.complete, about),
    figure(scenario, 'grouped', [...grouped.claim, ...grouped.complete], { ...about, note }),
    figure(scenario, 'grouped, claim', grouped.claim, { ...about, note }),
    figure(scenario, 'grouped, complete', grouped.complete, { ...about, note }),
  ];
}

interface Times {
  readonly claim: number[];
  readonly complete: number[];
}

/** Claims steps and completes them; adds the ms of one move each. */
async function moveBoth(lane: BareLane, steps: readonly StepKey[], times: Times): Promise<void> {
  const claims = steps.map((step): StepMove => ({
    ...step,
    from: 'pending',
    to: 'in_progress',
    token: undefined,
    guarded: false,
    metadata: METADATA,
  }));
  const claimed = await lane.make(claims);
  times.claim.push(claimed.ms / steps.length);
  const ends = steps.map((step, at): StepMove => ({
    ...step,
    from: 'in_progress',
    to: 'complete',
    token: claimed.ids[at],
    results: 'null',
    metadata: METADATA,
  }));
  times.complete.push((await lane.make(ends)).ms / steps.length);
}

async function createSteps(url: string, count: number): Promise<StepKey[]> {
  await using contestant = await EngineContestant.open(url);
  await contestant.createSingles(count);
  await settleTables(url);
  const client = await connect(url);
  try {
    const { rows } = await client.query<{ step: string; task: string }>(
      `SELECT workflow_step_id::text AS step, task_id::text AS task FROM tasker_workflow_steps
        ORDER BY workflow_step_id`,
    );
    return rows.map(({ step, task }) => ({ stepId: BigInt(step), taskId: BigInt(task) }));
  } finally {
    await client.end();
  }
}
