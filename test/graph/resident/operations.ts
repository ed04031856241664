import assert from 'node:assert/strict';
import { inspect } from 'node:util';

import fc from 'fast-check';
import { expect } from 'vitest';

import { EXECUTION_STATUSES, RESULT_BITS, STEP_FLAGS } from '../../../src/graph/snapshot/layout.ts';
import { ResidentGraph } from '../../../src/graph/resident/resident-graph.ts';
import type { TaskPlacing } from '../../../src/graph/resident/options.ts';
import type { StepChange } from '../../../src/graph/rules/own-row.ts';
import type { Rules } from '../../../src/graph/rules/rules.ts';
import type { ResidentTaskStatus } from '../../../src/graph/resident/status.ts';
import { STATE_CODES } from '../../../src/graph/snapshot/state-codes.ts';
import {
  askAfresh,
  explicitUntil,
  naiveRanks,
  snapshotOfTruth,
  type FreshAnswer,
  type Truth,
  type TruthStep,
} from './model.ts';

const OPERATIONS = 200;
const START = 1_800_000_000_000_000;
const DAY = 86_400_000_000;
/** Code of a state that the contract does not name. */
const FOREIGN = 4;

const distanceArb = fc.oneof(
  fc.constantFrom(NaN, 0, 1, -1, 1023, 1024, 1025, 40_000, 5_000_000, 40_000_000),
  fc.constantFrom(NaN, NaN, -5_000_000, 3_600_000_000, 20 * DAY, 400 * DAY, Infinity, -Infinity),
);
const { pending, in_progress, error, cancelled, complete, resolved_manually } = STATE_CODES;
const stateArb = fc.oneof(
  fc.constantFrom(pending, pending, complete, error),
  fc.constantFrom(pending, in_progress, error, cancelled, complete, resolved_manually, FOREIGN),
);
const attemptsArb = fc.constantFrom(0, 0, 0, 1, 1, 2, 3, 4, 50, -1);
const limitArb = fc.constantFrom(3, 3, 3, 50, 1, 0, -1);
const flagsArb = fc
  .tuple(
    fc.constantFrom(0, 0, 0, STEP_FLAGS.processed, STEP_FLAGS.inProcess, STEP_FLAGS.notRetryable),
    fc.constantFrom(STEP_FLAGS.backoffNull, STEP_FLAGS.backoffNull, 0),
    fc.constantFrom(0, 0, STEP_FLAGS.attemptsNull, STEP_FLAGS.retryLimitNull),
  )
  .map(([a, b, c]) => a | b | c);

const rowArb = fc.record({
  state: stateArb,
  attempts: attemptsArb,
  retryLimit: limitArb,
  flags: flagsArb,
  failure: distanceArb,
  next: distanceArb,
  last: distanceArb,
  backoffSeconds: fc.constantFrom(0, 1, 30),
});

const pick = fc.nat({ max: 1000 });
const PRIORITIES = [0, 0, 1, 7, -3, 2 ** 31 - 1, -(2 ** 31)] as const;
const priorityArb = fc.constantFrom(...PRIORITIES);
const startArb = fc.constantFrom(NaN, NaN, NaN, -5, 1, 5_000_000, 40_000_000, Infinity);
const keyArb = fc.constantFrom<number | string>(1, 'card service', 'mail');
const LANES = 2;

/** An operation of this name with these arguments, as often as the weight says. */
function drawn<const D extends string, A extends object>(
  weight: number,
  name: D,
  facts: { [K in keyof A]: fc.Arbitrary<A[K]> },
): { weight: number; arbitrary: fc.Arbitrary<A & { do: D }> } {
  return {
    weight,
    arbitrary: fc.record({ do: fc.constant(name), ...facts }) as never,
  };
}

