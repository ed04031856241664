import { SeededRandom } from '../src/graph/random.ts';
import { STEP_FLAGS, type SnapshotViews } from '../src/graph/snapshot/layout.ts';
import { ResidentGraph } from '../src/graph/resident/resident-graph.ts';
import { StepLists } from '../src/graph/resident/ready-queue.ts';
import { TimerWheel } from '../src/graph/resident/timer-wheel.ts';
import { Collected, type BenchContext } from './context.ts';
import { figure } from './figures.ts';
import type { Figure, Measured } from './result.ts';
import { BENCH_NOW, SHAPES, shapedSnapshot, type Shape } from './shapes.ts';
import { TimerHeap } from './timer-heap.ts';

/** A round takes seconds at a million steps. */
const MOST_ROUNDS = 5;

/** A resident graph driven step by step: completions, compaction, and its timers alone. */
export async function benchResident(context: BenchContext): Promise<Measured> {
  const collected = new Collected();
  const [steps] = context.sizes(1_000_000) as [number];
  const rounds = Math.min(context.rounds, MOST_ROUNDS);
  for (const shape of [SHAPES.typical, SHAPES.lattice]) {
    context.phase(`resident graph, ${shape.name}, ${steps.toLocaleString('en')} steps`);
    const some = shape === SHAPES.typical ? rounds : Math.min(rounds, 3);
    collected.figures.push(...benchCompletions(shape, steps, some));
  }
  context.phase('compaction');
  collected.figures.push(...benchCompaction(steps, rounds));
  for (const waits of context.sizes(1000, 1_000_000)) {
    context.phase(`timers, ${waits.toLocaleString('en')} waits`);
    collected.figures.push(...benchTimers(waits, Math.min(rounds, 3)));
  }
  return collected;
}

/** Numbers from 0 to below 1 that follow from a seed. */
function generator(seed: number): () => number {
  const random = new SeededRandom(seed);
  return () => random.next();
}

function shuffled(count: number): Uint32Array {
  const random = generator(7);
  const order = Uint32Array.from({ length: count }, (_, at) => at);
  for (let at = count - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1));
    [order[at], order[other]] = [order[other] as number, order[at] as number];
  }
  return order;
}

/** A snapshot in which nothing has begun. */
function untouched(shape: Shape, steps: number): SnapshotViews {
  const { views } = shapedSnapshot(shape, steps);
  views.state.fill(0);
  views.flags.fill(STEP_FLAGS.backoffNull);
  views.attempts.fill(0);
  views.failedAt.fill(NaN);
  views.nextAttemptAt.fill(NaN);
  return views;
}

function resident(views: SnapshotViews): ResidentGraph {
  const maxSteps = Math.max(1024, views.counts.steps * 2);
  const graph = new ResidentGraph({ nowMicros: BENCH_NOW, maxSteps });
  for (let task = 0; task < views.counts.tasks; task++) {
    if (typeof graph.addTask(views, task) === 'string') throw new Error(`task ${task} refused`);
  }
  return graph;
}

/** Tasks of ten steps of a known template, a thousand at a time; steps a second. */
function addByTemplate(steps: number): number {
  const graph = new ResidentGraph({ nowMicros: BENCH_NOW, maxSteps: Math.max(1024, steps * 2) });
  // 1 -> 2..9 -> 10
  const offsets = Uint32Array.from([0, 8, 9, 10, 11, 12, 13, 14, 15, 16, 16]);
  const children = Uint32Array.from([1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 9, 9, 9, 9, 9]);
  const shape = graph.defineShape({ offsets, children });
  if (shape === 'full') throw new Error('the shape is refused');
  const tasks = Math.max(1, Math.floor(steps / 10));
  const ids = BigInt64Array.from({ length: tasks * 10 }, (_, at) => BigInt(at + 1));
  const start = performance.now();
  for (let first = 0; first < tasks; first += 1000) {
    const end = Math.min(first + 1000, tasks);
    const taskIds = ids.subarray(first, end);
    const stepIds = ids.subarray(first * 10, end * 10);
    if (typeof graph.addTasks(shape, { taskIds, stepIds }) === 'string') throw new Error('refused');
  }
  const rate = ((tasks * 10) / (performance.now() - start)) * 1000;
  if (graph.queuedCount() !== tasks) throw new Error(`${graph.queuedCount()} steps are ready`);
  return rate;
}

/** Handles of all steps, by id. */
function handlesOf(graph: ResidentGraph, steps: number): Float64Array {
  return Float64Array.from({ length: steps }, (_, at) => graph.findStep(BigInt(at + 1)));
}

function expectComplete(graph: ResidentGraph, tasks: number): void {
  for (let task = 0; task < tasks; task++) {
    const status = graph.status(graph.findTask(BigInt(task + 1)))?.executionStatus;
    if (status !== 'all_complete') throw new Error(`task ${task} is ${status}`);
  }
}

