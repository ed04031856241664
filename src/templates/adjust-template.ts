import { hash } from 'node:crypto';
import { TaskerError } from '../errors.ts';
import { compileGraph } from './compile-graph.ts';
import { packGraph } from './packed-graph.ts';
import type { TaskTemplate } from './task-template.ts';

/** Variants of each template by their further edges, so that equal ones share a graph. */
const variants = new WeakMap<TaskTemplate, Map<string, TaskTemplate>>();

/** Variants kept for one template; a hook that knows no end of them makes each anew. */
const KEPT = 256;

/**
 * The template with further parents for some of its steps, as its `establishDependencies` hook asks
 * for one task: another graph and hash, all else the same. Without further parents the template itself.
 *
 * @throws TaskerError `TASKER_INVALID_TEMPLATE` for a step that there is not, `TASKER_DANGLING_EDGE`
 *   for such a parent, `TASKER_CYCLE`
 */
export function adjustTemplate<Template extends TaskTemplate>(
  template: Template,
  dependsOn: Readonly<Record<string, readonly string[]>> = {},
): Template {
  const additions = new Map<string, readonly string[]>();
  for (const [name, parents] of Object.entries(dependsOn)) {
    const step = template.steps[template.positions.get(name) ?? -1];
    if (step === undefined) {
      throw new TaskerError(
        'TASKER_INVALID_TEMPLATE',
        `The dependency hook of ${template.name} names the step ${name}, which is not there.`,
        { data: { template: template.name, step: name } },
      );
    }
    const further = [...new Set(parents)].filter((parent) => !step.dependsOn.includes(parent));
    if (further.length > 0) additions.set(name, further.sort());
  }
  if (additions.size === 0) return template;
  const known = variants.get(template) ?? new Map<string, TaskTemplate>();
  variants.set(template, known);
  const key = JSON.stringify([...additions].sort(([a], [b]) => (a < b ? -1 : 1)));
  const variant = known.get(key) ?? withParents(template, additions);
  if (known.size < KEPT) known.set(key, variant);
  return variant as Template;
}

function withParents(
  template: TaskTemplate,
  additions: ReadonlyMap<string, readonly string[]>,
): TaskTemplate {
  const steps = template.steps.map((step) => {
    const further = additions.get(step.name);
    if (further === undefined) return step;
    return Object.freeze({ ...step, dependsOn: Object.freeze([...step.dependsOn, ...further]) });
  });
  const graph = Object.freeze(compileGraph(steps));
  const packed = packGraph(steps, graph);
  return Object.freeze({
    ...template,
    steps: Object.freeze(steps),
    graph,
    packed,
    hash: hash('sha256', packed, 'hex'),
  });
}