const operationArb = fc.oneof(
  drawn(3, 'add', {
    pick,
    together: pick,
    priority: priorityArb,
    startAt: startArb,
    held: fc.nat({ max: 7 }),
    shaped: fc.boolean(),
  }),
  drawn(1, 'remove', { pick }),
  drawn(6, 'complete', { pick }),
  drawn(3, 'start', { pick }),
  drawn(3, 'change', { pick, row: rowArb }),
  drawn(2, 'fail', { pick, row: rowArb }),
  drawn(1, 'redo', { pick }),
  drawn(2, 'wait', { pick, distance: distanceArb }),
  drawn(3, 'advance', {
    by: fc.constantFrom(0, 1, 1000, 1024, 31_000, 5_000_000, 40_000_000, -7, 14 * DAY),
  }),
  drawn(4, 'take', { lane: fc.nat({ max: LANES - 1 }) }),
  drawn(1, 'release', { pick }),
  drawn(2, 'compact', { budget: pick }),
  drawn(2, 'batch', { picks: fc.array(pick, { maxLength: 8 }), row: rowArb }),
  drawn(2, 'hold', { pick }),
  drawn(2, 'resume', { pick }),
  drawn(2, 'park', { pick, key: keyArb }),
  drawn(2, 'unpark', { key: keyArb, most: fc.constantFrom(0, 1, 2, Infinity) }),
  drawn(1, 'prioritise', { pick, priority: priorityArb }),
  drawn(1, 'begin', { pick, startAt: startArb }),
  drawn(1, 'note', { pick, token: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }) }),
  drawn(2, 'stray', { pick, row: rowArb }),
);
type Operation = typeof operationArb extends fc.Arbitrary<infer O> ? O : never;
type StepOperation = Extract<
  Operation,
  { do: 'complete' | 'start' | 'fail' | 'redo' | 'change' | 'wait' }
>;

/** Ids where representations change, one a step; tasks take theirs from the same list. */
const idOf = (at: number): bigint =>
  [1n, 2n ** 31n, 2n ** 32n, 2n ** 53n, -5000n][at % 5]! + BigInt(at * 3);

const truthArb: fc.Arbitrary<Truth> = fc
  .array(fc.nat({ max: 6 }), { minLength: 2, maxLength: 5 })
  .chain((sizes) => {
    const total = sizes.reduce((sum, size) => sum + size, 0);
    const at = fc.nat({ max: Math.max(0, total - 1) });
    const most = total === 0 ? 0 : total * 2;
    return fc
      .record({
        rows: fc.array(rowArb, { minLength: total, maxLength: total }),
        forward: fc.array(fc.tuple(at, at), { maxLength: most }),
        anyhow: fc.array(fc.tuple(at, at), { maxLength: total === 0 ? 0 : 1 }),
        fromNowhere: fc.array(at, { maxLength: total === 0 ? 0 : 2 }),
      })
      .map(({ rows, forward, anyhow, fromNowhere }) => {
        const taskIds = sizes.map((_, task) => BigInt(task * 7 + 1));
        const owners = sizes.flatMap((size, task) => Array.from({ length: size }, () => task));
        const steps = rows.map((row, step): TruthStep => {
          const made = { id: idOf(step), taskId: taskIds[owners[step]!]! };
          return { ...made, ...columnsOf(row, START) };
        });
        // most edges stay inside a task and lead forward; the rest goes anywhere
        const inside = forward.map(([a, b]): [number, number] => [Math.min(a, b), Math.max(a, b)]);
        const pairs = [...inside.filter(([a, b]) => a !== b), ...anyhow];
        const edges = pairs.map(([from, to]): [bigint, bigint] => [idOf(from), idOf(to)]);
        edges.push(...fromNowhere.map((to): [bigint, bigint] => [77_777n, idOf(to)]));
        return { taskIds, steps, edges };
      });
  });

interface Row {
  readonly state: number;
  readonly attempts: number;
  readonly retryLimit: number;
  readonly flags: number;
  readonly failure: number;
  readonly next: number;
  readonly last: number;
  readonly backoffSeconds: number;
}

function columnsOf(row: Row, now: number): Omit<TruthStep, 'id' | 'taskId'> {
  return {
    state: row.state,
    attempts: (row.flags & STEP_FLAGS.attemptsNull) === 0 ? row.attempts : 0,
    retryLimit: row.retryLimit,
    flags: row.flags,
    failedAt: row.state === STATE_CODES.error ? now + row.failure : NaN,
    nextAttemptAt: now + row.next,
    lastAttemptedAt: now + row.last,
    backoffSeconds: row.backoffSeconds,
  };
}

/** What is resident of one task beside its rows. */
interface Placed {
  readonly lane: number;
  priority: number;
  startAt: number;
  held: boolean;
}

const DEAD_END = RESULT_BITS.dead | RESULT_BITS.unreachable;

