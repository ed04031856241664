import { TaskerError } from '../errors.ts';
import { didYouMean } from './nearest-name.ts';
import type { HandlerModule, StepHandler } from './step-handler.ts';
import type { TemplateHooks } from './template-hooks.ts';

/** What a handler's class is constructed with. */
export interface HandlerSetup {
  /** The step's configuration. */
  readonly config: unknown;
}

/** A class of handlers; each step of a template has an object of its own. */
export type StepHandlerClass = new (
  setup: HandlerSetup,
) => Exclude<StepHandler<never>, (...parameters: never[]) => unknown>;

/** What may be registered under a name. */
export type NamedHandler =
  | StepHandler<never, never, unknown, never>
  | StepHandlerClass
  | HandlerModule;

/** How a handler is registered. */
export interface HandlerOptions {
  /** Takes the place of a handler of this name. Default false: that is an error. */
  readonly replace?: boolean;
}

interface RegisteredHandler {
  readonly handler: StepHandler | StepHandlerClass;
  readonly module: HandlerModule | undefined;
}

/** Handlers by the names that YAML templates call them; case matters. */
export class HandlerRegistry {
  readonly #handlers = new Map<string, RegisteredHandler>();
  readonly #hooks = new Map<string, TemplateHooks>();

  /**
   * Registers a step handler under the text that `handler_class` will have.
   *
   * @param handler a function, an object with `process`, a class of such objects, or the module and
   *   the export that hold one: a worker thread loads it by itself, for steps with `thread: true`
   * @throws TaskerError `TASKER_DUPLICATE_HANDLER`; `TASKER_BAD_ARGUMENT` for something else
   */
  register(name: string, handler: NamedHandler, options: HandlerOptions = {}): this {
    const module = isHandlerModule(handler) ? handler : undefined;
    // Which context a handler expects is not known here; a template's schema has to see to it.
    const known = (module === undefined ? handler : loadedHandler(module)) as
      | StepHandler
      | StepHandlerClass;
    if (typeof known !== 'function' && typeof known?.process !== 'function') {
      throw new TaskerError(
        'TASKER_BAD_ARGUMENT',
        `The handler ${name} is neither a function nor a class, nor an object with process or with module and export.`,
        { data: { field: 'handler', name } },
      );
    }
    refuseDuplicate(this.#handlers, name, options.replace);
    this.#handlers.set(name, { handler: known, module });
    return this;
  }

  /**
   * Registers the hooks of task templates whose `task_handler_class` has this name.
   *
   * @throws TaskerError `TASKER_DUPLICATE_HANDLER`
   */
  registerTask<Context>(
    name: string,
    hooks: TemplateHooks<Context>,
    options: Pick<HandlerOptions, 'replace'> = {},
  ): this {
    refuseDuplicate(this.#hooks, name, options.replace);
    this.#hooks.set(name, hooks);
    return this;
  }

  /** Whether a step handler has this name. */
  has(name: string): boolean {
    return this.#handlers.has(name);
  }

  /** Names of the step handlers, in the order of their registration. */
  names(): string[] {
    return [...this.#handlers.keys()];
  }

  /**
   * The handler for one step; a class is constructed.
   *
   * @throws TaskerError `TASKER_UNKNOWN_HANDLER`, naming the nearest one
   */
  handlerFor(name: string, config: unknown): StepHandler {
    const { handler } = this.#find(name);
    return isHandlerClass(handler) ? new handler({ config }) : handler;
  }

  /** Where a worker thread finds the handler, if its registration says so. */
  moduleOf(name: string): HandlerModule | undefined {
    return this.#find(name).module;
  }

  /** The hooks of a task handler; none when nothing is registered under the name. */
  hooksOf(name: string): TemplateHooks | undefined {
    return this.#hooks.get(name);
  }

  #find(name: string): RegisteredHandler {
    const found = this.#handlers.get(name);
    if (found !== undefined) return found;
    throw new TaskerError('TASKER_UNKNOWN_HANDLER', `No handler is registered as ${name}.`, {
      remedy: didYouMean(name, this.#handlers.keys()) ?? 'Register it with handlers.register.',
      data: { handler: name },
    });
  }
}

function refuseDuplicate(
  known: ReadonlyMap<string, unknown>,
  name: string,
  replace: boolean | undefined,
): void {
  if (!known.has(name) || replace === true) return;
  throw new TaskerError('TASKER_DUPLICATE_HANDLER', `A handler is registered as ${name} already.`, {
    remedy: 'Give it another name, or pass replace: true.',
    data: { handler: name },
  });
}

function isHandlerClass(handler: StepHandler | StepHandlerClass): handler is StepHandlerClass {
  if (typeof handler !== 'function') return false;
  const prototype: unknown = handler.prototype;
  return (
    typeof prototype === 'object' &&
    prototype !== null &&
    typeof (prototype as { process?: unknown }).process === 'function'
  );
}

function isHandlerModule(handler: unknown): handler is HandlerModule {
  const { module, export: name } = (handler ?? {}) as Partial<HandlerModule>;
  return typeof module === 'string' && typeof name === 'string';
}

/** The handler of a module, loaded when it first runs in this thread. */
function loadedHandler({ module, export: name }: HandlerModule): StepHandler {
  return async (step) => {
    const loaded = (await import(module)) as Readonly<Record<string, unknown>>;
    const handler = loaded[name] as StepHandler | undefined;
    if (typeof handler === 'function') return handler(step);
    if (typeof handler?.process !== 'function') {
      throw new TaskerError(
        'TASKER_UNKNOWN_HANDLER',
        `${module} exports no step handler ${name}.`,
        { data: { module, export: name } },
      );
    }
    const output = await handler.process(step);
    return handler.processResults === undefined
      ? output
      : handler.processResults(step, output, step.step.previousResults);
  };
}
