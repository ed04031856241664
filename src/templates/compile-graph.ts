import { TaskerError } from '../errors.ts';
import type { CompiledGraph } from './task-template.ts';

/** A step as far as the graph is concerned. */
export interface GraphStep {
  readonly name: string;
  /** Names of parents; repeated ones count once. */
  readonly dependsOn: readonly string[];
}

/** Parents of each step by position: an adjacency in compressed sparse rows. */
export interface ParentRows {
  /** Length steps + 1. */
  readonly parentOffsets: Uint32Array;
  /** Ascending within a step. */
  readonly parents: Uint32Array;
}

/**
 * Compiles the DAG of named steps: edges both ways, topological order, levels, roots and leaves.
 *
 * Kahn (1962), once; O(steps + edges), the sorting of each step's parents aside.
 *
 * @throws TaskerError `TASKER_DANGLING_EDGE` for a parent that is no step, `TASKER_CYCLE` with the
 *   circles by name in `data.cycles`, each along its edges and closed by its first name
 */
export function compileGraph(steps: readonly GraphStep[]): CompiledGraph {
  return compileRows(steps, parentRows(steps));
}

/** As {@link compileGraph}, from rows that name their parents by position. */
export function compileRows(steps: readonly { name: string }[], rows: ParentRows): CompiledGraph {
  const { parentOffsets, parents } = rows;
  const { childOffsets, children } = childRows(steps.length, rows);
  const remaining = new Uint32Array(steps.length);
  for (let step = 0; step < steps.length; step++) {
    remaining[step] = at(parentOffsets, step + 1) - at(parentOffsets, step);
  }
  const roots = positionsWhere(steps.length, (step) => remaining[step] === 0);
  const leaves = positionsWhere(
    steps.length,
    (step) => childOffsets[step] === childOffsets[step + 1],
  );
  const levels = new Uint32Array(steps.length);
  const order = new Uint32Array(steps.length);
  order.set(roots);
  let filled = roots.length;
  for (let taken = 0; taken < filled; taken++) {
    const step = at(order, taken);
    for (let edge = at(childOffsets, step); edge < at(childOffsets, step + 1); edge++) {
      const child = at(children, edge);
      levels[child] = Math.max(at(levels, child), at(levels, step) + 1);
      const left = at(remaining, child) - 1;
      remaining[child] = left;
      if (left === 0) order[filled++] = child;
    }
  }
  if (filled < steps.length) throw cycleError(steps, rows, remaining);
  return {
    steps: steps.length,
    edges: parents.length,
    parentOffsets,
    parents,
    childOffsets,
    children,
    order,
    levels,
    roots,
    leaves,
  };
}

/**
 * Turns names into positions; each parent once, ascending.
 *
 * @throws TaskerError `TASKER_DANGLING_EDGE` naming step and parent
 */
export function parentRows(steps: readonly GraphStep[]): ParentRows {
  const positions = new Map(steps.map(({ name }, position) => [name, position]));
  const parentOffsets = new Uint32Array(steps.length + 1);
  const all: number[] = [];
  for (const [position, step] of steps.entries()) {
    const own = new Set(
      step.dependsOn.map((name) => {
        const parent = positions.get(name);
        if (parent !== undefined) return parent;
        throw new TaskerError(
          'TASKER_DANGLING_EDGE',
          `The step ${step.name} depends on ${name}, which is no step of the template.`,
          { data: { step: step.name, parent: name } },
        );
      }),
    );
    for (const parent of [...own].sort((a, b) => a - b)) all.push(parent);
    parentOffsets[position + 1] = all.length;
  }
  return { parentOffsets, parents: Uint32Array.from(all) };
}

/**
 * Finds circles, each as positions along its edges (an edge leads from the last to the first): at
 * least one where there is any, at most one for each step from which the search starts, none twice.
 * Every list is a circle. O(steps + edges).
 */
export function findCircles(steps: number, rows: ParentRows): number[][] {
  const { childOffsets, children } = childRows(steps, rows);
  const { parentOffsets } = rows;
  const remaining = new Uint32Array(steps);
  const free: number[] = [];
  for (let step = 0; step < steps; step++) {
    remaining[step] = at(parentOffsets, step + 1) - at(parentOffsets, step);
    if (remaining[step] === 0) free.push(step);
  }
  for (const step of free) {
    for (let edge = at(childOffsets, step); edge < at(childOffsets, step + 1); edge++) {
      const child = at(children, edge);
      remaining[child] = at(remaining, child) - 1;
      if (remaining[child] === 0) free.push(child);
    }
  }
  return circlesAmong(rows, remaining);
}

/** Walks from each step that Kahn left over to a left-over parent until the walk meets itself. */
function circlesAmong({ parentOffsets, parents }: ParentRows, remaining: Uint32Array): number[][] {
  const seenFrom = new Int32Array(remaining.length).fill(-1);
  const circles: number[][] = [];
  for (let start = 0; start < remaining.length; start++) {
    if (remaining[start] === 0 || seenFrom[start] !== -1) continue;
    const walk: number[] = [];
    let step = start;
    while (seenFrom[step] === -1) {
      seenFrom[step] = start;
      walk.push(step);
      // a left-over step always has a left-over parent, or Kahn would have taken it
      let edge = at(parentOffsets, step);
      while (remaining[at(parents, edge)] === 0) edge++;
      step = at(parents, edge);
    }
    if (seenFrom[step] === start) circles.push(walk.slice(walk.indexOf(step)).reverse());
  }
  return circles;
}

function cycleError(
  steps: readonly { name: string }[],
  rows: ParentRows,
  remaining: Uint32Array,
): TaskerError {
  const cycles = circlesAmong(rows, remaining).map((circle) =>
    [...circle, circle[0] as number].map((step) => (steps[step] as { name: string }).name),
  );
  const texts = cycles.map((names) => names.join(' → '));
  return new TaskerError(
    'TASKER_CYCLE',
    `The steps depend on each other in a circle: ${texts.join('; ')}.`,
    { remedy: 'Take away one dependency of each circle.', data: { cycles } },
  );
}

/** The same edges by parent, children ascending. */
function childRows(
  steps: number,
  { parentOffsets, parents }: ParentRows,
): { childOffsets: Uint32Array; children: Uint32Array } {
  const childOffsets = new Uint32Array(steps + 1);
  for (const parent of parents) childOffsets[parent + 1] = at(childOffsets, parent + 1) + 1;
  for (let step = 0; step < steps; step++) {
    childOffsets[step + 1] = at(childOffsets, step + 1) + at(childOffsets, step);
  }
  const next = childOffsets.slice();
  const children = new Uint32Array(parents.length);
  for (let step = 0; step < steps; step++) {
    for (let edge = at(parentOffsets, step); edge < at(parentOffsets, step + 1); edge++) {
      const parent = at(parents, edge);
      children[at(next, parent)] = step;
      next[parent] = at(next, parent) + 1;
    }
  }
  return { childOffsets, children };
}

function positionsWhere(steps: number, holds: (step: number) => boolean): Uint32Array {
  return Uint32Array.from(Array.from({ length: steps }, (_, step) => step).filter(holds));
}

function at(numbers: Uint32Array, index: number): number {
  return numbers[index] as number;
}
