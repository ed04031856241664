import { expect, test } from 'vitest';

import { contextPieces, resolveContexts } from '../../src/graph/kernels/contexts.ts';
import { checkedSettings } from '../../src/graph/resident/options.ts';
import { statusCodeOf, statusOf } from '../../src/graph/resident/status.ts';
import { ResidentStore, RESIDENT_TASK, TASK } from '../../src/graph/resident/store.ts';
import type { Rules } from '../../src/graph/rules/rules.ts';
import {
  allocateSnapshot,
  EXECUTION_STATUSES,
  HEALTH_STATUSES,
  RESULT_BITS,
  type SnapshotViews,
} from '../../src/graph/snapshot/layout.ts';
import { finishNow } from '../../src/graph/snapshot/pieces.ts';
import { FIRST_FOREIGN_STATE, STATE_CODES } from '../../src/graph/snapshot/state-codes.ts';

const COUNTED = [
  'pending',
  'inProgress',
  'completed',
  'failed',
  'other',
  'ready',
  'exhausted',
  'deadEnds',
] as const;
type Counts = Readonly<Record<(typeof COUNTED)[number], number>>;
const STATES = [
  ['pending', STATE_CODES.pending],
  ['inProgress', STATE_CODES.in_progress],
  ['completed', STATE_CODES.resolved_manually],
  ['failed', STATE_CODES.error],
  ['other', FIRST_FOREIGN_STATE],
] as const;

const totalOf = ({ pending, inProgress, completed, failed, other }: Counts): number =>
  pending + inProgress + completed + failed + other;

/** Every task whose counts are 0, 1 or 2, as far as one can be. */
const TASKS: readonly Counts[] = Array.from(
  { length: 3 ** COUNTED.length },
  (_, number) =>
    Object.fromEntries(
      COUNTED.map((name, digit) => [name, Math.floor(number / 3 ** digit) % 3]),
    ) as Counts,
).filter((counts) => {
  const total = totalOf(counts);
  const possible = counts.ready <= total && counts.exhausted <= total;
  return possible && counts.deadEnds <= total - counts.completed;
});

/** The contract's rows, and those of the engine's rules, one after the other. */
function expectedStatus(rules: Rules, counts: Counts) {
  const { inProgress, completed, ready, exhausted, deadEnds } = counts;
  const total = totalOf(counts);
  if (ready > 0) return 'has_ready_steps';
  if (inProgress > 0) return 'processing';
  if (rules === 'engine') {
    if (completed === total) return 'all_complete';
    return completed + deadEnds < total ? 'waiting_for_dependencies' : 'blocked_by_failures';
  }
  if (exhausted > 0) return 'blocked_by_failures';
  return completed === total && total > 0 ? 'all_complete' : 'waiting_for_dependencies';
}

function expectedHealth(rules: Rules, counts: Counts) {
  const { failed, ready, exhausted } = counts;
  const blocked = expectedStatus(rules, counts) === 'blocked_by_failures';
  if (rules === 'engine') {
    if (blocked) return 'blocked';
    return failed === 0 ? 'healthy' : 'recovering';
  }
  if (failed === 0) return 'healthy';
  if (ready > 0) return 'recovering';
  return exhausted > 0 ? 'blocked' : 'recovering';
}

/** A snapshot whose tasks have these counts; only contexts can be resolved of it. */
function viewsOf(tasks: readonly Counts[]): SnapshotViews {
  const steps = tasks.reduce((sum, counts) => sum + totalOf(counts), 0);
  const views = allocateSnapshot({ tasks: tasks.length, steps, ghosts: 0, edges: 0, timed: 0 });
  let step = 0;
  for (const [task, counts] of tasks.entries()) {
    const end = step + totalOf(counts);
    for (let at = step; at < end; at++) {
      if (at - step < counts.ready) views.bits[at]! |= RESULT_BITS.ready;
      if (at - step < counts.exhausted) views.bits[at]! |= RESULT_BITS.exhausted;
      const blocked = at % 2 === 0 ? RESULT_BITS.dead : RESULT_BITS.unreachable;
      if (end - at <= counts.deadEnds) views.bits[at]! |= blocked;
    }
    for (const [name, code] of STATES) {
      views.state.fill(code, step, step + counts[name]);
      step += counts[name];
    }
    views.taskSteps[task + 1] = step;
  }
  return views;
}

/** Changes the only task of a store that has one. */
function writeCounts(store: ResidentStore, counts: Counts): void {
  for (const name of COUNTED) store.tasks[TASK[name]] = counts[name];
  store.tasks[TASK.steps] = totalOf(counts);
}

function storeOfOne(rules: Rules): ResidentStore {
  const store = new ResidentStore(checkedSettings({ rules, nowMicros: 0 }));
  store.reserve(1, 0, 0);
  store.allocateTask();
  return store;
}

const statusIn = (views: SnapshotViews, task: number): string =>
  `${EXECUTION_STATUSES[views.executionStatus[task]!]!.status}, ${HEALTH_STATUSES[views.healthStatus[task]!]}`;

test.each<Rules>(['rails', 'engine'])(
  'kernel, pieces and resident graph give every task of small counts the status and health of its rules, %s',
  (rules) => {
    const whole = viewsOf(TASKS);
    resolveContexts(whole, rules, 0, TASKS.length);
    const inPieces = viewsOf(TASKS);
    const store = storeOfOne(rules);
    const differing: unknown[] = [];
    for (const [task, counts] of TASKS.entries()) {
      finishNow(contextPieces(inPieces, rules, task, 3));
      writeCounts(store, counts);
      const { executionStatus, healthStatus } = statusOf(store, 0);
      const expected = `${expectedStatus(rules, counts)}, ${expectedHealth(rules, counts)}`;
      const answers = [
        statusIn(whole, task),
        statusIn(inPieces, task),
        `${executionStatus}, ${healthStatus}`,
        `${EXECUTION_STATUSES[statusCodeOf(store, 0)]!.status}, ${healthStatus}`,
      ];
      if (answers.some((answer) => answer !== expected)) {
        differing.push({ counts, expected, answers });
      }
    }
    expect(TASKS.length).toBeGreaterThan(4000);
    expect(differing).toEqual([]);
  },
);

test('all open steps of a resident task with a circle are at a dead end, whatever is counted', () => {
  const store = storeOfOne('engine');
  store.tasks[TASK.flags]! |= RESIDENT_TASK.cyclic;
  const differing = TASKS.filter((counts) => {
    writeCounts(store, counts);
    const set = { ...counts, deadEnds: totalOf(counts) - counts.completed };
    const { executionStatus, healthStatus } = statusOf(store, 0);
    return (
      executionStatus !== expectedStatus('engine', set) ||
      healthStatus !== expectedHealth('engine', set)
    );
  });
  expect(differing).toEqual([]);
});