/** A resident graph beside the truth, both changed by the same operations. */
class Model {
  readonly rules: Rules;
  readonly truth: Truth;
  readonly ranks: Map<bigint, number>;
  readonly taskOf: Map<bigint, bigint>;
  readonly graph: ResidentGraph;
  readonly resident: bigint[] = [];
  readonly placed = new Map<bigint, Placed>();
  readonly taken = new Set<bigint>();
  readonly parked = new Map<bigint, number | string>();
  readonly tokens = new Map<bigint, bigint>();
  /** Statuses as they were last told. */
  readonly told = new Map<bigint, string>();
  /** Handles of steps and tasks that hold, and some that held once. */
  handles = new Map<bigint, number>();
  readonly strays: number[] = [-1, 0, NaN, Infinity, 0.5, 2 ** 26 - 1, 2 ** 27 + 0.5];
  now = START;
  operations = 0;
  fresh: FreshAnswer;

  constructor(rules: Rules, truth: Truth) {
    this.rules = rules;
    this.truth = { ...truth, steps: truth.steps.map((step) => ({ ...step })) };
    this.ranks = naiveRanks(truth);
    this.taskOf = new Map(truth.steps.map((step) => [step.id, step.taskId]));
    this.graph = new ResidentGraph({
      rules,
      nowMicros: START,
      maxSteps: 4096,
      lanes: LANES,
      columns: { token: 'i64' },
    });
    this.fresh = askAfresh(this.truth, [], rules, START);
  }

  step(at: number): TruthStep | undefined {
    return this.truth.steps[at % Math.max(1, this.truth.steps.length)];
  }

  residentTask(at: number): bigint | undefined {
    return this.resident[at % Math.max(1, this.resident.length)];
  }

  /** What a fresh resolution says, with the tasks' own starts put in. */
  ask(): FreshAnswer {
    const fresh = askAfresh(this.truth, this.resident, this.rules, this.now);
    for (const id of Array.from(fresh.ready)) {
      if (!(this.startOf(id) > this.now)) continue;
      fresh.ready.delete(id);
      fresh.waiting.add(id);
      fresh.bits.set(id, (fresh.bits.get(id)! & ~RESULT_BITS.ready) | RESULT_BITS.waiting);
    }
    return fresh;
  }

  startOf(stepId: bigint): number {
    return this.placed.get(this.taskOf.get(stepId)!)?.startAt ?? NaN;
  }

  /** Changes the truth, and the graph as far as it knows the step. */
  write(step: TruthStep, columns: Partial<TruthStep>): void {
    const handle = this.graph.findStep(step.id);
    const done = step.state >= STATE_CODES.complete;
    const change = this.changeOf(step, columns);
    if (handle === -1) return;
    if (!done) assert.equal(this.graph.change(handle, change), 'ok');
    else {
      // what comes late undoes no completion, unless it is what is stored
      assert.equal(this.graph.change(handle, change), 'stale');
      assert.equal(this.graph.complete(handle), 'stale');
      assert.equal(this.graph.start(handle), 'stale');
      assert.equal(this.graph.correct(handle, change), 'ok');
    }
  }

  /** Changes the truth; returns what has to be told. */
  changeOf(step: TruthStep, columns: Partial<TruthStep>): StepChange {
    const before = step.state;
    Object.assign(step, columns);
    const change: StepChange = {
      state: step.state,
      attempts: step.attempts,
      retryLimit: step.retryLimit,
      flags: step.flags,
      nextAttemptAt: step.nextAttemptAt,
      explicitUntil: explicitUntil(step),
    };
    if (step.state !== STATE_CODES.error) step.failedAt = NaN;
    // a step that falls into error without an instant falls into it now
    else if (Number.isNaN(step.failedAt) && before !== STATE_CODES.error) step.failedAt = this.now;
    else Object.assign(change, { failedAt: step.failedAt });
    return change;
  }

