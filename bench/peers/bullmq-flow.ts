import { randomUUID } from 'node:crypto';

import type { FlowJob } from 'bullmq';

import { StepRecord } from '../engine/step-record.ts';
import {
  CHAIN,
  fanDag,
  SAMPLE_DAGS,
  type Dag,
  type WorkflowContestant,
} from '../engine/workloads.ts';

/** Jobs of a worker at once. */
export const CONCURRENCY = 100;

const FLOWS_A_CALL = 100;

/** A step, and the flow that its handler adds when it has run. */
export interface FlowData {
  readonly run: string;
  readonly task: number;
  readonly step: number;
  readonly then?: FlowJob;
}

/** What is needed of BullMQ, on whichever server. */
export interface FlowEngine {
  readonly queue: string;
  readonly addBulk: (flows: FlowJob[]) => Promise<unknown>;
  readonly close: () => Promise<void>;
}

/** BullMQ's flows: a job waits for its children, and has one parent at most. */
export class BullFlow implements WorkflowContestant {
  readonly remarks = {
    dags: 'only the chain of 8 steps: a job of a flow has one parent',
    fan: 'the first step adds the flow of the others',
  };
  readonly #engine: FlowEngine;
  readonly #records: Map<string, StepRecord>;
  readonly #fan: Dag;

  constructor(engine: FlowEngine, records: Map<string, StepRecord>, fanWidth: number) {
    this.#engine = engine;
    this.#records = records;
    this.#fan = fanDag(fanWidth);
  }

  async dags(tasks: number): Promise<number> {
    return this.#run(SAMPLE_DAGS.find(({ name }) => name === 'order_chain') as Dag, tasks);
  }

  async chain(): Promise<number> {
    return this.#run(CHAIN, 1);
  }

  async pickUp(): Promise<number> {
    return this.#run({ name: 'one', parents: [[]] }, 1);
  }

  async fan(): Promise<number> {
    const last = this.#fan.parents.length - 1;
    return this.#time(this.#fan, 1, async (run) => {
      const middle = Array.from({ length: last - 1 }, (_, at) => this.#job(run, 0, at + 1));
      const then = this.#job(run, 0, last, middle);
      const first = this.#job(run, 0, 0);
      await this.#engine.addBulk([{ ...first, data: { ...(first.data as FlowData), then } }]);
    });
  }

  async #run(chain: Dag, tasks: number): Promise<number> {
    const steps = chain.parents.length;
    return this.#time(chain, tasks, async (run) => {
      for (let first = 0; first < tasks; first += FLOWS_A_CALL) {
        const count = Math.min(FLOWS_A_CALL, tasks - first);
        const flows = Array.from({ length: count }, (_, at) => {
          let flow = this.#job(run, first + at, 0);
          for (let step = 1; step < steps; step++) flow = this.#job(run, first + at, step, [flow]);
          return flow;
        });
        await this.#engine.addBulk(flows);
      }
    });
  }

  async #time(dag: Dag, tasks: number, add: (run: string) => Promise<void>): Promise<number> {
    const run = randomUUID();
    const record = new StepRecord(dag, tasks);
    this.#records.set(run, record);
    const start = performance.now();
    await add(run);
    const ms = (await record.allRan) - start;
    this.#records.delete(run);
    return ms;
  }

  #job(run: string, task: number, step: number, children?: FlowJob[]): FlowJob {
    const data: FlowData = { run, task, step };
    const opts = { removeOnComplete: true };
    const job = { name: 'step', queueName: this.#engine.queue, data, opts };
    return children === undefined ? job : { ...job, children };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#engine.close();
  }
}
