import type { HandlerRegistry } from './handler-registry.ts';
import type { BackoffOptions, RetryOptions } from '../policies/retry-policy-options.ts';
import type { CustomEvent, TemplateSource } from './task-template.ts';
import type { StepDefinition, TemplateDefinition } from './template-definition.ts';
import type { TemplateHooks } from './template-hooks.ts';
import type { YamlTemplateOptions } from './yaml-template.ts';

/** A step of a task's YAML, its types checked. */
export interface YamlStep {
  readonly name: string;
  readonly handler_class: string;
  readonly description?: string;
  readonly dependent_system?: string;
  readonly default_retryable?: boolean;
  readonly default_retry_limit?: number;
  readonly skippable?: boolean;
  readonly depends_on_step?: string;
  readonly depends_on_steps?: readonly string[];
  readonly handler_config?: Readonly<Record<string, unknown>>;
  readonly custom_events?: readonly { readonly name: string; readonly description?: string }[];
  readonly timeout_seconds?: number;
  readonly circuit_breaker?: string;
  readonly thread?: boolean;
  readonly retry?: YamlRetry;
}

/** A task's YAML with its environment merged, its types checked. */
export interface YamlTask {
  readonly name: string;
  readonly task_handler_class: string;
  readonly module_namespace?: string | null;
  readonly namespace_name?: string;
  readonly version?: string;
  readonly description?: string;
  readonly default_dependent_system?: string;
  readonly named_steps?: readonly string[];
  readonly schema?: Readonly<Record<string, unknown>>;
  readonly step_templates: readonly YamlStep[];
}

interface YamlRetry {
  readonly backoff?: Readonly<Record<string, unknown>>;
  readonly by_error?: Readonly<Record<string, Readonly<Record<string, unknown>> | 'never'>>;
}

/** The definition that a task's YAML stands for, its handlers looked up. */
export function definitionOf(
  task: YamlTask,
  options: YamlTemplateOptions,
  source: TemplateSource,
): TemplateDefinition {
  const hooks = hooksOf(task, options.handlers);
  return {
    name: task.name,
    taskHandlerClass: task.task_handler_class,
    source,
    steps: task.step_templates.map((step) => stepOf(step, options.handlers)),
    ...(hooks !== undefined && { hooks }),
    ...(task.namespace_name !== undefined && { namespace: task.namespace_name }),
    ...(task.version !== undefined && { version: task.version }),
    ...(task.description !== undefined && { description: task.description }),
    ...(task.default_dependent_system !== undefined && {
      dependentSystem: task.default_dependent_system,
    }),
    ...(task.schema !== undefined && { contextSchema: task.schema }),
    ...(options.strictContext !== undefined && { strictContext: options.strictContext }),
  };
}

/** A class is registered with its module or without. */
function hooksOf(
  { module_namespace: module, task_handler_class: name }: YamlTask,
  handlers: HandlerRegistry,
): TemplateHooks | undefined {
  return (module ? handlers.hooksOf(`${module}::${name}`) : undefined) ?? handlers.hooksOf(name);
}

function stepOf(step: YamlStep, handlers: HandlerRegistry): StepDefinition {
  const config = frozen(step.handler_config ?? null);
  const thread = step.thread === true ? handlers.moduleOf(step.handler_class) : undefined;
  return {
    name: step.name,
    handler: handlers.handlerFor(step.handler_class, config),
    handlerName: step.handler_class,
    config,
    retry: retryOf(step),
    after: step.depends_on_steps ?? [],
    customEvents: (step.custom_events ?? []).map(eventOf),
    ...(step.depends_on_step !== undefined && { afterStep: step.depends_on_step }),
    ...(step.description !== undefined && { description: step.description }),
    ...(step.dependent_system !== undefined && { dependentSystem: step.dependent_system }),
    ...(step.default_retryable !== undefined && { retryable: step.default_retryable }),
    ...(step.skippable !== undefined && { skippable: step.skippable }),
    ...(step.timeout_seconds !== undefined && { timeout: step.timeout_seconds }),
    ...(step.circuit_breaker !== undefined && { circuitBreaker: step.circuit_breaker }),
    ...(thread !== undefined && { thread }),
  };
}

/** Every attempt of every task is given the same object, so that none may change it. */
function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const member of Object.values(value)) frozen(member);
  return value;
}

function eventOf({ name, description }: { name: string; description?: string }): CustomEvent {
  return { name, description: description ?? `Custom event ${name}` };
}

function retryOf({ default_retry_limit: limit, retry = {} }: YamlStep): RetryOptions {
  const { backoff, by_error: byError } = retry;
  const rules = Object.entries(byError ?? {}).map(([name, rule]) => [
    name,
    rule === 'never' ? rule : backoffOf(rule),
  ]);
  return {
    ...(limit !== undefined && { limit }),
    ...(backoff !== undefined && { backoff: backoffOf(backoff) }),
    ...(byError !== undefined && {
      byError: Object.fromEntries(rules) as Readonly<Record<string, BackoffOptions | 'never'>>,
    }),
  };
}

/** The same keys in camel case; which go together is for the retry policy to check. */
function backoffOf(backoff: Readonly<Record<string, unknown>>): BackoffOptions {
  return Object.fromEntries(
    Object.entries(backoff).map(([key, value]) => [
      key.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
      value,
    ]),
  ) as unknown as BackoffOptions;
}