  run(operation: Operation): void {
    switch (operation.do) {
      case 'add':
        return this.add(operation);
      case 'remove':
        return this.remove(operation.pick);
      case 'advance':
        this.graph.advance(this.now + operation.by);
        this.now = Math.max(this.now, this.now + operation.by);
        return;
      case 'take':
        return this.take(operation.lane);
      case 'release': {
        const id = [...this.taken][operation.pick % Math.max(1, this.taken.size)];
        if (id === undefined) return;
        this.taken.delete(id);
        assert.equal(this.graph.release(this.graph.findStep(id)), 'ok');
        assert.equal(this.graph.release(this.graph.findStep(id)), 'stale');
        return;
      }
      case 'compact':
        this.graph.compact(operation.budget % 20);
        return;
      case 'batch':
        return this.batch(operation.picks, operation.row);
      case 'hold':
      case 'resume':
        return this.hold(operation.pick, operation.do === 'hold');
      case 'park':
        return this.park(operation.pick, operation.key);
      case 'unpark':
        return this.unpark(operation.key, operation.most);
      case 'prioritise':
      case 'begin': {
        const id = this.residentTask(operation.pick);
        if (id === undefined) return;
        const task = this.graph.findTask(id);
        const placed = this.placed.get(id)!;
        if (operation.do === 'prioritise') {
          placed.priority = operation.priority;
          assert.equal(this.graph.setPriority(task, operation.priority), 'ok');
        } else {
          placed.startAt = this.now + operation.startAt;
          assert.equal(this.graph.setStart(task, placed.startAt), 'ok');
        }
        return;
      }
      case 'note': {
        const id = this.step(operation.pick)?.id;
        if (id === undefined || !this.resident.includes(this.taskOf.get(id)!)) return;
        this.tokens.set(id, operation.token);
        const step = this.graph.findStep(id);
        assert.equal(this.graph.setValue('token', step, operation.token), 'ok');
        return;
      }
      case 'stray':
        return this.stray(operation.pick, operation.row);
      default: {
        const step = this.step(operation.pick);
        if (step !== undefined) this.changeStep(operation, step);
      }
    }
  }

  changeStep(operation: StepOperation, step: TruthStep): void {
    const handle = this.graph.findStep(step.id);
    switch (operation.do) {
      case 'complete': {
        if (step.state >= STATE_CODES.complete) return;
        this.completeTruth(step);
        if (handle !== -1) assert.equal(this.graph.complete(handle), 'ok');
        return;
      }
      case 'start': {
        if (handle === -1 || !this.graph.isReady(handle)) {
          return this.write(step, { state: STATE_CODES.in_progress, nextAttemptAt: NaN });
        }
        Object.assign(step, {
          state: STATE_CODES.in_progress,
          nextAttemptAt: NaN,
          failedAt: NaN,
          flags: step.flags | STEP_FLAGS.backoffNull,
        });
        assert.equal(this.graph.start(handle), 'ok');
        assert.equal(this.graph.start(handle), 'stale');
        // the row's flag says that there is no explicit wait any more
        assert.equal(this.graph.change(handle, { flags: step.flags }), 'ok');
        return;
      }
      case 'fail': {
        const { failedAt } = columnsOf({ ...operation.row, state: STATE_CODES.error }, this.now);
        const attempts = step.attempts + 1;
        return this.write(step, { state: STATE_CODES.error, attempts, failedAt });
      }
      case 'redo':
        return this.write(step, { state: STATE_CODES.pending, attempts: 0, flags: 32 });
      case 'change':
        return this.write(step, columnsOf(operation.row, this.now));
      case 'wait':
        if (step.state >= STATE_CODES.complete) {
          if (handle !== -1) assert.equal(this.graph.setRetryWait(handle, START), 'stale');
          return;
        }
        step.nextAttemptAt = this.now + operation.distance;
        if (handle !== -1) assert.equal(this.graph.setRetryWait(handle, step.nextAttemptAt), 'ok');
    }
  }

  completeTruth(step: TruthStep): void {
    step.state = STATE_CODES.complete;
    step.failedAt = NaN;
    step.flags = (step.flags | STEP_FLAGS.processed) & ~STEP_FLAGS.inProcess;
  }

