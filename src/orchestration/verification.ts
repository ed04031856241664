import { RESULT_BITS, type SnapshotViews } from '../graph/snapshot/layout.ts';
import { resolveTaskRange } from '../graph/kernels/resolve.ts';
import type { GraphSnapshot } from '../graph/snapshot/snapshot.ts';
import { Scratch } from '../graph/snapshot/topological-order.ts';
import type { ActiveTask } from './active-task.ts';
import type { EngineMemory } from './engine-memory.ts';
import type { DatabaseSession } from '../database/engine/engine-session.ts';
import type { SessionLane } from './session-lane.ts';
import type { TaskIntake } from './task-intake.ts';
import { readTaskSnapshots } from './task-snapshots.ts';

/** A step whose stored rows say something else than memory does. */
export interface StepDifference {
  readonly stepId: bigint;
  readonly field: 'state' | 'attempts' | 'readiness' | 'missing';
  readonly inMemory: number;
  readonly stored: number;
}

/** Tasks that one round looks at: what is read at once stays small. */
const TASKS_A_ROUND = 1000;

/** What a fresh resolution says and the resident graph says too; a cycle is the task's own matter. */
const COMPARED_BITS = 0xff & ~RESULT_BITS.onCycle;

/**
 * Compares the resident graph with fresh resolutions of the stored rows, a part of the tasks a
 * round. A task that differs is reported and read anew. Tasks with a statement under way, or that
 * moved while their rows were read, are left to the next round.
 */
export class Verification {
  readonly #memory: EngineMemory;
  readonly #intake: TaskIntake;
  readonly #session: SessionLane<DatabaseSession>;
  readonly #scratch = new Scratch();
  /** Tasks that the present pass has still to look at. */
  #left: bigint[] = [];
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;

  constructor(memory: EngineMemory, intake: TaskIntake, session: SessionLane<DatabaseSession>) {
    this.#memory = memory;
    this.#intake = intake;
    this.#session = session;
  }

  /** A round every so many seconds. */
  start(seconds: number): void {
    this.#timer = setInterval(() => {
      this.#running ??= this.round()
        .then(
          () => undefined,
          (error: unknown) => this.#memory.signals.problem('verification_failed', { error }),
        )
        .finally(() => (this.#running = undefined));
    }, seconds * 1000);
    this.#timer.unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
  }

  /**
   * Looks at the next tasks.
   *
   * @returns how many were compared, and how many differed; O(steps + edges) of these tasks
   */
  async round(): Promise<{ readonly compared: number; readonly different: number }> {
    const { tasks } = this.#memory.discovery;
    if (this.#left.length === 0) this.#left = [...tasks.keys()];
    const quiet = new Map<bigint, { readonly task: ActiveTask; readonly moves: number }>();
    while (quiet.size < TASKS_A_ROUND && this.#left.length > 0) {
      const task = tasks.get(this.#left.pop() as bigint);
      if (task !== undefined && isQuiet(task)) quiet.set(task.taskId, { task, moves: task.moves });
    }
    let [compared, different] = [0, 0];
    for (const { views } of await this.#read([...quiet.keys()])) {
      const parameters = { rules: 'engine', contexts: false, levels: false } as const;
      const nowMicros = this.#memory.discovery.graph.nowMicros;
      resolveTaskRange(views, { ...parameters, nowMicros }, 0, views.counts.tasks, this.#scratch);
      for (let at = 0; at < views.counts.tasks; at++) {
        const found = quiet.get(views.taskId[at] as bigint);
        if (found === undefined) continue;
        const { task, moves } = found;
        if (!isQuiet(task) || task.moves !== moves || tasks.get(task.taskId) !== task) continue;
        compared++;
        const differences = this.#differences(views, at);
        if (differences.length === 0) continue;
        different++;
        this.#memory.signals.problem('verification_difference', {
          taskId: task.taskId,
          differences: differences.slice(0, 10),
        });
        this.#intake.markStale(task);
      }
    }
    if (different > 0) await this.#intake.readDue();
    return { compared, different };
  }

  async #read(ids: readonly bigint[]): Promise<GraphSnapshot[]> {
    if (ids.length === 0) return [];
    return this.#session.run((client) => readTaskSnapshots(client, ids));
  }

  #differences(views: SnapshotViews, at: number): StepDifference[] {
    const { graph } = this.#memory.discovery;
    const found: StepDifference[] = [];
    for (
      let step = views.taskSteps[at] as number;
      step < (views.taskSteps[at + 1] as number);
      step++
    ) {
      const stepId = views.stepId[step] as bigint;
      const resident = graph.findStep(stepId);
      const row = graph.rowOf(resident);
      if (row === undefined) {
        found.push({ stepId, field: 'missing', inMemory: 0, stored: 1 });
        continue;
      }
      const pairs = [
        ['state', row.state, views.state[step] as number],
        ['attempts', row.attempts, views.attempts[step] as number],
        [
          'readiness',
          (graph.resultBits(resident) ?? 0) & COMPARED_BITS,
          (views.bits[step] as number) & COMPARED_BITS,
        ],
      ] as const;
      for (const [field, inMemory, stored] of pairs) {
        if (inMemory !== stored) found.push({ stepId, field, inMemory, stored });
      }
    }
    return found;
  }
}

/** True where what is in memory is what is stored. */
const isQuiet = ({ inFlight, moving, stale, leaving }: ActiveTask): boolean =>
  inFlight === 0 && !moving && !stale && !leaving;
