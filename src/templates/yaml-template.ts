import { isTaskerError, TaskerError, type ErrorCode } from '../errors.ts';
import { checkDefinition, type DefinitionProblem } from './check-definition.ts';
import type { ContextStrictness } from './context-schema.ts';
import { createTemplate } from './create-template.ts';
import type { HandlerRegistry } from './handler-registry.ts';
import type { TaskTemplate } from './task-template.ts';
import type { TemplateDefinition } from './template-definition.ts';
import { definitionOf, type YamlStep, type YamlTask } from './yaml-definition.ts';
import { mergeEnvironment } from './yaml-environment.ts';
import { environmentProblems, type PathProblem, taskProblems } from './yaml-schema.ts';
import { isYamlMap, type Place, readYaml } from './yaml-source.ts';

/** How YAML templates are read. */
export interface YamlTemplateOptions {
  /** Handlers by the names that `handler_class` and `task_handler_class` have. */
  readonly handlers: HandlerRegistry;
  /** Entry of `environments` that is merged over the rest. Default: none. */
  readonly environment?: string;
  /** See `TemplateDefinition.strictContext`. Default `ordinary`. */
  readonly strictContext?: ContextStrictness;
}

/** A problem of a YAML template with its place. */
export interface PlacedProblem extends Place {
  readonly file: string;
  /** Keys from the top of the file, lists by index. */
  readonly path: string;
  readonly message: string;
}

/** Keys of the YAML by fields of the definition, where they differ. */
const KEYS: Readonly<Record<string, string>> = {
  namespace: 'namespace_name',
  afterStep: 'depends_on_step',
  after: 'depends_on_steps',
  retryable: 'default_retryable',
  'retry.limit': 'default_retry_limit',
  timeout: 'timeout_seconds',
  handler: 'handler_class',
  contextSchema: 'schema',
};

/**
 * Makes a template of a task's YAML (the Rails engine's format, with `timeout_seconds`, `retry`,
 * `circuit_breaker` and `thread` as further keys of a step, which that engine ignores).
 *
 * @param file what errors call the text
 * @throws TaskerError `TASKER_INVALID_TEMPLATE`, `TASKER_CYCLE` or, when nothing else is wrong,
 *   `TASKER_UNKNOWN_HANDLER`; each with every problem of its kind as file, line, column and path in
 *   `data.problems`
 */
export function parseTemplate(
  text: string,
  file: string,
  options: YamlTemplateOptions,
): TaskTemplate {
  const source = readYaml(text);
  const refuse = (
    found: readonly (PathProblem & { readonly place?: Place })[],
    root: object = {},
    code: ErrorCode = 'TASKER_INVALID_TEMPLATE',
    cause?: unknown,
  ): void => {
    if (found.length === 0) return;
    const problems = found.map(({ path, message, place }) => ({
      file,
      ...(place ?? source.places.at(root, path)),
      path: pathText(path),
      message,
    }));
    throw templateError(code, problems, cause);
  };
  refuse(
    source.problems.map(({ offset, message }) => {
      return { path: [], message, place: source.places.place(offset) };
    }),
  );
  const { value } = source;
  if (!isYamlMap(value)) {
    refuse([{ path: [], message: 'must be a mapping', place: { line: 1, column: 1 } }]);
    throw new TypeError('unreachable');
  }
  const { environments = {} } = value;
  refuse(
    environmentProblems(environments).map(({ path, message }) => {
      return { path: ['environments', ...path], message };
    }),
    value,
  );
  const merged = mergeEnvironment(value, options.environment, source.places);
  refuse(taskProblems(merged), merged);
  const task = merged as unknown as YamlTask;
  refuse(taskRuleProblems(task, options.handlers), merged);
  refuse(handlerProblems(task, options.handlers), merged, 'TASKER_UNKNOWN_HANDLER');
  const line = source.places.at(merged, ['name']).line;
  const definition = definitionOf(task, options, { file, line });
  refuse(
    checkDefinition(definition).map((problem) => yamlProblem(problem)),
    merged,
  );
  return created(definition, (problems, code, cause) => refuse(problems, merged, code, cause));
}