  /** Steps done and failed in one call; what it reports is what has changed. */
  batch(picks: readonly number[], row: Row): void {
    const before = this.fresh;
    const completed: number[] = [];
    const changed: { step: number; change: StepChange }[] = [];
    const seen = new Set<bigint>();
    for (const at of picks) {
      const step = this.step(at);
      if (step === undefined || seen.has(step.id) || step.state >= STATE_CODES.complete) continue;
      seen.add(step.id);
      const handle = this.graph.findStep(step.id);
      if (at % 3 === 0) {
        const change = this.changeOf(step, { ...columnsOf(row, this.now), state: error });
        changed.push({ step: handle, change });
      } else {
        this.completeTruth(step);
        completed.push(handle);
      }
    }
    const report = this.graph.settleBatch({ completed, changed });
    const absent = [...completed, ...changed.map(({ step }) => step)].flatMap((handle, at) =>
      handle === -1 ? [{ at, outcome: 'unknown' }] : [],
    );
    assert.deepEqual(report.refused, absent);
    const after = this.ask();
    const ids = (handles: readonly number[]): bigint[] =>
      handles.map((handle) => this.graph.stepId(handle)!);
    const news = [...after.ready].filter((id) => !before.ready.has(id));
    const newly = ids(report.newlyReady);
    assert.deepEqual(new Set(newly), new Set(news));
    assert.equal(newly.length, news.length);
    const isDead = ({ bits }: FreshAnswer, id: bigint): boolean =>
      ((bits.get(id) ?? 0) & DEAD_END) !== 0;
    const deaths = [...after.bits.keys()].filter(
      (id) => isDead(after, id) && !isDead(before, id) && before.bits.has(id),
    );
    const dead = ids(report.deadEnds).filter((id) => after.bits.has(id));
    assert.ok(deaths.every((id) => dead.includes(id)));
    assert.ok(dead.every((id) => isDead(after, id)));
    for (const { taskId, task, executionStatus } of report.tasks) {
      assert.equal(this.graph.findTask(taskId), task);
      assert.notEqual(this.told.get(taskId), executionStatus);
      this.told.set(taskId, executionStatus);
    }
    for (const id of this.resident) {
      const status = this.graph.status(this.graph.findTask(id))!;
      assert.equal(this.told.get(id), status.executionStatus);
    }
  }

  hold(at: number, held: boolean): void {
    const id = this.residentTask(at);
    if (id === undefined) return;
    const task = this.graph.findTask(id);
    const placed = this.placed.get(id)!;
    placed.held = held;
    assert.equal(held ? this.graph.holdTask(task) : this.graph.resumeTask(task), 'ok');
    assert.equal(this.graph.isHeld(task), held);
  }

  park(at: number, key: number | string): void {
    const step = this.step(at);
    if (step === undefined) return;
    const ready = this.fresh.ready.has(step.id);
    const outcome = this.graph.park(this.graph.findStep(step.id), key);
    const resident = this.graph.findStep(step.id) !== -1;
    assert.equal(outcome, ready ? 'ok' : resident ? 'stale' : 'unknown');
    if (!ready) return;
    this.taken.delete(step.id);
    this.parked.delete(step.id);
    this.parked.set(step.id, key);
  }

  unpark(key: number | string, most: number): void {
    const ids = [...this.parked].filter(([, of]) => of === key).map(([id]) => id);
    const given = ids.slice(0, most);
    assert.equal(this.graph.unpark(key, most), given.length);
    for (const id of given) this.parked.delete(id);
  }

  /** Nothing that a wrong handle is given to changes anything. */
  stray(at: number, row: Row): void {
    const { graph } = this;
    const stray = this.strays[at % this.strays.length]!;
    const change = { state: row.state, attempts: row.attempts };
    const outcomes = [
      graph.complete(stray),
      graph.start(stray),
      graph.change(stray, change),
      graph.correct(stray, change),
      graph.setRetryWait(stray, this.now),
      graph.release(stray),
      graph.park(stray, 'mail'),
      graph.setValue('token', stray, 1n),
      graph.removeTask(stray),
      graph.holdTask(stray),
      graph.resumeTask(stray),
      graph.setPriority(stray, 4),
      graph.setStart(stray, this.now),
    ];
    for (const outcome of outcomes) assert.ok(outcome === 'stale' || outcome === 'unknown');
    assert.deepEqual(
      [
        graph.status(stray),
        graph.statusCode(stray),
        graph.rowOf(stray),
        graph.taskOf(stray),
        graph.resultBits(stray),
        graph.isReady(stray),
        graph.stepsOf(stray),
        graph.parentsOf(stray),
        graph.getValue('token', stray),
      ],
      [undefined, -1, undefined, -1, undefined, false, [], [], undefined],
    );
  }

