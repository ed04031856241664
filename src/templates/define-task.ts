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
  Context,
  Steps,
  Parents extends readonly (keyof Steps & string)[],
  Output,
  Config,
  Result,
  Skippable extends boolean,
> extends StepSettings {
  /** Names of steps declared before. */
  readonly dependsOn?: Parents;
  readonly skippable?: Skippable;
  /** Given to the handler as it is; must be JSON for a handler in a worker thread. */
  readonly config?: Config;
  readonly handler: StepHandler<
    Context,
    { readonly [Name in Parents[number]]: Steps[Name] },
    Output,
    Config,
    Result
  >;
}

/** What children see of a step: its results as stored; null also where it may have been bypassed. */
type SeenResult<Output, Result, Skippable> =
  | Stored<unknown extends Result ? Output : Result>
  | (true extends Skippable ? null : never);

/** A task template in the making; every call returns a new builder. */
export class TaskBuilder<Context, Steps> {
  readonly #settings: TaskSettings<unknown>;
  readonly #steps: readonly StepDefinition[];
  readonly #hooks: TemplateHooks<Context>;

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
    options: StepOptions<Context, Steps, Parents, Output, Config, Result, Skippable>,
  ): TaskBuilder<Context, Steps & { readonly [K in Name]: SeenResult<Output, Result, Skippable> }> {
    // The handler's own types are what this method has checked; the template holds it without them.
    const step = { ...options, name } as unknown as StepDefinition;
    return new TaskBuilder(this.#settings, [...this.#steps, step], this.#hooks);
  }

  /** Sets what the template does before a task is stored and at the end of its runs. */
  hooks(hooks: TemplateHooks<Context>): TaskBuilder<Context, Steps> {
    return new TaskBuilder(this.#settings, this.#steps, { ...this.#hooks, ...hooks });
  }

  /**
   * Checks the whole and makes the template.
   *
   * @throws TaskerError `TASKER_INVALID_TEMPLATE` with every problem in `data.problems`
   */
  build(): TaskTemplate<Context, Steps> {
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

/**
 * Starts a task template whose handlers are typed: each sees the context and exactly the results of
 * the steps that it depends on; a parent that is misspelt or declared later does not compile.
 *
 * @example
 * const order = defineTask({ name: 'order', context: contextType<{ items: string[] }>() })
 *   .step('count', { handler: ({ context }) => context.items.length })
 *   .step('report', { dependsOn: ['count'], handler: ({ results }) => `${results.count} items` })
 *   .build();
 */
export function defineTask<
  const Given extends JsonSchema | ContextType<unknown> = ContextType<
    Readonly<Record<string, unknown>>
  >,
>(settings: TaskSettings<Given>): TaskBuilder<ContextOf<Given>, NonNullable<unknown>> {
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
