import { createPostgresBackend, FlowProducer, Worker } from 'bullmq';

import type { StepRecord } from '../engine/step-record.ts';
import type { PeerSetup, WorkflowContestant } from '../engine/workloads.ts';
import { BullFlow, CONCURRENCY, type FlowData } from './bullmq-flow.ts';

/** BullMQ on PostgreSQL. */
export async function open({ url, fanWidth }: PeerSetup): Promise<WorkflowContestant> {
  const connection = { connectionString: url, migrate: true, max: 10 };
  const queue = 'tasker-core-bench';
  const records = new Map<string, StepRecord>();
  const flows = new FlowProducer({ connection }, createPostgresBackend);
  await flows.waitUntilReady();
  const worker = new Worker(
    queue,
    async ({ data }: { data: FlowData }) => {
      records.get(data.run)?.run(data.task, data.step);
      if (data.then !== undefined) await flows.add(data.then);
    },
    { connection, concurrency: CONCURRENCY },
    createPostgresBackend,
  );
  worker.on('error', (error) => process.stderr.write(`bullmq: ${String(error)}\n`));
  await worker.waitUntilReady();
  const close = async (): Promise<void> => {
    await worker.close();
    await flows.close();
  };
  return new BullFlow({ queue, addBulk: (jobs) => flows.addBulk(jobs), close }, records, fanWidth);
}