  add(operation: Extract<Operation, { do: 'add' }>): void {
    const { graph } = this;
    const absent = this.truth.taskIds.filter((id) => !this.resident.includes(id));
    if (absent.length === 0) {
      const views = snapshotOfTruth(this.truth, this.resident);
      assert.equal(graph.addTask(views, operation.pick % this.resident.length), 'task-present');
      return;
    }
    const from = operation.pick % absent.length;
    const ids = absent.slice(from, from + 1 + (operation.together % 3));
    const placing = {
      priority: operation.priority,
      lane: operation.together % LANES,
      startAt: this.now + operation.startAt,
      held: operation.held === 0,
    };
    const views = snapshotOfTruth(this.truth, ids);
    for (const [task, id] of ids.entries()) {
      const added =
        (operation.shaped ? this.addShaped(id, placing) : undefined) ??
        graph.addTask(views, task, placing);
      assert.equal(added, graph.findTask(id));
      this.resident.push(id);
      this.placed.set(id, { ...placing });
      this.told.delete(id);
      for (const step of this.truth.steps) if (step.taskId === id) this.tokens.set(step.id, 0n);
    }
  }

  /** Adds a task by its graph alone; undefined where it has a circle or parents in other tasks. */
  addShaped(taskId: bigint, placing: TaskPlacing): number | undefined {
    const { graph, truth } = this;
    const steps = truth.steps
      .filter((step) => step.taskId === taskId)
      .toSorted((a, b) => (a.id < b.id ? -1 : 1));
    const positions = new Map(steps.map(({ id }, at) => [id, at]));
    const edges = truth.edges.filter(([, child]) => positions.has(child));
    const local = edges.every(([parent]) => positions.has(parent));
    const foreignOnly = edges.some(([parent]) => parent === 77_777n);
    if (!local || foreignOnly || steps.some(({ id }) => this.ranks.get(id) === Infinity)) {
      return undefined;
    }
    const children = steps.map(({ id }) =>
      edges.filter(([parent]) => parent === id).map(([, child]) => positions.get(child)!),
    );
    const offsets = new Uint32Array(steps.length + 1);
    for (const [at, of] of children.entries()) offsets[at + 1] = offsets[at]! + of.length;
    const shape = graph.defineShape({ offsets, children: Uint32Array.from(children.flat()) });
    assert.ok(typeof shape === 'object');
    const column = (name: 'state' | 'attempts' | 'retryLimit' | 'flags'): number[] =>
      steps.map((step) => step[name]);
    const instants = (name: 'failedAt' | 'nextAttemptAt'): number[] =>
      steps.map((step) => step[name]);
    const tasks = {
      taskIds: [taskId],
      stepIds: steps.map(({ id }) => id),
      ...placing,
      rows: {
        state: column('state'),
        attempts: column('attempts'),
        retryLimit: column('retryLimit'),
        flags: column('flags'),
        failedAt: instants('failedAt'),
        nextAttemptAt: instants('nextAttemptAt'),
        explicitUntil: steps.map(explicitUntil),
      },
    };
    // all or nothing: the same task twice, then alone
    const { slotsTop, slotsFree } = graph.memory();
    if (steps.length > 0) {
      const twice = { ...tasks, taskIds: [taskId, taskId] };
      assert.throws(() => graph.addTasks(shape, twice), { code: 'TASKER_BAD_ARGUMENT' });
    }
    const added = graph.addTasks(shape, tasks);
    assert.ok(typeof added === 'object' && added.length === 1);
    assert.equal(
      graph.addTasks(shape, tasks),
      steps.length === 0 ? 'task-present' : 'step-present',
    );
    const after = graph.memory();
    assert.ok(after.slotsTop - after.slotsFree <= slotsTop - slotsFree + steps.length);
    assert.equal(graph.releaseShape(shape), 'ok');
    assert.equal(graph.releaseShape(shape), 'unknown');
    assert.equal(graph.addTasks(shape, tasks), 'unknown');
    return added[0];
  }

  remove(at: number): void {
    const id = this.residentTask(at);
    if (id === undefined) return;
    const task = this.graph.findTask(id);
    assert.equal(this.graph.removeTask(task), 'ok');
    assert.equal(this.graph.removeTask(task), 'stale');
    this.strays.push(task);
    this.resident.splice(this.resident.indexOf(id), 1);
    this.placed.delete(id);
    for (const step of this.truth.steps) {
      if (step.taskId !== id) continue;
      this.tokens.delete(step.id);
      this.taken.delete(step.id);
      this.parked.delete(step.id);
    }
  }

