import { compileRows, findCircles, parentRows } from './compile-graph.ts';
import { isTaskerError } from '../errors.ts';
import type { CompiledGraph } from './task-template.ts';

/** A step as the analysis reads it; a {@link StepTemplate} is one. */
export interface AnalyzableStep {
  readonly name: string;
  readonly description?: string;
  readonly handlerName?: string;
  readonly dependsOn: readonly string[];
  readonly dependsOnStep?: string;
}

/** A step in the analysis of its template. */
export interface AnalysisNode {
  readonly name: string;
  readonly description: string;
  readonly handlerClass: string;
  readonly dependencies: readonly string[];
  readonly dependencyCount: number;
}

/** An edge of the analysis; `single` when it was given as the one dependency. */
export interface AnalysisEdge {
  readonly from: string;
  readonly to: string;
  readonly type: 'single' | 'multiple';
}

/** The graph of a template as facts for people. */
export interface TemplateAnalysis {
  readonly nodes: readonly AnalysisNode[];
  readonly edges: readonly AnalysisEdge[];
  /** Names in topological order; empty when there is a circle. */
  readonly topology: readonly string[];
  /** Circles, each along the dependencies and closed by its first name. */
  readonly cycles: readonly (readonly string[])[];
  /** Longest distance from a root by name; empty when there is a circle. */
  readonly levels: Readonly<Record<string, number>>;
  readonly roots: readonly string[];
  readonly leaves: readonly string[];
  readonly summary: {
    readonly totalSteps: number;
    readonly totalDependencies: number;
    readonly hasCycles: boolean;
    /** The greatest level; 0 when there is none. */
    readonly maxDepth: number;
    /** Steps on the widest level; 1 when there is none. */
    readonly parallelBranches: number;
  };
}

/**
 * Describes the graph of steps, also one with circles, which a template cannot have; O(steps +
 * edges). Source: contract templates §9, without its false circles.
 *
 * @throws TaskerError `TASKER_DANGLING_EDGE` for a dependency that names no step
 */
export function analyzeTemplate({
  steps,
}: {
  readonly steps: readonly AnalyzableStep[];
}): TemplateAnalysis {
  const rows = parentRows(steps);
  const nameAt = (position: number): string => (steps[position] as AnalyzableStep).name;
  const graph = compiledOrNothing(steps, rows);
  const cycles = findCircles(steps.length, rows).map((circle) => {
    const along = circle.toReversed();
    return [...along, along[0] as number].map(nameAt);
  });
  const order = [...(graph?.order ?? [])];
  const levels = order.map((step) => [nameAt(step), graph?.levels[step] as number] as const);
  const used = new Set(rows.parents);
  return {
    nodes: steps.map(nodeOf),
    edges: steps.flatMap(edgesOf),
    topology: order.map(nameAt),
    cycles,
    levels: Object.fromEntries(levels),
    roots: steps.filter(({ dependsOn }) => dependsOn.length === 0).map(({ name }) => name),
    leaves: steps.filter((_, position) => !used.has(position)).map(({ name }) => name),
    summary: {
      totalSteps: steps.length,
      totalDependencies: rows.parents.length,
      hasCycles: cycles.length > 0,
      maxDepth: levels.reduce((most, [, level]) => Math.max(most, level), 0),
      parallelBranches: widestOf(levels.map(([, level]) => level)),
    },
  };
}

function compiledOrNothing(
  steps: readonly AnalyzableStep[],
  rows: ReturnType<typeof parentRows>,
): CompiledGraph | undefined {
  try {
    return compileRows(steps, rows);
  } catch (error) {
    if (isTaskerError(error, 'TASKER_CYCLE')) return undefined;
    throw error;
  }
}

function nodeOf(step: AnalyzableStep): AnalysisNode {
  const dependencies = [...new Set(step.dependsOn)];
  return {
    name: step.name,
    description: step.description ?? step.name,
    handlerClass: step.handlerName ?? 'anonymous',
    dependencies,
    dependencyCount: dependencies.length,
  };
}

function edgesOf(step: AnalyzableStep): AnalysisEdge[] {
  return [...new Set(step.dependsOn)].map((from) => ({
    from,
    to: step.name,
    type: from === step.dependsOnStep ? 'single' : 'multiple',
  }));
}

function widestOf(levels: readonly number[]): number {
  const widths = new Map<number, number>();
  for (const level of levels) widths.set(level, (widths.get(level) ?? 0) + 1);
  return Math.max(1, ...widths.values());
}
