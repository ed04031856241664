import type { EmbeddedServer } from '../../src/database/embedded/embedded-server.ts';
import { migrate } from '../../src/database/schema/migrate.ts';
import { Tasker } from '../../src/tasker.ts';
import { figure, single } from '../figures.ts';
import type { Figure } from '../result.ts';
import { EngineContestant } from './engine-contestant.ts';

/** How much is measured. */
export interface DeliveryBenchOptions {
  /** Events that a subscriber catches up with a round. */
  readonly events: number;
  readonly rounds: number;
  /** Events that are published one after the other to an idle subscriber. */
  readonly samples: number;
  /** Tasks that an engine runs with and without a subscriber, a round. */
  readonly tasks: number;
}

const SCENARIO = 'events, delivery';
const NAME = 'order.paid';
const BATCH = 2000;
/** Milliseconds between two looks at the memory. */
const LOOK_MS = 50;

/** What durable subscribers cost and reach; each part in a database of its own. */
export async function measureDelivery(
  server: EmbeddedServer,
  options: DeliveryBenchOptions,
): Promise<Figure[]> {
  return [
    ...(await measureCatchUp(server, options)),
    ...(await measureLatency(server, options)),
    ...(await measureCost(server, options)),
  ];
}

async function startTasker(server: EmbeddedServer, database: string): Promise<Tasker> {
  const url = await server.createDatabase(database);
  await migrate({ url });
  const tasker = new Tasker({ database: url });
  tasker.events.registerEvent(NAME, { type: 'object' });
  return tasker;
}

/** Subscribers that begin where the log does, one after the other, each with all that is in it. */
async function measureCatchUp(
  server: EmbeddedServer,
  { events, rounds }: DeliveryBenchOptions,
): Promise<Figure[]> {
  await using tasker = await startTasker(server, 'bench_delivery');
  for (let first = 0; first < events; first += BATCH) {
    await tasker.events.publishBatch(
      Array.from({ length: Math.min(BATCH, events - first) }, (_, at) => ({
        event: NAME,
        payload: { order: first + at, total: at / 100 },
        taskId: BigInt(first + at),
      })),
    );
  }
  await tasker.events.startSubscribers();
  const rates = { full: [] as number[], stored: [] as number[] };
  let growth = 0;
  for (let round = 0; round < rounds; round++) {
    for (const detail of ['full', 'stored'] as const) {
      const done = Promise.withResolvers<void>();
      let seen = 0;
      const before = heapNow();
      const look = setInterval(() => (growth = Math.max(growth, heapNow() - before)), LOOK_MS);
      const start = performance.now();
      const subscription = await tasker.events.subscribe(
        `${detail} ${round}`,
        { from: 'beginning', detail },
        { [NAME]: () => ++seen === events && done.resolve() },
      );
      await done.promise;
      rates[detail].push((events * 1000) / (performance.now() - start));
      clearInterval(look);
      await subscription.stop();
    }
  }
  const note = `${events.toLocaleString('en')} events a round`;
  const about = { unit: 'events/s', better: 'higher', note } as const;
  return [
    figure(SCENARIO, 'catch-up', rates.full, about),
    figure(SCENARIO, 'catch-up, payloads as stored', rates.stored, about),
    single(SCENARIO, 'most heap and buffers above the start', growth / 2 ** 20, {
      unit: 'MiB',
      better: 'lower',
      note,
    }),
  ];
}

function heapNow(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** From the commit of an event to its handler, where nothing else goes on. */
async function measureLatency(
  server: EmbeddedServer,
  { samples }: DeliveryBenchOptions,
): Promise<Figure[]> {
  await using tasker = await startTasker(server, 'bench_delivery_latency');
  let handled = Promise.withResolvers<number>();
  await tasker.events.subscribe('idle', {}, { [NAME]: () => handled.resolve(performance.now()) });
  await tasker.events.startSubscribers();
  const times: number[] = [];
  for (let at = -10; at < samples; at++) {
    handled = Promise.withResolvers<number>();
    // nothing follows the one before at once
    await new Promise((resolve) => setTimeout(resolve, 20));
    await tasker.events.publish(NAME, { order: at });
    const committed = performance.now();
    const ms = Math.max(0, (await handled.promise) - committed);
    if (at >= 0) times.push(ms);
  }
  return [figure(SCENARIO, 'commit to handler, p50', times, { unit: 'ms', better: 'lower' })];
}

/** What an engine loses while a subscriber follows every event of it. */
async function measureCost(
  server: EmbeddedServer,
  { tasks, rounds }: DeliveryBenchOptions,
): Promise<Figure[]> {
  const url = await server.createDatabase('bench_delivery_cost');
  await migrate({ url });
  await using engine = await EngineContestant.start(url, 10);
  await engine.dags(Math.min(200, tasks));
  const [alone, followed, lags]: [number[], number[], number[]] = [[], [], []];
  for (let round = 0; round < rounds; round++) {
    alone.push(await engine.dags(tasks));
    let seen = 0;
    const { events } = engine.tasker;
    const subscription = await events.subscribe(`follower ${round}`, {}, { '*': () => seen++ });
    followed.push(await engine.dags(tasks));
    const start = performance.now();
    while ((await subscription.health()).lagEvents > 0) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
    lags.push(performance.now() - start);
    await subscription.stop();
    if (seen === 0) throw new Error('the follower was told of nothing');
  }
  const median = (values: number[]): number =>
    values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number;
  const lost = (1 - median(alone) / median(followed)) * 100;
  const note = `${tasks.toLocaleString('en')} tasks a round, by turns with and without`;
  return [
    single(SCENARIO, 'cost of one live subscriber', lost, {
      unit: '% of the throughput',
      better: 'lower',
      note,
    }),
    figure(SCENARIO, 'time to the end of the log after the last task', lags, {
      unit: 'ms',
      better: 'lower',
      note,
    }),
  ];
}
