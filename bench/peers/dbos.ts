import { randomUUID } from 'node:crypto';

import { DBOS } from '@dbos-inc/dbos-sdk';

import { StepRecord } from '../engine/step-record.ts';
import {
  CHAIN,
  fanDag,
  SAMPLE_DAGS,
  type Dag,
  type PeerSetup,
  type WorkflowContestant,
} from '../engine/workloads.ts';

/** Workflows at once. */
const AHEAD = 50;

const records = new Map<string, StepRecord>();
const dags = new Map<string, Dag>();

/** A workflow in DBOS is a function whose steps are stored: each awaits its parents. */
async function workflow(run: string, name: string, task: number): Promise<number> {
  const { parents } = dags.get(name) as Dag;
  const record = records.get(run);
  const steps: Promise<void>[] = [];
  for (const [step, above] of parents.entries()) {
    const ready = Promise.all(above.map((parent) => steps[parent]));
    steps.push(
      ready.then(() => DBOS.runStep(async () => record?.run(task, step), { name: `step_${step}` })),
    );
  }
  await Promise.all(steps);
  return parents.length;
}

let registered: typeof workflow | undefined;

/** DBOS: functions that go on where they were, their steps' results in PostgreSQL. */
class DbosWorkflows implements WorkflowContestant {
  readonly remarks = {};
  readonly #run: typeof workflow;
  readonly #fan: Dag;

  constructor(run: typeof workflow, fanWidth: number) {
    this.#run = run;
    this.#fan = fanDag(fanWidth);
    for (const dag of [...SAMPLE_DAGS, CHAIN, this.#fan, ONE]) dags.set(dag.name, dag);
  }

  async dags(tasks: number): Promise<number> {
    const shares = SAMPLE_DAGS.map((dag, at) => ({
      dag,
      count: Math.floor((tasks + at) / SAMPLE_DAGS.length),
    })).filter(({ count }) => count > 0);
    const jobs = shares.flatMap(({ dag, count }) => {
      const run = randomUUID();
      const record = new StepRecord(dag, count);
      records.set(run, record);
      return Array.from({ length: count }, (_, task) => ({ run, dag, task, record }));
    });
    const start = performance.now();
    let next = 0;
    const work = async (): Promise<void> => {
      for (let job = jobs[next++]; job !== undefined; job = jobs[next++]) {
        const handle = await DBOS.startWorkflow(this.#run)(job.run, job.dag.name, job.task);
        await handle.getResult();
      }
    };
    await Promise.all(Array.from({ length: AHEAD }, work));
    const ms = performance.now() - start;
    await Promise.all(jobs.map(({ record }) => record.allRan));
    return ms;
  }

  async chain(): Promise<number> {
    return (await this.#one(CHAIN)).ms;
  }

  async fan(): Promise<number> {
    return (await this.#one(this.#fan)).ms;
  }

  async pickUp(): Promise<number> {
    return (await this.#one(ONE)).ran;
  }

  /** ms to the end of the workflow, and to its last step. */
  async #one(dag: Dag): Promise<{ ms: number; ran: number }> {
    const run = randomUUID();
    const record = new StepRecord(dag, 1);
    records.set(run, record);
    const start = performance.now();
    const handle = await DBOS.startWorkflow(this.#run)(run, dag.name, 0);
    await handle.getResult();
    const ms = performance.now() - start;
    const ran = (await record.allRan) - start;
    records.delete(run);
    return { ms, ran };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await DBOS.shutdown();
  }
}

const ONE: Dag = { name: 'one', parents: [[]] };

export async function open({ url, fanWidth }: PeerSetup): Promise<WorkflowContestant> {
  DBOS.setConfig({
    name: 'tasker-core-bench',
    systemDatabaseUrl: url,
    systemDatabasePoolSize: 20,
    logLevel: 'error',
  });
  registered ??= DBOS.registerWorkflow(workflow, { name: 'bench' });
  await DBOS.launch();
  return new DbosWorkflows(registered, fanWidth);
}
