import type { ContextStrictness, JsonSchema } from './context-schema.ts';
import type { Duration } from '../policies/duration.ts';
import type { RetryOptions } from '../policies/retry-policy-options.ts';
import type { HandlerModule, StepHandler } from './step-handler.ts';
import type { CustomEvent, TemplateSource } from './task-template.ts';
import type { TemplateHooks } from './template-hooks.ts';

/** Everything of a step but its name, parents, configuration and handler. */
export interface StepSettings {
  /** Default: the step's name. */
  readonly description?: string;
  /** The system that the step works on, at most 64 characters. Default: the template's. */
  readonly dependentSystem?: string;
  /** Whether a failure may be followed by another attempt. Default true. */
  readonly retryable?: boolean;
  /** Whether a task may be created without running this step. Default false. */
  readonly skippable?: boolean;
  /**
   * Longest time of one attempt, above 0: seconds, or text such as `10s`. A longer one fails, and its
   * signal aborts. Default: the engine's.
   */
  readonly timeout?: Duration;
  /**
   * Runs the handler in a worker thread, which loads it by itself: for work that computes. The
   * handler then sees copies only, and shares nothing with the engine's thread.
   */
  readonly thread?: HandlerModule;
  /** How often and when a failed attempt is repeated. Default: see {@link RetryOptions}. */
  readonly retry?: RetryOptions;
  /** Steps with one key share a circuit breaker. Default: the dependent system. */
  readonly circuitBreaker?: string;
  readonly customEvents?: readonly CustomEvent[];
}

/** A step as it is declared. */
export interface StepDefinition extends StepSettings {
  /** Unique within the template, at most 128 characters. */
  readonly name: string;
  /** Names of parents, anywhere in the template. Default none. */
  readonly after?: readonly string[];
  /** One parent more, before those of `after`: the `depends_on_step` of a YAML template. */
  readonly afterStep?: string;
  readonly config?: unknown;
  readonly handler: StepHandler;
  /** Default: the name of the handler's function or class. */
  readonly handlerName?: string;
}

/** What is declared of a template beside its steps and the schema of its context. */
export interface TemplateSettings {
  /** At most 64 characters. Default `default`. */
  readonly namespace?: string;
  /** At most 64 characters. */
  readonly name: string;
  /** At most 16 characters; semantic versions are what `latest` is about. Default `0.1.0`. */
  readonly version?: string;
  readonly description?: string;
  /** System of the steps that name none. Default `unknown`. */
  readonly dependentSystem?: string;
  /**
   * How the context's schema is read: `ordinary` as JSON Schema says, `declared-mandatory` as the
   * Rails engine does, where a declared property without a default is required and an undeclared
   * one refused. Default `ordinary`; the other is for templates whose tasks Rails creates too.
   */
  readonly strictContext?: ContextStrictness;
}

/** A template as it is declared; `createTemplate` checks it. */
export interface TemplateDefinition extends TemplateSettings {
  /** JSON Schema of the context. Default: any object. */
  readonly contextSchema?: JsonSchema;
  readonly steps: readonly StepDefinition[];
  readonly hooks?: TemplateHooks;
  readonly taskHandlerClass?: string;
  readonly source?: TemplateSource;
}
