import { WORKFLOW_STATES } from '../../state-machine/states.ts';
import { runningSums, SeedRandom } from './seed-random.ts';
import type { StoredWorkflow } from '../../database/seed/seed-workflow.ts';

// Positions in the list of states.
const PENDING = WORKFLOW_STATES.indexOf('pending');
const IN_PROGRESS = WORKFLOW_STATES.indexOf('in_progress');
const COMPLETE = WORKFLOW_STATES.indexOf('complete');
const ERROR = WORKFLOW_STATES.indexOf('error');
const CANCELLED = WORKFLOW_STATES.indexOf('cancelled');
const RESOLVED = WORKFLOW_STATES.indexOf('resolved_manually');

/** What becomes of a task, and in how many of a hundred. */
export const SITUATIONS = {
  complete: 60,
  running: 16,
  waiting: 8,
  exhausted: 5,
  cancelled: 4,
  resolved: 2,
  untouched: 5,
} as const;

/** A key of {@link SITUATIONS}. */
export type Situation = keyof typeof SITUATIONS;

const SITUATION_NAMES = Object.keys(SITUATIONS) as Situation[];
const SITUATION_SUMS = runningSums(Object.values(SITUATIONS));

const MS = 1_000;
const SECOND = 1_000_000;
const MINUTE = 60 * SECOND;
const DAY = 24 * 60 * MINUTE;

/** A second failure is possible wherever a retry is left, beyond the injected ones. */
const CHANCE_OF_AN_EXTRA_FAILURE = 0.02;

/** State changes of one step or task in order of time; times in µs since the epoch. */
export interface Changes {
  /** How many of the entries below are in use. */
  count: number;
  /** Positions in `WORKFLOW_STATES`. */
  readonly states: Uint8Array;
  readonly times: Float64Array;
}

/** One step as it stands at the instant of the seeding. */
export interface SimulatedStep extends Changes {
  /** Finished attempts, as the engine counts them. */
  attempts: number;
  /** End of the last finished attempt; 0 when there was none. */
  lastAttemptedAt: number;
  /** A wait that a server asked for; 0 for none. */
  backoffSeconds: number;
}

/** One task as it stands; the arrays are used again for the next one. */
export interface SimulatedTask extends Changes {
  workflow: StoredWorkflow;
  situation: Situation;
  createdAt: number;
  /** 122 random bits and more, for an identity that is unique. */
  readonly identity: Uint32Array;
  readonly steps: readonly SimulatedStep[];
}

/**
 * Plays one task after another: every step starts once its parents are done, fails and retries as its template says,
 * and the play is then cut off at an instant that suits the task's situation. States, times, attempts and flags of a
 * task therefore always fit together. O(steps + edges) a task; nothing is allocated after construction.
 */
export class TaskSimulation {
  readonly #shares: readonly StoredWorkflow[];
  readonly #sums: Float64Array;
  readonly #seed: number;
  readonly #now: number;
  readonly #random = new SeedRandom();
  readonly #task: SimulatedTask;
  /** When a step is done, µs after the task's creation; infinite when never. */
  readonly #doneAt: Float64Array;
  #played = 0;

