import type { SnapshotViews } from '../../graph/snapshot/layout.ts';
import { isDead } from '../../graph/rules/own-row.ts';
import type { Rules } from '../../graph/rules/rules.ts';
import { STATE_CODES } from '../../graph/snapshot/state-codes.ts';

/**
 * Which steps of one task can never finish unless somebody intervenes: for their own sake, for an
 * ancestor's, or because of a circle.
 */
export interface TaskDoom {
  /** True when the node's own row keeps it from ever running. */
  isDead(node: number): boolean;
  /** True when the node can never finish; parents in other tasks are judged by their own row. */
  isDoomed(node: number): boolean;
  /** First step of the task that stands on a circle or behind one. */
  readonly tangled: number | undefined;
  /** True when the step stands on a circle or behind one. */
  isTangled(step: number): boolean;
  /** A shortest circle through the step, from the step on; undefined where it stands on none. */
  cycleThrough(step: number): number[] | undefined;
  /**
   * From the step up to the ancestor that is the cause: the nearest dead one, or the first one met
   * that stands on a circle. The step itself comes first.
   */
  chainToCause(step: number): number[];
}

/** Done already, or being done: nothing above such a step can hold it. */
function isFinal(views: SnapshotViews, step: number): boolean {
  const code = views.state[step] as number;
  return code >= STATE_CODES.complete || code === STATE_CODES.in_progress;
}

/** Parents of a step, each once, in stored order. */
export function parentsOf(views: SnapshotViews, step: number): number[] {
  const start = views.parentOffsets[step] as number;
  const end = views.parentOffsets[step + 1] as number;
  return [...new Set(views.parents.subarray(start, end))];
}

/**
 * Finds out which steps of a task can never finish. O(steps + edges) of the task, and so is each of
 * the questions that the answer takes.
 *
 * Under `engine` the answer is that of the result bits `dead` and `unreachable`, any circle counts,
 * and the task that holds one is set apart. Under `rails` a step that is done or running breaks a
 * circle, because the SQL functions look one edge far.
 */
export function taskDoom(views: SnapshotViews, task: number, rules: Rules): TaskDoom {
  const first = views.taskSteps[task] as number;
  const end = views.taskSteps[task + 1] as number;
  const dead = (node: number): boolean => isDead(views, node, rules);
  const isLocal = (node: number): boolean => node >= first && node < end;
  const counts = (step: number): boolean => rules === 'engine' || !isFinal(views, step);
  const children = (step: number): Uint32Array =>
    views.children.subarray(views.childOffsets[step], views.childOffsets[step + 1]);

  const remaining = new Int32Array(end - first);
  const queue: number[] = [];
  for (let step = first; step < end; step++) {
    if (!counts(step)) continue;
    for (const parent of parentsOf(views, step)) {
      if (isLocal(parent) && counts(parent))
        remaining[step - first] = (remaining[step - first] as number) + 1;
    }
    if (remaining[step - first] === 0) queue.push(step);
  }
  const doomed = new Uint8Array(end - first);
  const isDoomed = (node: number): boolean =>
    isLocal(node) ? doomed[node - first] === 1 : dead(node);
  for (let at = 0; at < queue.length; at++) {
    const step = queue[at] as number;
    if (!isFinal(views, step) && (dead(step) || parentsOf(views, step).some(isDoomed))) {
      doomed[step - first] = 1;
    }
    for (const child of new Set(children(step))) {
      if (!isLocal(child) || !counts(child)) continue;
      const left = (remaining[child - first] as number) - 1;
      remaining[child - first] = left;
      if (left === 0) queue.push(child);
    }
  }
  const isTangled = (step: number): boolean =>
    isLocal(step) && (remaining[step - first] as number) > 0;
  let tangled: number | undefined;
  for (let step = end - 1; step >= first; step--) {
    if (!isTangled(step)) continue;
    tangled = step;
    if (!isFinal(views, step)) doomed[step - first] = 1;
  }

  const search = (
    start: number,
    next: (node: number) => Iterable<number>,
    isGoal: (node: number) => boolean,
  ): number[] | undefined => {
    const from = new Map<number, number>([[start, start]]);
    const nodes = [start];
    for (let at = 0; at < nodes.length; at++) {
      const node = nodes[at] as number;
      for (const other of next(node)) {
        if (isGoal(other)) return wayBack(from, start, node, other);
        if (from.has(other)) continue;
        from.set(other, node);
        nodes.push(other);
      }
    }
    return undefined;
  };

  function* doomedParents(node: number): Generator<number> {
    if (node >= views.counts.steps) return; // the parents of a step in another task are not here
    for (const parent of parentsOf(views, node)) if (isDoomed(parent)) yield parent;
  }

  return {
    isDead: dead,
    isDoomed,
    tangled,
    isTangled,
    cycleThrough: (step) =>
      isTangled(step)
        ? search(
            step,
            (node) => [...children(node)].filter(isTangled),
            (node) => node === step,
          )?.slice(0, -1)
        : undefined,
    chainToCause: (step) =>
      isTangled(step)
        ? walkToCycle(views, step, isTangled)
        : (search(step, doomedParents, dead) ?? [step]),
  };
}

function wayBack(
  from: ReadonlyMap<number, number>,
  start: number,
  last: number,
  goal: number,
): number[] {
  const path = [goal];
  for (let node = last; node !== start; node = from.get(node) as number) path.push(node);
  path.push(start);
  return path.toReversed();
}

/** Every tangled step has a tangled parent, so a walk upwards meets itself, on a circle. */
function walkToCycle(
  views: SnapshotViews,
  step: number,
  isTangled: (step: number) => boolean,
): number[] {
  const walk = new Set<number>();
  let node = step;
  while (!walk.has(node)) {
    walk.add(node);
    node = parentsOf(views, node).find(isTangled) as number;
  }
  const nodes = [...walk];
  return nodes.slice(0, nodes.indexOf(node) + 1);
}
