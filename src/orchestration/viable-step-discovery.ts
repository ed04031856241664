import {
  readActiveTasks,
  readStepTokens,
  type ActiveTaskFilter,
  type ActiveTaskRow,
  type StepTokenRow,
} from '../database/engine/active-tasks.ts';
import type { DatabaseSession } from '../database/engine/engine-session.ts';
import type { StoredTemplate } from '../database/engine/template-catalog.ts';
import { STEP_FLAGS, type SnapshotViews } from '../graph/snapshot/layout.ts';
import { ResidentGraph, type ResidentShape } from '../graph/resident/resident-graph.ts';
import type { AddRefusal } from '../graph/resident/tasks.ts';
import type { GraphSnapshot } from '../graph/snapshot/snapshot.ts';
import type { StepTemplate, TaskTemplate } from '../templates/task-template.ts';
import type { ActiveTask } from './active-task.ts';
import { readTaskSnapshots } from './task-snapshots.ts';

/** A task that was just stored: pending, nothing bypassed, due at once, its steps' ids in a row. */
export interface NewTaskRow extends Pick<ActiveTaskRow, 'taskId' | 'priority' | 'correlationId'> {
  readonly firstStepId: bigint;
}

/** What a load brought. */
export interface Adoption {
  readonly adopted: readonly ActiveTask[];
  /** Tasks in memory whose own rows tell something else; of a load of everything only. */
  readonly changed: readonly ActiveTask[];
  /** Steps in progress of the adopted tasks. */
  readonly underWay: readonly (StepTokenRow & { readonly task: ActiveTask })[];
  /** When the next task is due that is not yet, µs since the epoch. */
  readonly nextRunAt: number;
  /** Tasks that cannot be run, and why. */
  readonly refused: readonly { readonly taskId: bigint; readonly reason: AddRefusal }[];
}

/**
 * The active tasks of this engine and which of their steps may run: the resident graph answers, a
 * query is made only when tasks come in. All tasks of a load are new to the graph.
 */
export class ViableStepDiscovery {
  readonly graph: ResidentGraph;
  readonly tasks = new Map<bigint, ActiveTask>();
  /** Ids of the current transition rows of steps that are not done, where they have one. */
  readonly stepTokens = new Map<bigint, bigint>();
  /** Taken out since the present load began: what it has read of them is older. */
  readonly #removed = new Set<bigint>();
  readonly #fleet: string;
  readonly #lanes: number;
  readonly #templates: ReadonlyMap<number, TaskTemplate>;
  /** Graphs of templates, by template hash. */
  readonly #shapes = new Map<string, ResidentShape>();

  /** @param templates by named task id */
  constructor(
    nowMicros: number,
    fleet: string,
    lanes: number,
    templates: ReadonlyMap<number, TaskTemplate>,
  ) {
    this.graph = new ResidentGraph({ rules: 'engine', nowMicros, lanes });
    this.#fleet = fleet;
    this.#lanes = lanes;
    this.#templates = templates;
  }

