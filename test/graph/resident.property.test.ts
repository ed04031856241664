import assert from 'node:assert/strict';

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { STEP_FLAGS } from '../../src/graph/layout.ts';
import { ResidentGraph } from '../../src/graph/resident-graph.ts';
import type { StepChange } from '../../src/graph/resident-change.ts';
import type { Rules } from '../../src/graph/rules.ts';
import { STATE_CODES } from '../../src/graph/state-codes.ts';
import {
  askAfresh,
  explicitUntil,
  naiveRanks,
  snapshotOfTruth,
  type FreshAnswer,
  type Truth,
  type TruthStep,
} from './resident-model.ts';

const RUNS = 260;
const OPERATIONS = 200;
// in the test's title, so that every run names it
const SEED = Math.floor(Math.random() * 2 ** 31);
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
const operationArb = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('add' as const), pick, together: pick }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('remove' as const), pick }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('complete' as const), pick }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('start' as const), pick }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('change' as const), pick, row: rowArb }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('fail' as const), pick, row: rowArb }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('redo' as const), pick }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('wait' as const), pick, distance: distanceArb }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('advance' as const),
      by: fc.constantFrom(0, 1, 1000, 1024, 31_000, 5_000_000, 40_000_000, -7, 14 * DAY),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('take' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('release' as const), pick }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('compact' as const), budget: pick }) },
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

/** A resident graph beside the truth, both changed by the same operations. */
class Model {
  readonly rules: Rules;
  readonly truth: Truth;
  readonly ranks: Map<bigint, number>;
  readonly graph: ResidentGraph;
  readonly resident: bigint[] = [];
  readonly taken = new Set<bigint>();
  now = START;
  fresh: FreshAnswer;

  constructor(rules: Rules, truth: Truth) {
    this.rules = rules;
    this.truth = { ...truth, steps: truth.steps.map((step) => ({ ...step })) };
    this.ranks = naiveRanks(truth);
    this.graph = new ResidentGraph({ rules, nowMicros: START, maxSteps: 4096 });
    this.fresh = askAfresh(this.truth, [], rules, START);
  }

  priorityOf = (taskId: bigint): number => Number(taskId % 3n);

  step(at: number): TruthStep | undefined {
    return this.truth.steps[at % Math.max(1, this.truth.steps.length)];
  }

  /** Changes the truth, and the graph as far as it knows the step. */
  write(step: TruthStep, columns: Partial<TruthStep>): void {
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
    const slot = this.graph.findStep(step.id);
    if (slot !== -1) this.graph.change(slot, change);
  }

  run(operation: Operation): void {
    switch (operation.do) {
      case 'add':
        return this.add(operation.pick, operation.together);
      case 'remove':
        return this.remove(operation.pick);
      case 'advance':
        this.graph.advance(this.now + operation.by);
        this.now = Math.max(this.now, this.now + operation.by);
        return;
      case 'take':
        return this.take();
      case 'release': {
        const id = [...this.taken][operation.pick % Math.max(1, this.taken.size)];
        if (id === undefined) return;
        this.taken.delete(id);
        this.graph.release(this.graph.findStep(id));
        return;
      }
      case 'compact':
        this.graph.compact(operation.budget % 20);
        return;
      default: {
        const step = this.step(operation.pick);
        if (step !== undefined) this.changeStep(operation, step);
      }
    }
  }

  changeStep(operation: StepOperation, step: TruthStep): void {
    const slot = this.graph.findStep(step.id);
    switch (operation.do) {
      case 'complete': {
        if (step.state >= STATE_CODES.complete) return;
        step.state = STATE_CODES.complete;
        step.failedAt = NaN;
        step.flags = (step.flags | STEP_FLAGS.processed) & ~STEP_FLAGS.inProcess;
        if (slot !== -1) this.graph.complete(slot);
        return;
      }
      case 'start':
        return this.write(step, { state: STATE_CODES.in_progress, nextAttemptAt: NaN });
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
        step.nextAttemptAt = this.now + operation.distance;
        if (slot !== -1) this.graph.setRetryWait(slot, step.nextAttemptAt);
    }
  }

  add(at: number, together: number): void {
    const absent = this.truth.taskIds.filter((id) => !this.resident.includes(id));
    if (absent.length === 0) {
      const views = snapshotOfTruth(this.truth, this.resident);
      assert.equal(this.graph.addTask(views, at % this.resident.length), 'task-present');
      return;
    }
    const from = at % absent.length;
    const ids = absent.slice(from, from + 1 + (together % 3));
    const views = snapshotOfTruth(this.truth, ids);
    for (const [task, id] of ids.entries()) {
      const added = this.graph.addTask(views, task, this.priorityOf(id));
      assert.equal(added, this.graph.findTask(id));
      this.resident.push(id);
    }
  }

