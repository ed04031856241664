import { randomUUID } from 'node:crypto';

import { PgBoss, type FlowJob } from 'pg-boss';

import { StepRecord } from '../engine/step-record.ts';
import {
  CHAIN,
  fanDag,
  SAMPLE_DAGS,
  type Dag,
  type PeerSetup,
  type WorkflowContestant,
} from '../engine/workloads.ts';

const QUEUE = 'steps';

/** Jobs that one call of `flow` creates at most. */
const JOBS_A_CALL = 1000;

interface StepData {
  readonly run: string;
  readonly task: number;
  readonly step: number;
}

/** pg-boss with its flows: successors are released by a poll, a second apart at the least. */
class PgBossFlow implements WorkflowContestant {
  readonly remarks = { chain: 'released by a poll each second, the shortest interval it takes' };
  readonly records = new Map<string, StepRecord>();
  readonly #boss: PgBoss;
  readonly #fan: Dag;

  constructor(boss: PgBoss, fanWidth: number) {
    this.#boss = boss;
    this.#fan = fanDag(fanWidth);
  }

  async dags(tasks: number): Promise<number> {
    const start = performance.now();
    const share = (at: number): number => Math.floor((tasks + at) / SAMPLE_DAGS.length);
    const ends = await Promise.all(SAMPLE_DAGS.map((dag, at) => this.#run(dag, share(at))));
    return Math.max(...ends) - start;
  }

  async chain(): Promise<number> {
    const start = performance.now();
    return (await this.#run(CHAIN, 1)) - start;
  }

  async fan(): Promise<number> {
    const start = performance.now();
    return (await this.#run(this.#fan, 1)) - start;
  }

  async pickUp(): Promise<number> {
    const start = performance.now();
    return (await this.#run({ name: 'one', parents: [[]] }, 1)) - start;
  }

  async #run(dag: Dag, tasks: number): Promise<number> {
    if (tasks === 0) return 0;
    const run = randomUUID();
    const record = new StepRecord(dag, tasks);
    this.records.set(run, record);
    const size = dag.parents.length;
    const perCall = Math.max(1, Math.floor(JOBS_A_CALL / size));
    for (let first = 0; first < tasks; first += perCall) {
      const jobs: FlowJob[] = [];
      for (let task = first; task < Math.min(tasks, first + perCall); task++) {
        for (const [step, parents] of dag.parents.entries()) {
          const data: StepData = { run, task, step };
          const dependsOn = parents.map((parent) => `${task}-${parent}`);
          jobs.push({ ref: `${task}-${step}`, name: QUEUE, data, dependsOn });
        }
      }
      // a flow has two jobs or more
      if (jobs.length > 1) await this.#boss.flow(jobs);
      else await this.#boss.send(QUEUE, { run, task: first, step: 0 });
    }
    const end = await record.allRan;
    this.records.delete(run);
    return end;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#boss.stop({ graceful: false });
  }
}

export async function open({ url, fanWidth }: PeerSetup): Promise<WorkflowContestant> {
  const boss = new PgBoss({ connectionString: url, useListenNotify: true, flowIntervalSeconds: 1 });
  boss.on('error', (error) => process.stderr.write(`pg-boss: ${String(error)}\n`));
  await boss.start();
  await boss.createQueue(QUEUE, { notify: true });
  const contestant = new PgBossFlow(boss, fanWidth);
  const options = {
    batchSize: 500,
    localConcurrency: 2,
    pollingIntervalSeconds: 0.5,
    // no notice tells of successors that were released: the shortest poll finds them
    notifyPollingIntervalSeconds: 0.5,
    burstWhenBatchFull: true,
  };
  await boss.work<StepData>(QUEUE, options, async (jobs) => {
    for (const { data } of jobs) contestant.records.get(data.run)?.run(data.task, data.step);
  });
  return contestant;
}