  /**
   * Loads active tasks that are not here yet: two statements, and their rows. One load goes on at a
   * time; tasks may run meanwhile.
   */
  async load(
    client: DatabaseSession,
    filter: Omit<ActiveTaskFilter, 'fleet' | 'namedTaskIds'>,
  ): Promise<Adoption> {
    const namedTaskIds = [...this.#templates.keys()];
    const isWhole = filter.taskIds === undefined && filter.first === undefined;
    const known = isWhole ? [...this.tasks.values()] : [];
    this.#removed.clear();
    const own = { fleet: this.#fleet, namedTaskIds };
    const { tasks, nextRunAt } = await readActiveTasks(client, { ...filter, ...own });
    const changed = this.#differing(known, tasks);
    const rows = new Map<bigint, ActiveTaskRow>();
    for (const row of tasks) if (!this.#knows(row.taskId)) rows.set(row.taskId, row);
    const ids = [...rows.keys()];
    if (ids.length === 0) return { adopted: [], changed, underWay: [], nextRunAt, refused: [] };
    // Tokens first: what another engine stores in between makes them stale, and the next move is lost.
    // The other way round, a fresh token would vouch for rows that are old.
    const tokens = await readStepTokens(client, ids);
    const snapshots = await readTaskSnapshots(client, ids);
    const adopted: ActiveTask[] = [];
    const refused: { taskId: bigint; reason: AddRefusal }[] = [];
    for (const snapshot of snapshots) {
      const { views } = snapshot;
      for (let at = 0; at < views.counts.tasks; at++) {
        const row = rows.get(views.taskId[at] as bigint);
        const template = this.#templates.get(views.namedTaskId[at] as number);
        if (row === undefined || template === undefined || this.#knows(row.taskId)) continue;
        const task = this.adopt(views, at, row, template, positionsOf(snapshot, at, template));
        if (typeof task === 'string') refused.push({ taskId: row.taskId, reason: task });
        else adopted.push(task);
      }
    }
    const underWay: (StepTokenRow & { task: ActiveTask })[] = [];
    const mine = new Set(adopted);
    for (const token of tokens) {
      const task = this.taskOfStep(token.stepId);
      if (task === undefined || !mine.has(task)) continue;
      this.stepTokens.set(token.stepId, token.token);
      if (token.state === 'in_progress') underWay.push({ ...token, task });
    }
    return { adopted, changed, underWay, nextRunAt, refused };
  }

  /** True for a task of which memory has, or had, a later state than a load that began before. */
  #knows(taskId: bigint): boolean {
    return this.tasks.has(taskId) || this.#removed.has(taskId);
  }

  /** Tasks that others ended, paused or moved without a word; a few more where moves are just made. */
  #differing(known: readonly ActiveTask[], rows: readonly ActiveTaskRow[]): ActiveTask[] {
    if (known.length === 0) return [];
    const stored = new Map(rows.map((row) => [row.taskId, row]));
    return known.filter((task) => {
      if (task.inFlight > 0 || task.moving || this.tasks.get(task.taskId) !== task) return false;
      const row = stored.get(task.taskId);
      return row === undefined || row.token !== task.token || row.paused !== task.paused;
    });
  }

  /**
   * Adds tasks of a template to which nothing has happened yet. O(steps), without a snapshot.
   *
   * @returns the tasks, or why one was not added, in the order given
   */
  adoptNew(
    { template, namedTaskId }: StoredTemplate<TaskTemplate>,
    tasks: readonly NewTaskRow[],
  ): (ActiveTask | AddRefusal)[] {
    const shape = this.#shapeOf(template);
    if (shape === 'full') return tasks.map(() => shape);
    const added = tasks.map((): AddRefusal | undefined => undefined);
    for (let lane = 0; lane < this.#lanes; lane++) {
      const own = [...tasks.keys()].filter((at) => this.#laneOf(tasks[at]!.taskId) === lane);
      if (
        this.#addShaped(
          shape,
          lane,
          own.map((at) => tasks[at]!),
        ) === undefined
      )
        continue;
      // all or none: which of them is to blame is found one by one
      for (const at of own) added[at] = this.#addShaped(shape, lane, [tasks[at]!]);
    }
    const common = { namedTaskId, state: 'pending', token: undefined, paused: false } as const;
    return tasks.map((task, at) => added[at] ?? this.#enter({ ...task, ...common }, template));
  }

  #addShaped(
    shape: ResidentShape,
    lane: number,
    tasks: readonly NewTaskRow[],
  ): AddRefusal | undefined {
    const stepIds = new BigInt64Array(tasks.length * shape.steps);
    for (const [at, { firstStepId }] of tasks.entries()) {
      for (let step = 0; step < shape.steps; step++) {
        stepIds[at * shape.steps + step] = firstStepId + BigInt(step);
      }
    }
    const added = this.graph.addTasks(shape, {
      taskIds: tasks.map(({ taskId }) => taskId),
      stepIds,
      priority: tasks.map(({ priority }) => priority),
      lane,
    });
    if (typeof added !== 'string') return undefined;
    if (added === 'unknown') throw new Error('the shape of a template was forgotten');
    return added;
  }

  #shapeOf(template: TaskTemplate): ResidentShape | 'full' {
    const known = this.#shapes.get(template.hash);
    if (known !== undefined) return known;
    const { graph, steps } = template;
    const shape = this.graph.defineShape({
      offsets: graph.childOffsets,
      children: graph.children,
      retryLimits: Int32Array.from(steps, ({ retryLimit }) => retryLimit),
      flags: Uint8Array.from(steps, flagsOf),
    });
    if (shape !== 'full') this.#shapes.set(template.hash, shape);
    return shape;
  }

  #laneOf(taskId: bigint): number {
    return Number(taskId % BigInt(this.#lanes));
  }

  /** Adds one task of a snapshot. O(steps + edges), expected. */
  adopt(
    views: SnapshotViews,
    at: number,
    row: ActiveTaskRow,
    template: TaskTemplate,
    templatePositions: Int32Array | undefined,
  ): ActiveTask | AddRefusal {
    const lane = this.#laneOf(row.taskId);
    const added = this.graph.addTask(views, at, { priority: row.priority, lane });
    return typeof added === 'string' ? added : this.#enter(row, template, templatePositions);
  }

  #enter(row: ActiveTaskRow, template: TaskTemplate, templatePositions?: Int32Array): ActiveTask {
    const task: ActiveTask = {
      taskId: row.taskId,
      template,
      templatePositions,
      lane: this.#laneOf(row.taskId),
      correlationId: row.correlationId,
      state: row.state,
      token: row.token,
      paused: row.paused,
      leaving: false,
      inputs: undefined,
      attempts: 0,
      inFlight: 0,
      moves: 0,
      moving: false,
      stale: false,
      annotated: false,
    };
    this.tasks.set(row.taskId, task);
    return task;
  }

  /** The task of a resident step. Expected O(1). */
  taskOfStep(stepId: bigint): ActiveTask | undefined {
    const taskId = this.graph.taskId(this.graph.taskOf(this.graph.findStep(stepId)));
    return taskId === undefined ? undefined : this.tasks.get(taskId);
  }

  /** Takes a task out. Expected O(steps). */
  remove(taskId: bigint): void {
    const task = this.graph.findTask(taskId);
    for (const step of this.graph.stepsOf(task)) {
      this.stepTokens.delete(this.graph.stepId(step) as bigint);
    }
    this.graph.removeTask(task);
    if (this.tasks.delete(taskId)) this.#removed.add(taskId);
  }
}

const flagsOf = ({ retryable, skippable }: StepTemplate): number =>
  STEP_FLAGS.backoffNull |
  (retryable ? 0 : STEP_FLAGS.notRetryable) |
  (skippable ? STEP_FLAGS.skippable : 0);

/** Positions in the template of a task's steps; undefined where they agree. */
function positionsOf(
  { views, texts }: GraphSnapshot,
  task: number,
  template: TaskTemplate,
): Int32Array | undefined {
  const first = views.taskSteps[task] as number;
  const count = (views.taskSteps[task + 1] as number) - first;
  const positions = Int32Array.from({ length: count }, (_, at) => {
    const name = texts.stepNames.get(views.namedStepId[first + at] as number);
    return template.positions.get(name ?? '') ?? -1;
  });
  return positions.every((position, at) => position === at) ? undefined : positions;
}
