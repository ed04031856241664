import type { LayoutProblem, SnapshotViews } from './layout.ts';

function offsetsProblem(
  section: string,
  offsets: Uint32Array,
  total: number,
): LayoutProblem | undefined {
  if (offsets[0] !== 0) return { section, problem: 'does not start at 0' };
  let previous = 0;
  for (let at = 1; at < offsets.length; at++) {
    const offset = offsets[at] as number;
    if (offset < previous) return { section, problem: `falls at ${at}` };
    previous = offset;
  }
  return previous === total
    ? undefined
    : { section, problem: `ends at ${previous} instead of ${total}` };
}

function targetsProblem(
  section: string,
  targets: Uint32Array,
  limit: number,
): LayoutProblem | undefined {
  for (let at = 0; at < targets.length; at++) {
    if ((targets[at] as number) >= limit) {
      return { section, problem: `names node ${targets[at]} at ${at}, of ${limit}` };
    }
  }
  return undefined;
}

/**
 * Checks everything the kernels take for granted: offsets rise from 0 to their total, every edge
 * names a node, children are the parents transposed, timed steps rise and exist. O(T + N + E).
 *
 * @returns the first contradiction, or undefined for a sound snapshot
 */
export function findSnapshotProblem(views: SnapshotViews): LayoutProblem | undefined {
  const { tasks, steps, ghosts, edges, timed } = views.counts;
  const nodes = steps + ghosts;
  const problem =
    offsetsProblem('taskSteps', views.taskSteps, steps) ??
    offsetsProblem('parentOffsets', views.parentOffsets, edges) ??
    offsetsProblem('childOffsets', views.childOffsets, edges) ??
    targetsProblem('parents', views.parents, nodes) ??
    targetsProblem('children', views.children, steps) ??
    transposeProblem(views);
  if (problem !== undefined) return problem;
  let previous = -1;
  for (let at = 0; at < timed; at++) {
    const step = views.timedStep[at] as number;
    if (step <= previous || step >= steps) {
      return { section: 'timedStep', problem: `names step ${step} at ${at}` };
    }
    previous = step;
  }
  return topologicalProblem(views, tasks);
}

/** Children must be the parents transposed, each parent's children in the order of their numbers. */
function transposeProblem(views: SnapshotViews): LayoutProblem | undefined {
  const { parentOffsets, parents, childOffsets, children, counts } = views;
  const fill = childOffsets.slice();
  for (let step = 0; step < counts.steps; step++) {
    const last = parentOffsets[step + 1] as number;
    for (let edge = parentOffsets[step] as number; edge < last; edge++) {
      const parent = parents[edge] as number;
      const slot = fill[parent] as number;
      if (slot >= (childOffsets[parent + 1] as number) || children[slot] !== step) {
        return {
          section: 'children',
          problem: `lacks the edge from node ${parent} to step ${step}`,
        };
      }
      fill[parent] = slot + 1;
    }
  }
  return undefined;
}

/** A task flagged topological must be so: the one-pass kernels would read levels not yet written. */
function topologicalProblem(views: SnapshotViews, tasks: number): LayoutProblem | undefined {
  const { taskSteps, taskFlags, parentOffsets, parents } = views;
  for (let task = 0; task < tasks; task++) {
    if (((taskFlags[task] as number) & 1) === 0) continue;
    const first = taskSteps[task] as number;
    const end = taskSteps[task + 1] as number;
    for (let step = first; step < end; step++) {
      const last = parentOffsets[step + 1] as number;
      for (let edge = parentOffsets[step] as number; edge < last; edge++) {
        const parent = parents[edge] as number;
        if (parent >= step && parent < end) {
          return { section: 'taskFlags', problem: `calls task ${task} topological; it is not` };
        }
      }
    }
  }
  return undefined;
}
