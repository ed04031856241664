import { TaskerError } from '../../errors.ts';
import { BENCHMARK_WORKFLOWS } from './sample-benchmark-workflows.ts';
import { BUSINESS_WORKFLOWS } from './sample-business-workflows.ts';
import { FAILURE_WORKFLOWS } from './sample-failure-workflows.ts';
import type { SampleWorkflow } from './sample-workflow.ts';

export { BENCHMARK_WORKFLOWS };

/** The 17 sample workflows: eleven that stand for real work, six with injected failures. */
export const SAMPLE_WORKFLOWS: readonly SampleWorkflow[] = [
  ...BUSINESS_WORKFLOWS,
  ...FAILURE_WORKFLOWS,
];

/** A workflow and its share: a task is one of it with probability weight / sum of weights. */
export interface WeightedWorkflow {
  readonly workflow: SampleWorkflow;
  readonly weight: number;
}

/** Short names of shapes, and of sets of workflows that share one weight. */
const ALIASES: Readonly<Record<string, readonly SampleWorkflow[]>> = {
  all: SAMPLE_WORKFLOWS,
  batch10: BENCHMARK_WORKFLOWS,
  linear: byName('linear_workflow_task'),
  diamond: byName('diamond_workflow_task'),
  parallel: byName('parallel_merge_workflow_task'),
  tree: byName('tree_workflow_task'),
  mixed: byName('mixed_workflow_task'),
};

/**
 * Reads a mix such as `linear=30,diamond=25,parallel=20,tree=15,mixed=10`.
 *
 * Each part is a name with an optional weight (default 1, any positive number). A name is a shape (`linear`,
 * `diamond`, `parallel`, `tree`, `mixed`), a set (`all`, `batch10`), a sample's name, or `namespace.name` where two
 * samples share a name.
 *
 * @throws TaskerError `TASKER_BAD_ARGUMENT` naming the part that is wrong
 */
export function parseMix(mix: string = 'all'): WeightedWorkflow[] {
  return mix.split(',').flatMap((part) => {
    const [name = '', weightText, ...rest] = part.split('=').map((piece) => piece.trim());
    const weight = weightText === undefined ? 1 : Number(weightText);
    if (rest.length > 0 || weightText === '' || !Number.isFinite(weight) || weight <= 0) {
      throw badMix(
        part,
        'its weight is not a positive number',
        'Write it as name=weight, for example linear=30.',
      );
    }
    const workflows = ALIASES[name] ?? byName(name);
    const [workflow] = workflows;
    if (workflow === undefined) {
      throw badMix(
        part,
        'there is no sample of that name',
        `Known are ${knownNames().join(', ')}.`,
      );
    }
    if (ALIASES[name] === undefined && workflows.length > 1) {
      const full = workflows.map(({ namespace }) => `${namespace}.${name}`).join(' or ');
      throw badMix(part, 'two samples have that name', `Write ${full}.`);
    }
    return workflows.map((one) => ({ workflow: one, weight: weight / workflows.length }));
  });
}

function byName(name: string): SampleWorkflow[] {
  return [...SAMPLE_WORKFLOWS, ...BENCHMARK_WORKFLOWS].filter(
    (workflow) => workflow.name === name || `${workflow.namespace}.${workflow.name}` === name,
  );
}

function knownNames(): string[] {
  return [
    ...Object.keys(ALIASES),
    ...SAMPLE_WORKFLOWS.map(({ namespace, name }) => `${namespace}.${name}`),
  ];
}

function badMix(part: string, reason: string, remedy: string): TaskerError {
  return new TaskerError(
    'TASKER_BAD_ARGUMENT',
    `The part "${part}" of the mix cannot be used: ${reason}.`,
    {
      remedy,
      data: { field: 'mix', part },
    },
  );
}
