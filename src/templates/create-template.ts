import { hash } from 'node:crypto';
import { TaskerError } from '../errors.ts';
import { checkDefinition, type DefinitionProblem } from './check-definition.ts';
import { compileGraph } from './compile-graph.ts';
import { compileContextSchema, type ContextValidator } from './context-schema.ts';
import { secondsOf } from '../policies/duration.ts';
import { packGraph } from './packed-graph.ts';
import type { StepTemplate, TaskTemplate } from './task-template.ts';
import type { StepDefinition, TemplateDefinition } from './template-definition.ts';

/**
 * Checks a definition and makes the template of it; for graphs that are computed. `defineTask`
 * does the same with the types of context and results followed from step to step.
 *
 * O(steps + edges), and the compilation of the context's schema.
 *
 * @throws TaskerError `TASKER_INVALID_TEMPLATE` with every problem in `data.problems`, `TASKER_CYCLE`
 *   with the circles by name in `data.cycles`
 */
export function createTemplate(definition: TemplateDefinition): TaskTemplate {
  const problems = checkDefinition(definition);
  if (problems.length > 0) throw invalidTemplate(definition, problems);
  const steps = definition.steps.map((step) => stepTemplate(step, definition));
  const graph = compileGraph(steps);
  const packed = packGraph(steps, graph);
  const { description, contextSchema, taskHandlerClass, source } = definition;
  return Object.freeze({
    namespace: definition.namespace ?? 'default',
    name: definition.name,
    version: definition.version ?? '0.1.0',
    steps: Object.freeze(steps),
    positions: new Map(steps.map(({ name }, position) => [name, position])),
    graph: Object.freeze(graph),
    packed,
    hash: hash('sha256', packed, 'hex'),
    validateContext: validatorOf(definition),
    hooks: definition.hooks ?? {},
    ...(description !== undefined && { description }),
    ...(contextSchema !== undefined && { contextSchema }),
    ...(taskHandlerClass !== undefined && { taskHandlerClass }),
    ...(source !== undefined && { source }),
  });
}

function stepTemplate(step: StepDefinition, template: TemplateDefinition): StepTemplate {
  const { afterStep, thread, circuitBreaker } = step;
  const { limit = 3, ...retry } = step.retry ?? {};
  const timeoutSeconds = secondsOf(step.timeout);
  const single = afterStep === undefined ? [] : [afterStep];
  return Object.freeze({
    name: step.name,
    description: step.description ?? step.name,
    dependsOn: Object.freeze([...new Set([...single, ...(step.after ?? [])])]),
    dependentSystem: step.dependentSystem ?? template.dependentSystem ?? 'unknown',
    retryable: step.retryable ?? true,
    retryLimit: limit,
    skippable: step.skippable ?? false,
    config: step.config,
    customEvents: Object.freeze([...(step.customEvents ?? [])]),
    handler: step.handler,
    handlerName: step.handlerName ?? nameOf(step),
    ...(afterStep !== undefined && { dependsOnStep: afterStep }),
    ...(timeoutSeconds !== undefined && { timeoutSeconds }),
    ...(thread !== undefined && { thread }),
    ...(Object.keys(retry).length > 0 && { retry }),
    ...(circuitBreaker !== undefined && { circuitBreaker }),
  });
}

/** A function or class without a name goes by the step's. */
function nameOf({ name, handler }: StepDefinition): string {
  return (typeof handler === 'function' ? handler.name : handler.constructor?.name) || name;
}

function validatorOf(definition: TemplateDefinition): ContextValidator {
  const { contextSchema, strictContext } = definition;
  try {
    return compileContextSchema(contextSchema, strictContext);
  } catch (error) {
    const message = `cannot be compiled: ${error instanceof Error ? error.message : String(error)}`;
    throw invalidTemplate(definition, [{ field: 'contextSchema', message }], error);
  }
}

function invalidTemplate(
  definition: TemplateDefinition,
  problems: readonly DefinitionProblem[],
  cause?: unknown,
): TaskerError {
  const texts = problems.map((problem) => problemText(definition, problem));
  const name = typeof definition.name === 'string' ? definition.name : '(without a name)';
  return new TaskerError(
    'TASKER_INVALID_TEMPLATE',
    `The template ${name} is wrong: ${texts.join('; ')}.`,
    { data: { template: name, problems }, cause },
  );
}

function problemText(definition: TemplateDefinition, problem: DefinitionProblem): string {
  const { step, field, index, message } = problem;
  const place = index === undefined ? field : `${field}[${index}]`;
  if (step === undefined) return `${place} ${message}`;
  const name: unknown = definition.steps[step]?.name;
  return `${place} of step ${typeof name === 'string' ? name : step + 1} ${message}`;
}
