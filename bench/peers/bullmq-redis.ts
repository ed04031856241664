import { FlowProducer, Worker } from 'bullmq';
import { Redis } from 'ioredis';

import type { StepRecord } from '../engine/step-record.ts';
import type { PeerSetup, WorkflowContestant } from '../engine/workloads.ts';
import { BullFlow, CONCURRENCY, type FlowData } from './bullmq-flow.ts';

/** BullMQ on Redis. */
export async function open({ redis, fanWidth }: PeerSetup): Promise<WorkflowContestant> {
  // a server that is not there is said at once, not waited for
  const probe = new Redis(redis, { lazyConnect: true, retryStrategy: () => null });
  probe.on('error', () => undefined);
  try {
    await probe.connect();
    await probe.ping();
  } catch (cause) {
    throw new Error(`no Redis at ${redis}`, { cause });
  } finally {
    probe.disconnect();
  }
  const connection = new Redis(redis, { maxRetriesPerRequest: null });
  const queue = 'tasker-core-bench';
  const records = new Map<string, StepRecord>();
  const flows = new FlowProducer({ connection });
  const worker = new Worker<FlowData>(
    queue,
    async ({ data }) => {
      records.get(data.run)?.run(data.task, data.step);
      if (data.then !== undefined) await flows.add(data.then);
    },
    { connection, concurrency: CONCURRENCY },
  );
  worker.on('error', (error) => process.stderr.write(`bullmq: ${String(error)}\n`));
  await worker.waitUntilReady();
  const close = async (): Promise<void> => {
    await worker.close();
    await flows.close();
    connection.disconnect();
  };
  return new BullFlow({ queue, addBulk: (jobs) => flows.addBulk(jobs), close }, records, fanWidth);
}
