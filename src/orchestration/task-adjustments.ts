import type { TaskRecord } from '../database/engine/task-writer.ts';
import { formatInstant } from '../graph/snapshot/instants.ts';
import { adjustTemplate } from '../templates/adjust-template.ts';
import type { TaskTemplate } from '../templates/task-template.ts';
import type { TaskDraft } from '../templates/template-hooks.ts';
import { badOption, knownKeys, objectOption } from '../policies/bad-option.ts';
import { resultText } from './result-text.ts';

/** A task to be written, and the graph that it gets. */
export interface AdjustedTask {
  readonly template: TaskTemplate;
  readonly record: TaskRecord;
}

/**
 * Asks the template's hook what this task gets beside the template's steps; nothing is changed where
 * there is no hook, or it has nothing to say.
 *
 * @throws TaskerError `TASKER_BAD_ARGUMENT` for what is no list of parents, inputs without a JSON form
 *   or inputs of a step that is not there, those of `adjustTemplate`; what the hook throws
 */
export async function adjustTask(
  template: TaskTemplate,
  record: TaskRecord,
): Promise<AdjustedTask> {
  const adjustments = await template.hooks.establishDependencies?.(draftOf(template, record));
  if (adjustments === undefined) return { template, record };
  knownKeys('establishDependencies', objectOption('establishDependencies', adjustments), [
    'after',
    'inputs',
  ]);
  const { after = {}, inputs = {} } = adjustments;
  const texts = Object.entries(objectOption('inputs', inputs)).map(([name, value]) => {
    const field = `inputs.${name}`;
    if (!template.positions.has(name)) throw badOption(field, value, 'for a step of the template');
    return [name, inputText(field, value)] as const;
  });
  return {
    template: adjustTemplate(template, parentsOf(after)),
    record: texts.length === 0 ? record : { ...record, inputs: new Map(texts) },
  };
}

function parentsOf(after: unknown): Readonly<Record<string, readonly string[]>> {
  const lists = objectOption('after', after);
  for (const [name, parents] of Object.entries(lists)) {
    if (!Array.isArray(parents) || parents.some((parent) => typeof parent !== 'string')) {
      throw badOption(`after.${name}`, parents, 'an array of names of steps');
    }
  }
  return lists as Record<string, string[]>;
}

function inputText(field: string, value: unknown): string {
  try {
    return resultText(value);
  } catch {
    throw badOption(field, value, 'JSON of at most 1 MiB');
  }
}

function draftOf(template: TaskTemplate, record: TaskRecord): TaskDraft {
  const { namespace, name, version } = template;
  return {
    task: {
      namespace,
      name,
      version,
      correlationId: record.correlationId,
      priority: record.priority,
      requestedAt: formatInstant(record.requestedAt),
      initiator: record.initiator,
      sourceSystem: record.sourceSystem,
      reason: record.reason,
      tags: record.tags,
    },
    // as the handlers will see it
    context: JSON.parse(record.context) as unknown,
    stepNames: template.steps.map((step) => step.name),
  };
}