function benchCompletions(shape: Shape, size: number, rounds: number): Figure[] {
  const views = untouched(shape, size);
  const { steps, tasks } = views.counts;
  const random = shuffled(steps);
  const batch = new Float64Array(64);
  const samples: Record<string, number[]> = {};
  const take = (name: string, value: number): void => void (samples[name] ??= []).push(value);
  for (let round = 0; round < rounds; round++) {
    const begin = performance.now();
    const inOrder = resident(views);
    take('add', (steps / (performance.now() - begin)) * 1000);
    const handles = handlesOf(inOrder, steps);
    let start = performance.now();
    for (let at = 0; at < steps; at++) inOrder.complete(handles[at] as number);
    take('complete in order', (steps / (performance.now() - start)) * 1000);
    expectComplete(inOrder, tasks);
    const anyOrder = resident(views);
    const mixed = handlesOf(anyOrder, steps);
    for (let at = 0; at < steps; at++) handles[at] = mixed[random[at] as number] as number;
    start = performance.now();
    for (let at = 0; at < steps; at++) anyOrder.complete(handles[at] as number);
    take('complete in random order', (steps / (performance.now() - start)) * 1000);
    expectComplete(anyOrder, tasks);
    const driven = resident(views);
    start = performance.now();
    let done = 0;
    for (let count = driven.takeReady(batch); count > 0; count = driven.takeReady(batch)) {
      for (let at = 0; at < count; at++) {
        driven.start(batch[at] as number);
        driven.complete(batch[at] as number);
      }
      done += count;
    }
    take('take, start, complete by priority', (done / (performance.now() - start)) * 1000);
    expectComplete(driven, tasks);
    take('bytes', driven.memory().totalBytes / steps);
    if (shape === SHAPES.typical) take('add by template', addByTemplate(steps));
  }
  const scenario = `resident graph, ${shape.name}`;
  const note = `${steps.toLocaleString('en')} steps`;
  return Object.entries(samples).map(([name, taken]) =>
    name === 'bytes'
      ? figure(scenario, 'memory, all arrays', taken, {
          unit: 'bytes a step',
          better: 'lower',
          note,
        })
      : figure(scenario, name, taken, { unit: 'steps/s', better: 'higher', note }),
  );
}

/** Every second task goes; what compaction then takes, slice by slice. */
function benchCompaction(size: number, rounds: number): Figure[] {
  const views = untouched(SHAPES.typical, size);
  const longest: number[] = [];
  const longestBusy: number[] = [];
  const whole: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const graph = resident(views);
    for (let task = 0; task < views.counts.tasks; task += 2) {
      graph.removeTask(graph.findTask(views.taskId[task] as bigint));
    }
    let pause = 0;
    let busyPause = 0;
    let sum = 0;
    for (let over = false; !over;) {
      const busy = process.threadCpuUsage();
      const start = performance.now();
      over = graph.compact();
      const took = performance.now() - start;
      const { user, system } = process.threadCpuUsage(busy);
      pause = Math.max(pause, took);
      busyPause = Math.max(busyPause, (user + system) / 1000);
      sum += took;
    }
    if (graph.memory().slotsFree !== 0) throw new Error('room is left free');
    longest.push(pause);
    longestBusy.push(busyPause);
    whole.push(sum);
  }
  const scenario = 'resident graph, compaction of half the tasks';
  const note = `${views.counts.steps.toLocaleString('en')} steps before it`;
  const about = { unit: 'ms', better: 'lower', note } as const;
  return [
    figure(scenario, 'longest pause', longest, about),
    figure(scenario, 'longest pause, CPU time', longestBusy, about),
    figure(scenario, 'all slices', whole, about),
  ];
}

/** Waits as retries make them: 1 to 30 s, some minutes, some hours; a tenth is struck out. */
function benchTimers(waits: number, rounds: number): Figure[] {
  const random = generator(11);
  const ends = Float64Array.from({ length: waits }, () => {
    const kind = random();
    const span = kind < 0.8 ? 30e6 : kind < 0.95 ? 600e6 : 36_000e6;
    return BENCH_NOW + Math.ceil(random() * span);
  });
  const order = shuffled(waits);
  const endOf = (step: number): number => ends[step] as number;
  const samples: Record<string, number[]> = {};
  for (let round = 0; round < rounds * 2; round++) {
    const wheel = round % 2 === 0;
    const lists = new StepLists(waits);
    const timers = wheel ? new TimerWheel(lists, endOf, BENCH_NOW) : new TimerHeap(waits, endOf);
    const name = wheel ? 'wheel' : 'heap';
    const time = (what: string, count: number, run: () => void): void => {
      const start = performance.now();
      run();
      const nanos = ((performance.now() - start) * 1e6) / count;
      (samples[`${name}: ${what}`] ??= []).push(nanos);
    };
    time('add', waits, () => {
      for (const step of order) timers.add(step);
    });
    time('remove', waits / 10, () => {
      for (let at = 0; at < waits / 10; at++) timers.remove(order[at * 7] as number);
    });
    let due = 0;
    time('advance by 10 ms to the end', waits * 0.9, () => {
      for (let now = BENCH_NOW; now <= BENCH_NOW + 60e6; now += 10_000)
        timers.advance(now, () => due++);
      for (let now = BENCH_NOW; now <= BENCH_NOW + 36_000e6; now += 10e6) {
        timers.advance(now, () => due++);
      }
    });
    if (due !== waits - waits / 10) throw new Error(`${name}: ${due} of ${waits} due`);
  }
  return Object.entries(samples).map(([name, taken]) =>
    figure(`timers, ${waits.toLocaleString('en')} waits`, name, taken, {
      unit: 'ns a wait',
      better: 'lower',
    }),
  );
}
