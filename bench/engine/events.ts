import type { EmbeddedServer } from '../../src/database/embedded/embedded-server.ts';
import { migrate } from '../../src/database/schema/migrate.ts';
import { Tasker } from '../../src/tasker.ts';
import { figure } from '../figures.ts';
import type { Figure } from '../result.ts';

/** Events of one call. */
const BATCH = 2000;

/** Calls under way at once: one is prepared while another is written. */
const CALLS = 3;

/** Events published durably, in batches and one by one, each round from the first call to the last commit. */
export async function measurePublishing(
  server: EmbeddedServer,
  events: number,
  rounds: number,
): Promise<Figure[]> {
  const url = await server.createDatabase('bench_events');
  await migrate({ url });
  await using tasker = new Tasker({ database: url });
  tasker.events.registerEvent('order.paid', {
    type: 'object',
    required: ['orderId', 'total'],
    properties: { orderId: { type: 'string' }, total: { type: 'number' } },
  });
  await publishBatches(tasker, BATCH * CALLS);
  const [batches, singles]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    batches.push((events * 1000) / (await timed(() => publishBatches(tasker, events))));
    singles.push((events * 1000) / (await timed(() => publishSingles(tasker, events))));
  }
  const note = `${events.toLocaleString('en')} events a round, committed`;
  const unit = { unit: 'events/s', better: 'higher', note } as const;
  return [
    figure('events', 'published in batches', batches, unit),
    figure('events', 'published one by one', singles, unit),
  ];
}

async function timed(work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

const payloadOf = (at: number): { orderId: string; total: number } => ({
  orderId: `order-${at}`,
  total: at / 100,
});

async function publishBatches(tasker: Tasker, events: number): Promise<void> {
  let next = 0;
  const call = async (): Promise<void> => {
    while (next < events) {
      const first = next;
      next += BATCH;
      await tasker.events.publishBatch(
        Array.from({ length: Math.min(BATCH, events - first) }, (_, at) => ({
          event: 'order.paid',
          payload: payloadOf(first + at),
          taskId: BigInt(first + at),
        })),
      );
    }
  };
  await Promise.all(Array.from({ length: CALLS }, call));
}

/** Without waiting for each commit: the buffer's bound is what holds the caller back. */
async function publishSingles(tasker: Tasker, events: number): Promise<void> {
  for (let at = 0; at < events; at++) {
    await tasker.events.publish('order.paid', payloadOf(at), { until: 'buffered' });
  }
  await tasker.events.flush();
}