  /** @param now instant of the seeding, µs since the epoch */
  constructor(
    workflows: readonly StoredWorkflow[],
    weights: readonly number[],
    seed: number,
    now: number,
  ) {
    const [first] = workflows;
    if (first === undefined) throw new RangeError('a simulation needs a workflow');
    this.#shares = workflows;
    this.#sums = runningSums(weights);
    this.#seed = seed;
    this.#now = now;
    const most = Math.max(...workflows.map(({ parents }) => parents.length));
    this.#doneAt = new Float64Array(most);
    const limit = Math.max(
      ...workflows.flatMap(({ workflow }) => workflow.steps.map((step) => step.retryLimit)),
    );
    // Three changes an attempt, and the way out.
    const room = 3 * limit + 5;
    this.#task = {
      ...newChanges(room),
      workflow: first,
      situation: 'untouched',
      createdAt: 0,
      identity: new Uint32Array(4),
      steps: Array.from({ length: most }, () => ({
        ...newChanges(room),
        attempts: 0,
        lastAttemptedAt: 0,
        backoffSeconds: 0,
      })),
    };
  }

  /** Number of tasks up to and with the one played last. */
  get played(): number {
    return this.#played;
  }

  /** The task of number `index`, valid until the next call. */
  play(index: number): SimulatedTask {
    const random = this.#random;
    const task = this.#task;
    random.restart(this.#seed, index);
    this.#played = index + 1;
    task.workflow = this.#shares[random.share(this.#sums)] as StoredWorkflow;
    task.situation = SITUATION_NAMES[random.share(SITUATION_SUMS)] as Situation;
    for (let word = 0; word < 4; word += 1) task.identity[word] = random.bits();
    const { parents } = task.workflow;
    const victim = random.below(parents.length);
    let last = 0;
    for (let step = 0; step < parents.length; step += 1) {
      last = Math.max(last, this.#playStep(step, step === victim));
    }
    this.#cut(victim, last);
    return task;
  }

  /** Plays one step over all its attempts; times are µs after the task's creation. Returns its last change. */
  #playStep(position: number, isVictim: boolean): number {
    const random = this.#random;
    const { workflow, situation, steps } = this.#task;
    const step = steps[position];
    const template = workflow.workflow.steps[position];
    if (step === undefined || template === undefined) return 0;
    step.count = 0;
    step.attempts = 0;
    step.lastAttemptedAt = 0;
    step.backoffSeconds = 0;
    let at = 20 * MS;
    for (const parent of workflow.parents[position] as readonly number[])
      at = Math.max(at, this.#doneAt[parent] as number);
    this.#doneAt[position] = Infinity;
    if (at === Infinity) return 0;
    at += random.magnitude(2 * MS, 200 * MS);

    const limit = template.retryLimit;
    const fatal = isVictim && (situation === 'exhausted' || situation === 'resolved');
    const delayed = isVictim && situation === 'waiting';
    const extra = random.fraction() < CHANCE_OF_AN_EXTRA_FAILURE ? 1 : 0;
    let failures = fatal ? limit : Math.min(template.failures.length + extra, limit - 1);
    if (delayed) failures = Math.max(failures, Math.min(1, limit - 1));
    for (let attempt = 1; attempt <= failures; attempt += 1) {
      record(step, IN_PROGRESS, at);
      at += random.magnitude(20 * MS, 4 * SECOND);
      record(step, ERROR, at);
      if (attempt === limit) break;
      const requested = delayed && attempt === failures && random.fraction() < 0.5;
      if (requested) step.backoffSeconds = 30 + random.below(570);
      at += (requested ? step.backoffSeconds : Math.min(2 ** attempt, 30)) * SECOND;
      at += random.magnitude(1 * MS, 500 * MS);
      record(step, PENDING, at);
      at += random.magnitude(1 * MS, 20 * MS);
    }
    if (fatal) {
      if (situation === 'exhausted') return at;
      at += random.magnitude(MINUTE, 300 * MINUTE);
      record(step, RESOLVED, at);
    } else {
      record(step, IN_PROGRESS, at);
      at += random.magnitude(20 * MS, 5 * SECOND);
      record(step, COMPLETE, at);
    }
    this.#doneAt[position] = at;
    return at;
  }

  /** Decides how long ago the task began, drops what has not happened yet and writes the task's own changes. */
  #cut(victim: number, last: number): void {
    const random = this.#random;
    const task = this.#task;
    const age = this.#age(victim, last);
    task.createdAt = this.#now - age;
    task.count = 0;
    const until =
      task.situation === 'untouched'
        ? 0
        : task.situation === 'cancelled'
          ? Math.floor(last * random.fraction())
          : age;
    let unfinished = 0;
    let first = Infinity;
    for (let position = 0; position < task.workflow.parents.length; position += 1) {
      const step = task.steps[position];
      if (step === undefined) continue;
      let kept = 0;
      while (kept < step.count && (step.times[kept] as number) <= until) kept += 1;
      step.count = kept;
      if (kept > 0) first = Math.min(first, step.times[0] as number);
      const state = step.count === 0 ? PENDING : step.states[step.count - 1];
      const done = state === COMPLETE || state === RESOLVED;
      if (!done) unfinished += 1;
      if (task.situation === 'cancelled' && !done) {
        // A failed step has no way to cancelled but through pending.
        if (state === ERROR) record(step, PENDING, until);
        record(step, CANCELLED, until);
      }
      settle(step, task.createdAt);
    }
    this.#changeTask(victim, first, last, until, unfinished);
  }

  /** µs between the task's creation and now. */
  #age(victim: number, last: number): number {
    const random = this.#random;
    const step = this.#task.steps[victim];
    switch (this.#task.situation) {
      case 'untouched':
        return random.magnitude(1 * MS, 10 * MINUTE);
      case 'running':
        return Math.floor(20 * MS + (last - 20 * MS) * random.fraction());
      case 'waiting': {
        // Somewhere in the wait after the victim's last failure.
        let failed = 0;
        let over = last;
        for (let change = 0; change + 1 < (step?.count ?? 0); change += 1) {
          if (step?.states[change] !== ERROR) continue;
          failed = step.times[change] as number;
          over = step.times[change + 1] as number;
        }
        return Math.floor(failed + (over - failed) * random.fraction());
      }
      default:
        return last + random.magnitude(MINUTE, 7 * DAY);
    }
  }

  #changeTask(
    victim: number,
    first: number,
    last: number,
    until: number,
    unfinished: number,
  ): void {
    const task = this.#task;
    const created = task.createdAt;
    const after = (offset: number): number => created + Math.round(offset);
    if (first !== Infinity) record(task, IN_PROGRESS, after(first - 10 * MS));
    if (task.situation === 'cancelled') {
      record(task, CANCELLED, after(until));
    } else if (task.situation === 'exhausted') {
      record(task, ERROR, after(last + 5 * MS));
    } else if (unfinished === 0) {
      const resolvedAt = task.situation === 'resolved' ? (this.#doneAt[victim] ?? last) : undefined;
      if (resolvedAt !== undefined) {
        const step = task.steps[victim];
        const failedAt = step === undefined ? created : (step.times[step.count - 2] ?? created);
        record(task, ERROR, failedAt + 5 * MS);
        record(task, PENDING, after(resolvedAt));
        record(task, IN_PROGRESS, after(resolvedAt + MS));
      }
      record(task, COMPLETE, Math.min(after(last + 5 * MS), this.#now));
    }
  }
}

function newChanges(room: number): Changes {
  return { count: 0, states: new Uint8Array(room), times: new Float64Array(room) };
}

function record(changes: Changes, state: number, time: number): void {
  changes.states[changes.count] = state;
  changes.times[changes.count] = time;
  changes.count += 1;
}

/** Turns a step's times into instants and derives its columns from its changes. */
function settle(step: SimulatedStep, createdAt: number): void {
  let waits = false;
  for (let change = 0; change < step.count; change += 1) {
    const time = createdAt + Math.round(step.times[change] as number);
    step.times[change] = time;
    const state = step.states[change];
    if (state === COMPLETE || state === ERROR) {
      step.attempts += 1;
      step.lastAttemptedAt = time;
    }
    waits = state === ERROR;
  }
  if (!waits) step.backoffSeconds = 0;
}