  isQueued(id: bigint): boolean {
    if (this.taken.has(id) || this.parked.has(id)) return false;
    return !this.placed.get(this.taskOf.get(id)!)!.held;
  }

  queuedIn(lane: number): bigint[] {
    return [...this.fresh.ready].filter(
      (id) => this.isQueued(id) && this.placed.get(this.taskOf.get(id)!)!.lane === lane,
    );
  }

  take(lane: number): void {
    const one = new Float64Array(2);
    const queued = this.queuedIn(lane);
    const count = this.graph.takeReady(one, 1, lane);
    if (count === 0) {
      assert.deepEqual(queued, []);
      return;
    }
    const id = this.graph.stepId(one[0]!)!;
    assert.ok(queued.includes(id));
    this.taken.add(id);
    // ranks of steps on a cycle or before one have no naive counterpart
    if (queued.some((other) => this.ranks.get(other) === Infinity)) return;
    const keyOf = (step: bigint): number =>
      this.placed.get(this.taskOf.get(step)!)!.priority * 1000 + this.ranks.get(step)!;
    assert.equal(keyOf(id), Math.max(...queued.map(keyOf)));
  }

  /** Compares everything with a fresh resolution of the same rows; undefined where all agrees. */
  disagreement(operation: Operation): string | undefined {
    const { graph } = this;
    const before = this.fresh.ready;
    const fresh = this.ask();
    this.fresh = fresh;
    for (const id of this.taken) if (!fresh.ready.has(id)) this.taken.delete(id);
    for (const id of this.parked.keys()) if (!fresh.ready.has(id)) this.parked.delete(id);
    const { slotsTop, slotsFree } = graph.memory();
    const queued = [...fresh.ready].filter((id) => this.isQueued(id));
    const counts: [string, number, number][] = [
      ['ready steps', graph.readySteps().length, fresh.ready.size],
      ['queued steps', graph.queuedCount(), queued.length],
      ['queued steps of lane 1', graph.queuedCount(1), this.queuedIn(1).length],
      ['tasks', graph.taskCount, this.resident.length],
      ['ghosts', graph.ghostCount, fresh.ghosts],
      ['slots', slotsTop - slotsFree, this.residentSteps() + fresh.ghosts],
    ];
    for (const [what, is, should] of counts)
      if (is !== should) return `${is} ${what}, not ${should}`;
    for (const step of graph.readySteps()) {
      if (!fresh.ready.has(graph.stepId(step)!)) return `step ${graph.stepId(step)} is ready`;
    }
    return (
      this.statusDisagreement() ??
      this.stepDisagreement() ??
      this.handleDisagreement() ??
      this.reportDisagreement(operation, before)
    );
  }

  statusDisagreement(): string | undefined {
    for (const [id, status] of this.fresh.status) {
      const own = this.graph.status(this.graph.findTask(id));
      // what a task that has not begun waits for is known to the graph alone
      const waits = this.placed.get(id)!.startAt > this.now;
      const {
        executionStatus: _,
        healthStatus: __,
        readySteps: ___,
        ...counts
      } = status as ResidentTaskStatus;
      const expected = JSON.stringify(waits ? counts : status);
      const { totalSteps, pendingSteps, inProgressSteps, completedSteps, failedSteps } = own!;
      const some = { totalSteps, pendingSteps, inProgressSteps, completedSteps, failedSteps };
      const shown = JSON.stringify(waits ? some : own);
      if (shown !== expected) return `task ${id}: ${shown}, not ${expected}`;
      if (waits && own!.readySteps > 0) return `task ${id} has begun`;
      const code = this.graph.statusCode(this.graph.findTask(id));
      if (EXECUTION_STATUSES[code]!.status !== own!.executionStatus) return `task ${id}: ${code}`;
    }
    if (this.operations++ % 5 > 0) return undefined;
    const differences = this.graph.verify(snapshotOfTruth(this.truth, this.resident));
    return differences.length === 0 ? undefined : `verify: ${inspect(differences[0])}`;
  }

