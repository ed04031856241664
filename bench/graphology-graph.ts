import { MultiDirectedGraph } from 'graphology';
import { forEachNodeInTopologicalOrder } from 'graphology-dag';

import type { GraphSnapshot } from '../src/graph/snapshot/snapshot.ts';
import { answerOf, stepRows, type StepAnswer, type StepRow } from './map-of-objects.ts';

/** The steps as nodes of a graphology graph, their rows as attributes. */
export class GraphologyGraph {
  readonly #graph = new MultiDirectedGraph<{ row: StepRow }>();

  constructor(snapshot: GraphSnapshot) {
    const { views } = snapshot;
    for (const row of stepRows(snapshot)) this.#graph.addNode(row.id, { row });
    for (let step = 0; step < views.counts.steps; step++) {
      const end = views.parentOffsets[step + 1] as number;
      for (let edge = views.parentOffsets[step] as number; edge < end; edge++) {
        const parent = views.parents[edge] as number;
        this.#graph.addDirectedEdge(Number(views.stepId[parent]), Number(views.stepId[step]));
      }
    }
  }

  /** Which steps may run, and why, under the rules `rails`. */
  readiness(nowMicros: number): Map<number, StepAnswer> {
    const answers = new Map<number, StepAnswer>();
    this.#graph.forEachNode((node, { row }) => {
      let parents = 0;
      let completed = 0;
      this.#graph.forEachInEdge(
        node,
        (_edge, _attributes, _source, _target, { row: { state } }) => {
          parents++;
          if (state === 'complete' || state === 'resolved_manually') completed++;
        },
      );
      answers.set(row.id, answerOf(row, parents, completed, nowMicros));
    });
    return answers;
  }

  /** Dependency levels: graphology's topological generations. */
  levels(): Map<number, number> {
    const levels = new Map<number, number>();
    forEachNodeInTopologicalOrder(this.#graph, (_node, { row }, generation) => {
      levels.set(row.id, generation);
    });
    return levels;
  }
}
