import type { JsonSchema } from './context-schema.ts';
import { createTemplate } from './create-template.ts';
import type { ContextOf, ContextType } from './schema-type.ts';
import type { StepHandler } from './step-handler.ts';
import type { Stored } from './stored-json.ts';
import type { TaskTemplate } from './task-template.ts';
import type { StepDefinition, StepSettings, TemplateSettings } from './template-definition.ts';
import type { TemplateHooks } from './template-hooks.ts';

/** What `defineTask` takes beside steps and hooks. */
export interface TaskSettings<Given> extends TemplateSettings {
  /**
   * The context: a JSON Schema written as a literal, which is checked and gives the type, or a
   * `contextType<T>()`. Default: any object.
   */
  readonly context?: Given;
}

/** A step of the builder: its handler sees the context and exactly its parents' results. */
export interface StepOptions<
  Steps,
  Parents extends readonly (keyof Steps & string)[],
  Config,
  Skippable extends boolean,
> extends StepSettings {
  /** Names of steps declared before, all of which must be complete first. Default none. */
  readonly after?: Parents;
  readonly skippable?: Skippable;
  /** Given to the handler as it is; must be JSON for a handler in a worker thread. */
  readonly config?: Config;
}

/** What children see of a step: its results as stored; null also where it may have been bypassed. */
type SeenResult<Output, Result, Skippable> =
  | Stored<unknown extends Result ? Output : Result>
  | (true extends Skippable ? null : never);

/** A builder with one step more. */
type WithStep<Context, Steps, Name extends string, Seen> = TaskBuilder<
  Context,
  Steps & { readonly [K in Name]: Seen }
>;

/**
 * A task template in the making; every call returns a new builder. It stands for its template
 * wherever one is taken: `tasker.register(builder)`, `tasker.createTask(builder, …)`.
 */
export class TaskBuilder<Context, Steps> {
  readonly #settings: TaskSettings<unknown>;
  readonly #steps: readonly StepDefinition[];
  readonly #hooks: TemplateHooks<Context>;
  #template: TaskTemplate<Context, Steps> | undefined;

  /** @internal Use {@link defineTask}. */
  constructor(
    settings: TaskSettings<unknown>,
    steps: readonly StepDefinition[],
    hooks: TemplateHooks<Context>,
  ) {
    this.#settings = settings;
    this.#steps = steps;
    this.#hooks = hooks;
  }

  /** Adds a step without parents; tasks create their steps in the order of these calls. */
  step<const Name extends string, Output = unknown, Result = Output>(
    name: Name extends keyof Steps ? never : Name,
    handler: StepHandler<Context, NonNullable<unknown>, Output, undefined, Result>,
  ): WithStep<Context, Steps, Name, SeenResult<Output, Result, false>>;
  /** Adds a step; tasks create their steps in the order of these calls. */
  step<
    const Name extends string,
    const Parents extends readonly (keyof Steps & string)[] = readonly [],
    Output = unknown,
    Config = undefined,
    Result = Output,
    const Skippable extends boolean = false,
  >(
    name: Name extends keyof Steps ? never : Name,
    options: StepOptions<Steps, Parents, Config, Skippable>,
    handler: StepHandler<
      Context,
      { readonly [Parent in Parents[number]]: Steps[Parent] },
      Output,
      Config,
      Result
    >,
  ): WithStep<Context, Steps, Name, SeenResult<Output, Result, Skippable>>;
  step(name: string, ...rest: readonly unknown[]): TaskBuilder<Context, never> {
    const [options, handler] = rest.length < 2 ? [undefined, rest[0]] : rest;
    // The handler's own types are what the overloads have checked; the template holds it without them.
    const step = { ...(options as object | undefined), name, handler } as StepDefinition;
    return new TaskBuilder(this.#settings, [...this.#steps, step], this.#hooks);
  }

  /** Sets what the template does before a task is stored and at the end of its runs. */
  hooks(hooks: TemplateHooks<Context>): TaskBuilder<Context, Steps> {
    return new TaskBuilder(this.#settings, this.#steps, { ...this.#hooks, ...hooks });
  }

  /**
   * Checks the whole and makes the template, the same one at every call.
   *
   * @throws TaskerError `TASKER_INVALID_TEMPLATE` with every problem in `data.problems`, `TASKER_CYCLE`
   */
  build(): TaskTemplate<Context, Steps> {
    this.#template ??= this.#build();
    return this.#template;
  }

  #build(): TaskTemplate<Context, Steps> {
    const { context, ...settings } = this.#settings;
    const contextSchema = schemaOf(context);
    const template = createTemplate({
      ...settings,
      steps: this.#steps,
      hooks: this.#hooks,
      ...(contextSchema !== undefined && { contextSchema }),
    });
    return template as TaskTemplate<Context, Steps>;
  }
}

/** What stands for a template: itself, or the builder that makes it. */
export type TemplateLike<Context = unknown, Results = unknown> =
  | TaskTemplate<Context, Results>
  | TaskBuilder<Context, Results>;

/** The template that something stands for. Errors: as `TaskBuilder.build`. */
export function templateFrom<Context, Results>(
  given: TemplateLike<Context, Results>,
): TaskTemplate<Context, Results> {
  return isBuilder(given) ? given.build() : given;
}

/** True for a template, or the builder of one, of any copy of this package. */
export function isTemplateLike(value: unknown): value is TemplateLike {
  return (
    typeof value === 'object' &&
    value !== null &&
    (isBuilder(value) || ('steps' in value && 'packed' in value && 'validateContext' in value))
  );
}

function isBuilder<Context, Results>(value: object): value is TaskBuilder<Context, Results> {
  const { step, build } = value as { step?: unknown; build?: unknown };
  return typeof step === 'function' && typeof build === 'function';
}

/**
 * Starts a task template whose handlers are typed: each sees the context and exactly the results of
 * the steps that it runs after; a parent that is misspelt or declared later does not compile.
 *
 * The context's type is that of a JSON Schema written as a literal, which every task is checked
 * against, or is said: `defineTask<{ items: string[] }>({ … })`.
 *
 * @example
 * const order = defineTask<{ items: string[] }>({ namespace: 'shop', name: 'order' })
 *   .step('count', ({ context }) => context.items.length)
 *   .step('report', { after: ['count'] }, ({ results }) => `${results.count} items`);
 */
export function defineTask<const Given extends JsonSchema | ContextType<unknown>>(
  settings: TaskSettings<Given> & { readonly context: Given },
): TaskBuilder<ContextOf<Given>, NonNullable<unknown>>;
export function defineTask<Context extends object = Readonly<Record<string, unknown>>>(
  settings: TaskSettings<JsonSchema>,
): TaskBuilder<Context, NonNullable<unknown>>;
export function defineTask(
  settings: TaskSettings<unknown>,
): TaskBuilder<unknown, NonNullable<unknown>> {
  return new TaskBuilder(settings, [], {});
}

function schemaOf(given: unknown): JsonSchema | undefined {
  if (given === undefined) return undefined;
  const own = given as JsonSchema | ContextType<unknown>;
  return isContextType(own) ? own.schema : own;
}

function isContextType(given: JsonSchema | ContextType<unknown>): given is ContextType<unknown> {
  const keys = Object.keys(given);
  return keys.length === 1 && keys[0] === 'schema';
}
