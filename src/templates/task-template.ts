import type { RetryPolicyOptions } from '../policies/retry-policy-options.ts';
import type { HandlerModule, StepHandler } from './step-handler.ts';
import type { TemplateHooks } from './template-hooks.ts';

/** An event that a step's handler publishes. */
export interface CustomEvent {
  readonly name: string;
  readonly description: string;
}

/** One step of a template, every default filled in. */
export interface StepTemplate {
  readonly name: string;
  /** The name where none was given. */
  readonly description: string;
  /** Names of the parents, each once, in the order given. */
  readonly dependsOn: readonly string[];
  /** The parent given alone (`depends_on_step`), one of `dependsOn`; only the analysis tells it apart. */
  readonly dependsOnStep?: string;
  readonly dependentSystem: string;
  readonly retryable: boolean;
  /** Attempts in all. */
  readonly retryLimit: number;
  readonly skippable: boolean;
  /** Longest time of one attempt; none means the engine's default. */
  readonly timeoutSeconds?: number;
  /** Where a worker thread finds the handler; without it the handler runs in the engine's thread. */
  readonly thread?: HandlerModule;
  readonly retry?: RetryPolicyOptions;
  /** Key of the circuit breaker; none means the dependent system. */
  readonly circuitBreaker?: string;
  /** Given to the handler as it is. */
  readonly config: unknown;
  readonly customEvents: readonly CustomEvent[];
  readonly handler: StepHandler;
  /** Name of the handler: its class or function, or the `handler_class` of a YAML template. */
  readonly handlerName: string;
}

/**
 * A template's DAG over step positions, computed once.
 *
 * The typed arrays are shared by all who use the template and must not be written.
 */
export interface CompiledGraph {
  readonly steps: number;
  readonly edges: number;
  /** First edge of each step in `parents`; length steps + 1. */
  readonly parentOffsets: Uint32Array;
  /** Position of the parent of each edge, ascending within a step. */
  readonly parents: Uint32Array;
  /** First edge of each step in `children`; length steps + 1. */
  readonly childOffsets: Uint32Array;
  /** Position of the child of each edge, ascending within a step. */
  readonly children: Uint32Array;
  /** Positions in topological order: roots in declared order first, then as they become free. */
  readonly order: Uint32Array;
  /** Longest distance from a root, in edges, by position. */
  readonly levels: Uint32Array;
  /** Positions without parents, ascending. */
  readonly roots: Uint32Array;
  /** Positions without children, ascending. */
  readonly leaves: Uint32Array;
}

/** Where something of a template stands. */
export interface TemplateSource {
  readonly file: string;
  /** From 1. */
  readonly line: number;
}

/** Why a context does not fit its schema. */
export interface ContextProblem {
  /** JSON pointer into the context of what is wrong, missing or too much; empty for the whole. */
  readonly pointer: string;
  readonly message: string;
  /** The schema's keyword that refused it. */
  readonly keyword: string;
}

declare const types: unique symbol;

/**
 * A task's template, checked and immutable: what the registry holds and the engine runs.
 *
 * `Context` and `Results` (stored results by step name) exist for the compiler only.
 */
export interface TaskTemplate<Context = unknown, Results = unknown> {
  readonly namespace: string;
  readonly name: string;
  readonly version: string;
  readonly description?: string;
  /** Declared order, in which the steps of a task are created; not always topological. */
  readonly steps: readonly StepTemplate[];
  /** Position in `steps` by name. */
  readonly positions: ReadonlyMap<string, number>;
  readonly graph: CompiledGraph;
  /**
   * SHA-256, 64 hex digits, of `packed`: equal for templates whose tasks get the same steps (names,
   * systems, edges, retry limits, retryable, skippable), whatever their handlers.
   */
  readonly hash: string;
  /** The graph as bytes; see `packGraph`. */
  readonly packed: Uint8Array;
  readonly contextSchema?: unknown;
  /** Empty when the context fits; O(size of the context). */
  validateContext(context: unknown): readonly ContextProblem[];
  readonly hooks: TemplateHooks<Context>;
  /** Class name of the task's handler in a YAML template. */
  readonly taskHandlerClass?: string;
  readonly source?: TemplateSource;
  /** Never set. */
  readonly [types]?: { readonly context: Context; readonly results: Results };
}