  remove(at: number): void {
    const id = this.resident[at % Math.max(1, this.resident.length)];
    if (id === undefined) return;
    assert.equal(this.graph.removeTask(id), true);
    assert.equal(this.graph.removeTask(id), false);
    this.resident.splice(this.resident.indexOf(id), 1);
  }

  take(): void {
    const slot = this.graph.takeReady();
    const queued = [...this.fresh.ready].filter((id) => !this.taken.has(id));
    if (slot === -1) {
      assert.deepEqual(queued, []);
      return;
    }
    const id = this.graph.stepId(slot);
    assert.ok(queued.includes(id));
    if (this.rules === 'rails') {
      // ranks of steps on a cycle or before one have no naive counterpart
      if (queued.some((other) => this.ranks.get(other) === Infinity))
        return void this.taken.add(id);
    }
    const taskOf = new Map(this.truth.steps.map((step) => [step.id, step.taskId]));
    const keyOf = (step: bigint): number =>
      this.priorityOf(taskOf.get(step)!) * 1000 + this.ranks.get(step)!;
    assert.equal(keyOf(id), Math.max(...queued.map(keyOf)));
    this.taken.add(id);
  }

  /** Compares everything with a fresh resolution of the same rows; undefined where all agrees. */
  disagreement(operation: Operation): string | undefined {
    const { graph } = this;
    const before = this.fresh.ready;
    const fresh = askAfresh(this.truth, this.resident, this.rules, this.now);
    this.fresh = fresh;
    for (const id of this.taken) if (!fresh.ready.has(id)) this.taken.delete(id);
    const { slotsTop, slotsFree } = graph.memory();
    const counts: [string, number, number][] = [
      ['ready steps', graph.readySlots().length, fresh.ready.size],
      ['queued steps', graph.queuedCount, fresh.ready.size - this.taken.size],
      ['tasks', graph.taskCount, this.resident.length],
      ['ghosts', graph.ghostCount, fresh.ghosts],
      ['slots', slotsTop - slotsFree, this.residentSteps() + fresh.ghosts],
    ];
    for (const [what, is, should] of counts)
      if (is !== should) return `${is} ${what}, not ${should}`;
    for (const slot of graph.readySlots()) {
      if (!fresh.ready.has(graph.stepId(slot))) return `step ${graph.stepId(slot)} is ready`;
    }
    for (const [id, status] of fresh.status) {
      const own = JSON.stringify(graph.status(graph.findTask(id)));
      if (own !== JSON.stringify(status))
        return `task ${id}: ${own}, not ${JSON.stringify(status)}`;
    }
    return this.stepDisagreement() ?? this.reportDisagreement(operation, before);
  }

  stepDisagreement(): string | undefined {
    const { graph, fresh } = this;
    let earliest = Infinity;
    for (const [id, bits] of fresh.bits) {
      const slot = graph.findStep(id);
      const own = graph.resultBits(slot);
      if (own !== bits) return `step ${id}: bits ${own}, not ${bits}`;
      if (graph.isReady(slot) !== fresh.ready.has(id)) return `step ${id}: ready`;
      const until = graph.waitsUntil(slot);
      if ((until !== undefined) !== fresh.waiting.has(id)) return `step ${id}: waiting`;
      earliest = Math.min(earliest, until ?? Infinity);
    }
    const due = graph.nextDueAt();
    if (due > earliest) return `due at ${due}, but a wait ends at ${earliest}`;
    if (fresh.waiting.size === 0 && due !== Infinity) return `due at ${due} without a wait`;
    return undefined;
  }

  /** One change reports exactly the steps that it made ready. */
  reportDisagreement(operation: Operation, before: ReadonlySet<bigint>): string | undefined {
    if (['add', 'compact', 'remove', 'take', 'release'].includes(operation.do)) return undefined;
    const expected = [...this.fresh.ready].filter((id) => !before.has(id));
    const newly = new Set(Array.from(this.graph.newlyReady, (slot) => this.graph.stepId(slot)));
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
      assert.equal(this.graph.removeTask(id), true);
    }
    assert.equal(this.graph.ghostCount, 0);
    assert.equal(this.graph.shapeCount, 0);
    assert.equal(this.graph.memory().slotsTop, 0);
    assert.equal(this.graph.queuedCount, 0);
    assert.equal(this.graph.nextDueAt(), Infinity);
  }
}

// fast-check prints seed and path of a counterexample with the failure
describe.each<Rules>(['rails', 'engine'])('under %s rules', (rules) => {
  test(`${RUNS} x ${OPERATIONS} operations agree with fresh resolutions (seed ${SEED})`, () => {
    let operationsRun = 0;
    const operations = fc.array(operationArb, { minLength: OPERATIONS, maxLength: OPERATIONS });
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
      { numRuns: RUNS, seed: SEED },
    );
    expect(operationsRun).toBe(RUNS * OPERATIONS);
  });
});
