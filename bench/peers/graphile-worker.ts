import { Logger, run, runMigrations, type Runner } from 'graphile-worker';

import type { PeerSetup, WorkflowContestant } from '../engine/workloads.ts';

const NO_WORKFLOWS = 'jobs do not wait for jobs';

/** Queue of jobs on PostgreSQL, woken by NOTIFY; it has no workflows. */
class GraphileWorker implements WorkflowContestant {
  readonly remarks = { dags: NO_WORKFLOWS, chain: NO_WORKFLOWS, fan: NO_WORKFLOWS };
  readonly #runner: Runner;
  readonly #started: { at: (ms: number) => void };

  constructor(runner: Runner, started: { at: (ms: number) => void }) {
    this.#runner = runner;
    this.#started = started;
  }

  async pickUp(): Promise<number> {
    const { promise, resolve } = Promise.withResolvers<number>();
    this.#started.at = resolve;
    const start = performance.now();
    await this.#runner.addJob('step', { order: 1 });
    return (await promise) - start;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#runner.stop();
  }
}

const logger = new Logger(() => () => undefined);

export async function open({ url }: PeerSetup): Promise<WorkflowContestant> {
  const started = { at: (_ms: number): void => undefined };
  const options = { connectionString: url, noHandleSignals: true, concurrency: 10, logger };
  await runMigrations(options);
  const step = async (): Promise<void> => started.at(performance.now());
  return new GraphileWorker(await run({ ...options, taskList: { step } }), started);
}