  stepDisagreement(): string | undefined {
    const { graph, fresh } = this;
    let earliest = Infinity;
    for (const [id, bits] of fresh.bits) {
      const step = graph.findStep(id);
      const own = graph.resultBits(step);
      if (own !== bits) return `step ${id}: bits ${own}, not ${bits}`;
      if (graph.isReady(step) !== fresh.ready.has(id)) return `step ${id}: ready`;
      const until = graph.waitsUntil(step);
      if ((until !== undefined) !== fresh.waiting.has(id)) return `step ${id}: waiting`;
      if (until !== undefined && until < this.startOf(id)) return `step ${id} starts early`;
      earliest = Math.min(earliest, until ?? Infinity);
    }
    const due = graph.nextDueAt();
    if (due > earliest) return `due at ${due}, but a wait ends at ${earliest}`;
    if (fresh.waiting.size === 0 && due !== Infinity) return `due at ${due} without a wait`;
    return undefined;
  }

  /** A handle names its step and task, or nothing any more; values stand with their steps. */
  handleDisagreement(): string | undefined {
    const { graph } = this;
    for (const [id, handle] of this.handles) {
      if (graph.findStep(id) === handle) continue;
      if (graph.stepId(handle) !== undefined) return `handle ${handle} of step ${id} goes on`;
      if (this.strays.length < 40) this.strays.push(handle);
      this.handles.delete(id);
    }
    for (const { id, taskId } of this.truth.steps) {
      const handle = graph.findStep(id);
      if (handle === -1) continue;
      this.handles.set(id, handle);
      if (graph.stepId(handle) !== id) return `handle ${handle} is not step ${id}`;
      if (!this.resident.includes(taskId)) continue;
      const task = graph.taskOf(handle);
      if (graph.taskId(task) !== taskId) return `step ${id} is not of task ${taskId}`;
      if (graph.stepsOf(task)[graph.positionOf(handle)] !== handle)
        return `step ${id} is elsewhere`;
      const token = graph.getValue('token', handle);
      if (token !== this.tokens.get(id)) return `token of step ${id} is ${token}`;
    }
    return undefined;
  }

  /** One change reports exactly the steps that it made ready. */
  reportDisagreement(operation: Operation, before: ReadonlySet<bigint>): string | undefined {
    const silent = ['add', 'compact', 'remove', 'take', 'release', 'batch', 'start', 'stray'];
    if (silent.includes(operation.do)) return undefined;
    const expected = [...this.fresh.ready].filter((id) => !before.has(id));
    const newly = new Set(this.graph.newlyReady.map((step) => this.graph.stepId(step)!));
    if (expected.length === 0) return undefined;
    const same = expected.length === newly.size && expected.every((id) => newly.has(id));
    return same ? undefined : `reported ${[...newly].join()}, not ${expected.join()}`;
  }

  residentSteps(): number {
    return this.truth.steps.filter((step) => this.resident.includes(step.taskId)).length;
  }

  /** Nothing is left behind when everything goes, and compaction leaves no room free. */
  end(): void {
    for (let slice = 0; slice < 400; slice++) this.graph.compact(3);
    assert.equal(this.graph.memory().slotsFree, 0);
    for (const id of this.resident) {
      assert.equal(this.graph.removeTask(this.graph.findTask(id)), 'ok');
    }
    assert.equal(this.graph.ghostCount, 0);
    assert.equal(this.graph.shapeCount, 0);
    assert.equal(this.graph.memory().slotsTop, 0);
    assert.equal(this.graph.queuedCount(), 0);
    assert.equal(this.graph.nextDueAt(), Infinity);
    assert.deepEqual(this.graph.takeStatusChanges(), []);
  }
}

/** Random operations on random tasks, each compared with a fresh resolution; says how many. */
export function runOperations(rules: Rules, runs: number, seed: number): number {
  let operationsRun = 0;
  const operations = fc.array(operationArb, { minLength: OPERATIONS, maxLength: OPERATIONS });
  // fast-check prints seed and path of a counterexample with the failure
  fc.assert(
    fc.property(truthArb, operations, (truth, sequence) => {
      const model = new Model(rules, truth);
      for (const operation of sequence) {
        model.run(operation);
        expect(model.disagreement(operation)).toBeUndefined();
        operationsRun++;
      }
      model.end();
    }),
    { numRuns: runs, seed, endOnFailure: true },
  );
  return operationsRun;
}
