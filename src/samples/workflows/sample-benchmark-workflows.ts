import { type SampleWorkflow, sampleWorkflow, type StepSketch } from './sample-workflow.ts';

/** Parents of the steps 0..9 of each graph; 75 edges in five graphs of ten steps. */
const GRAPHS: Readonly<Record<string, readonly (readonly number[])[]>> = {
  // A chain in which all but two steps also need the one before the last.
  ladder: [[], [0], [1, 0], [2, 1], [3, 2], [4, 3], [5, 4], [6, 5], [7, 6], [8, 7]],
  fan: [[], [0], [0], [0], [0], [0], [0], [0], [0], [1, 2, 3, 4, 5, 6, 7, 8]],
  tree: [[], [0], [0], [1], [1], [2], [2], [3, 4], [5, 6], [7, 8]],
  layers: [[], [], [0, 1], [0, 1], [0, 1], [2, 3], [3, 4], [4, 2], [5, 6], [6, 7]],
  pipelines: [[], [], [], [0, 1], [1, 2], [2], [3, 4], [4, 5], [6, 7, 0, 1], [8]],
};

// So many repeats that a task has about forty transition rows, as busy production tasks have.
const FAILURES: readonly number[] = [0, 1, 1, 0, 1, 2, 1, 0, 1, 1];

/** Five graphs of exactly ten steps with fifteen edges on average: the data set that speed is measured on. */
export const BENCHMARK_WORKFLOWS: readonly SampleWorkflow[] = Object.entries(GRAPHS).map(
  ([name, graph]) =>
    sampleWorkflow(
      {
        namespace: 'benchmark',
        name: `batch10_${name}`,
        version: '1.0.0',
        dependentSystem: 'benchmark',
      },
      Object.fromEntries(
        graph.map((parents, step): [string, StepSketch] => [
          `step_${step}`,
          {
            after: parents.map((parent) => `step_${parent}`),
            failures: Array.from({ length: FAILURES[step] as number }, () => 'error' as const),
          },
        ]),
      ),
    ),
);
