import { parseArgs } from 'node:util';

import { STEP_FLAGS, type SnapshotViews } from '../src/graph/layout.ts';
import { ResidentGraph } from '../src/graph/resident-graph.ts';
import { StepLists } from '../src/graph/resident-lists.ts';
import { TimerWheel } from '../src/graph/timer-wheel.ts';
import { describeMachine } from './report.ts';
import { BENCH_NOW, SHAPES, shapedSnapshot, type Shape } from './shapes.ts';
import { TimerHeap } from './timer-heap.ts';

const { values } = parseArgs({
  options: {
    steps: { type: 'string', default: '1000000' },
    rounds: { type: 'string', default: '7' },
  },
});
const STEPS = Number(values.steps);
const ROUNDS = Number(values.rounds);

/** Mulberry32. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d_2b_79_f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
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
  const graph = new ResidentGraph({ nowMicros: BENCH_NOW, maxSteps: STEPS * 2 });
  for (let task = 0; task < views.counts.tasks; task++) {
    if (typeof graph.addTask(views, task) === 'string') throw new Error(`task ${task} refused`);
  }
  return graph;
}

const median = (samples: number[]): number =>
  samples.toSorted((a, b) => a - b)[samples.length >> 1] ?? NaN;

/** One figure, with its spread. */
function say(what: string, unit: string, samples: number[]): void {
  const text = (value: number): string =>
    value >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(3);
  const spread = `${text(Math.min(...samples))} to ${text(Math.max(...samples))}`;
  process.stdout.write(
    `${what.padEnd(56)} ${text(median(samples)).padStart(12)} ${unit}  (${spread})\n`,
  );
}

function expectComplete(graph: ResidentGraph, tasks: number): void {
  for (let task = 0; task < tasks; task++) {
    if (graph.status(task).executionStatus !== 'all_complete') throw new Error(`task ${task}`);
  }
}

function benchCompletions(shape: Shape): void {
  const views = untouched(shape, STEPS);
  const { steps, tasks } = views.counts;
  const random = shuffled(steps);
  const samples: Record<string, number[]> = {};
  const note = (name: string, value: number): void => void (samples[name] ??= []).push(value);
  for (let round = 0; round < ROUNDS; round++) {
    const begin = performance.now();
    const inOrder = resident(views);
    note('add, steps/s', (steps / (performance.now() - begin)) * 1000);
    let start = performance.now();
    for (let slot = 0; slot < steps; slot++) inOrder.complete(slot);
    note('complete in order, steps/s', (steps / (performance.now() - start)) * 1000);
    expectComplete(inOrder, tasks);
    const anyOrder = resident(views);
    start = performance.now();
    for (let at = 0; at < steps; at++) anyOrder.complete(random[at] as number);
    note('complete in random order, steps/s', (steps / (performance.now() - start)) * 1000);
    expectComplete(anyOrder, tasks);
    const driven = resident(views);
    start = performance.now();
    let done = 0;
    for (let slot = driven.takeReady(); slot !== -1; slot = driven.takeReady()) {
      driven.change(slot, { state: 1 });
      driven.complete(slot);
      done++;
    }
    note('take, start, complete by priority, steps/s', (done / (performance.now() - start)) * 1000);
    expectComplete(driven, tasks);
    note('bytes a step, all arrays', driven.memory().totalBytes / steps);
  }
  for (const [name, taken] of Object.entries(samples)) say(`${shape.name}: ${name}`, '', taken);
}

/** Every second task goes; what compaction then takes, slice by slice. */
function benchCompaction(): void {
  const views = untouched(SHAPES.typical, STEPS);
  const longest: number[] = [];
  const longestBusy: number[] = [];
  const whole: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const graph = resident(views);
    for (let task = 0; task < views.counts.tasks; task += 2) {
      graph.removeTask(views.taskId[task] as bigint);
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
  say('compaction of half the tasks: longest slice', 'ms', longest);
  say('compaction of half the tasks: longest slice, CPU time', 'ms', longestBusy);
  say('compaction of half the tasks: all slices', 'ms', whole);
}

/** Waits as retries make them: 1 to 30 s, some minutes, some hours; a tenth is struck out. */
function benchTimers(waits: number): void {
  const random = generator(11);
  const ends = Float64Array.from({ length: waits }, () => {
    const kind = random();
    const span = kind < 0.8 ? 30e6 : kind < 0.95 ? 600e6 : 36_000e6;
    return BENCH_NOW + Math.ceil(random() * span);
  });
  const order = shuffled(waits);
  const endOf = (step: number): number => ends[step] as number;
  const samples: Record<string, number[]> = {};
  for (let round = 0; round < ROUNDS * 2; round++) {
    const wheel = round % 2 === 0;
    const lists = new StepLists(waits, waits);
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
  for (const [name, taken] of Object.entries(samples)) {
    say(`${waits.toLocaleString('en')} waits, ${name}`, 'ns', taken);
  }
}

process.stdout.write(`${JSON.stringify(describeMachine())}\n`);
for (const shape of [SHAPES.typical, SHAPES.lattice]) benchCompletions(shape);
benchCompaction();
for (const waits of [1000, 100_000, 1_000_000]) benchTimers(waits);
