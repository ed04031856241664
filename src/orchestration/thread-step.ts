import type { MessagePort } from 'node:worker_threads';

import type { HandlerModule, StepHandler } from '../templates/step-handler.ts';
import { runHandler, type HandlerOutcome, type UnsignalledInvocation } from './run-handler.ts';
import { PermanentError } from '../policies/step-errors.ts';

/** One attempt on its way to a worker thread; everything in it is copied. */
export interface ThreadStep {
  readonly module: HandlerModule;
  readonly invocation: UnsignalledInvocation;
  readonly timeoutSeconds: number | undefined;
  readonly graceSeconds: number;
  readonly maxResultBytes: number | undefined;
  /** Tells the engine that the attempt has begun, and this thread that it is to end. */
  readonly port: MessagePort;
}

/** What the engine says through the port: the attempt is to end, and why. */
export interface ThreadAbort {
  readonly name: string;
  readonly message: string;
}

/** Runs one attempt in this thread; never rejects. What it returns can be sent to another thread. */
export async function runThreadStep(step: ThreadStep): Promise<HandlerOutcome> {
  const { module, invocation, timeoutSeconds, graceSeconds, maxResultBytes, port } = step;
  const controller = new AbortController();
  port.on('message', ({ name, message }: ThreadAbort) => {
    controller.abort(Object.assign(new Error(message), { name }));
  });
  port.postMessage('begun');
  try {
    const outcome = await runHandler(await loadHandler(module), invocation, {
      timeoutSeconds,
      graceSeconds,
      maxResultBytes,
      signal: controller.signal,
    });
    // the engine knows the reason: it gave it
    return outcome.kind === 'aborted' ? { ...outcome, reason: undefined } : outcome;
  } finally {
    port.close();
  }
}

/** The handler, or one that raises what kept it from being loaded. */
async function loadHandler(module: HandlerModule): Promise<StepHandler> {
  try {
    const loaded = (await import(module.module)) as Readonly<Record<string, unknown>>;
    const handler = loaded[module.export];
    if (isHandler(handler)) return handler;
    throw new PermanentError(`${module.module} exports no step handler ${module.export}.`, {
      errorCode: 'TASKER_UNKNOWN_HANDLER',
    });
  } catch (error) {
    return () => {
      throw error;
    };
  }
}

function isHandler(value: unknown): value is StepHandler {
  if (typeof value === 'function') return true;
  return typeof (value as { process?: unknown } | null | undefined)?.process === 'function';
}