/** What only a YAML template can have wrong. */
function taskRuleProblems(task: YamlTask, handlers: HandlerRegistry): PathProblem[] {
  const problems: PathProblem[] = [];
  const declared = task.named_steps === undefined ? undefined : new Set(task.named_steps);
  for (const [index, step] of task.step_templates.entries()) {
    const path = ['step_templates', index];
    if (step.dependent_system === undefined && task.default_dependent_system === undefined) {
      const message = 'lacks dependent_system, and the task has no default_dependent_system';
      problems.push({ path, message });
    }
    if (step.thread === true && handlers.has(step.handler_class)) {
      if (handlers.moduleOf(step.handler_class) === undefined) {
        const message = `needs ${step.handler_class} to be registered with its module`;
        problems.push({ path: [...path, 'thread'], message });
      }
    }
    if (declared === undefined) continue;
    for (const [key, name] of namesIn(step)) {
      if (declared.has(name)) continue;
      problems.push({
        path: [...path, ...key],
        message: `names ${name}, which is not in named_steps`,
      });
    }
  }
  return problems;
}

function namesIn(step: YamlStep): [path: (string | number)[], name: string][] {
  const parents = (step.depends_on_steps ?? []).map(
    (name, index): [(string | number)[], string] => [['depends_on_steps', index], name],
  );
  const single = step.depends_on_step;
  return [
    [['name'], step.name],
    ...(single === undefined ? [] : [[['depends_on_step'], single] as [string[], string]]),
    ...parents,
  ];
}

function handlerProblems(task: YamlTask, handlers: HandlerRegistry): PathProblem[] {
  return task.step_templates.flatMap((step, index) => {
    try {
      handlers.moduleOf(step.handler_class);
      return [];
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      return [{ path: ['step_templates', index, 'handler_class'], message }];
    }
  });
}

/** Makes the template; circles and a wrong schema of the context come to light only here. */
function created(
  definition: TemplateDefinition,
  refuse: (problems: PathProblem[], code: ErrorCode, cause: unknown) => void,
): TaskTemplate {
  try {
    return createTemplate(definition);
  } catch (error) {
    if (isTaskerError(error, 'TASKER_CYCLE')) {
      const cycles = error.data['cycles'] as readonly (readonly string[])[];
      const problems = cycles.map((names) => {
        const step = definition.steps.findIndex(({ name }) => name === names[0]);
        return {
          path: ['step_templates', step],
          message: `the steps depend on each other in a circle: ${names.join(' → ')}`,
        };
      });
      refuse(problems, 'TASKER_CYCLE', error);
    }
    if (isTaskerError(error, 'TASKER_INVALID_TEMPLATE')) {
      const problems = error.data['problems'] as readonly DefinitionProblem[];
      refuse(problems.map(yamlProblem), error.code, error);
    }
    throw error;
  }
}

function yamlProblem({ step, field, index, message }: DefinitionProblem): PathProblem {
  const defaultSystem = step === undefined && field === 'dependentSystem';
  const key = defaultSystem
    ? 'default_dependent_system'
    : (KEYS[field] ?? field.replace('dependentSystem', 'dependent_system'));
  const own = index === undefined ? [key] : [key, index];
  return { path: step === undefined ? own : ['step_templates', step, ...own], message };
}

/** The error of one file or, when several are wrong, of all of them. */
export function templateError(
  code: ErrorCode,
  problems: readonly PlacedProblem[],
  cause?: unknown,
): TaskerError {
  const texts = problems.map(({ file, line, column, path, message }) => {
    return `${file}:${line}:${column}: ${path === '' ? '' : `${path} `}${message}`;
  });
  const [first] = problems;
  return new TaskerError(code, texts.join('\n'), {
    data: { file: first?.file, line: first?.line, problems },
    cause,
  });
}

function pathText(path: readonly (string | number)[]): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === 'number' || /^\d+$/.test(key)) return `${text}[${key}]`;
    return text === '' ? key : `${text}.${key}`;
  }, '');
}
