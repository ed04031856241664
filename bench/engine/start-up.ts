import type { EmbeddedServer } from '../../src/database/embedded/embedded-server.ts';
import { migrate } from '../../src/database/schema/migrate.ts';
import { figure } from '../figures.ts';
import { usedBytes } from '../garbage.ts';
import type { Figure } from '../result.ts';
import { EngineContestant } from './engine-contestant.ts';
import { settleTables } from './settle.ts';
import { SAMPLE_STEPS } from './workloads.ts';

/** An engine that finds unfinished tasks: how soon it runs one, and what the others hold in memory. */
export async function measureStart(
  server: EmbeddedServer,
  tasks: number,
  rounds: number,
): Promise<Figure[]> {
  const template = 'bench_engine_start';
  await createTasks(await server.createDatabase(template), tasks);
  const times: number[] = [];
  const graph: number[] = [];
  const all: number[] = [];
  const steps = tasks * SAMPLE_STEPS;
  // the first one has its modules to compile and does not count
  for (let round = -1; round < rounds; round++) {
    const url = await server.createDatabase(`${template}_${round + 1}`, { template });
    await using contestant = await EngineContestant.open(url, 1, { drainSeconds: 0 });
    const before = usedBytes();
    const ms = await contestant.firstRun();
    const resident = contestant.tasker.engine?.coordinator.memory.discovery.graph.memory();
    if (resident?.slotsTop !== steps) {
      throw new Error(`${resident?.slotsTop} of ${steps} steps are in memory`);
    }
    const used = usedBytes() - before;
    if (round < 0) continue;
    times.push(ms);
    graph.push(resident.totalBytes / steps);
    all.push(used / steps);
  }
  const scenario = 'engine, start';
  const better = 'lower';
  const note = `${tasks.toLocaleString('en')} active tasks`;
  return [
    figure(scenario, 'start() to the first handler', times, { unit: 'ms', better, note }),
    figure(scenario, 'resident graph', graph, { unit: 'bytes a step', better, note }),
    figure(scenario, 'everything the engine holds', all, { unit: 'bytes a step', better, note }),
  ];
}

async function createTasks(url: string, tasks: number): Promise<void> {
  await migrate({ url });
  await using contestant = await EngineContestant.open(url);
  await contestant.create(tasks);
  await settleTables(url);
}
