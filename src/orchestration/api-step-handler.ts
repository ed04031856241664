import { isTaskerError } from '../errors.ts';
import type { StepInvocation, StepProcessor } from '../templates/step-handler.ts';
import type { ApiConfig, CheckedApiConfig } from './api-config.ts';
import { checkedApiConfig } from './api-config.ts';
import type { ApiConnection } from './api-connection.ts';
import { apiConnection } from './api-connection.ts';
import type { ApiResponse, ResponseLike } from './api-response.ts';
import { asResponse, carriedRetryAfter, statusError } from './api-response.ts';
import { boundedJson } from '../policies/bounded-json.ts';
import { describeFailure } from '../policies/failure.ts';
import { notesOf, PermanentError, withNotes } from '../policies/step-errors.ts';

type ParentResults = Readonly<Record<string, unknown>>;

/** Options of {@link apiStepHandler}. */
export interface ApiStepOptions<Context, Results, Result> {
  /** Defaults below the step's own `config`, which wins key by key. */
  readonly config?: Partial<ApiConfig>;
  /** Sends the request, or requests; default one GET of the configured url. */
  process?(
    step: StepInvocation<Context, Results>,
    connection: ApiConnection,
  ): ResponseLike | Promise<ResponseLike>;
  /** Makes the step's results from a response that succeeded; default its body. */
  processResults?(
    step: StepInvocation<Context, Results>,
    response: ApiResponse,
    initialResults: unknown,
  ): Result | Promise<Result>;
}

/**
 * A handler for a step that calls an HTTP API: request, check of the status, results.
 *
 * A status from 200 to 226 succeeds. 429 and 503 fail until the Retry-After, or with backoff; 400, 401,
 * 403, 404 and 422 fail for good; everything else fails and is repeated. A failed step stores
 * `error_details` in its results beside the fields that every failure has.
 *
 * In `defineTask` the types of context and parents must be given, or `callApi` used instead.
 *
 * @throws TaskerError `TASKER_BAD_ARGUMENT` for a wrong `config` of these options; that of a step
 *   fails the step for good
 */
export function apiStepHandler<Context = unknown, Results = ParentResults, Result = unknown>(
  options: ApiStepOptions<Context, Results, Result> = {},
): StepProcessor<Context, Results, ApiResponse, unknown, Result> {
  if (options.config?.url !== undefined) checkedApiConfig(options.config);
  const checked = new WeakMap<object, CheckedApiConfig>();
  return {
    async process(step) {
      let config: CheckedApiConfig | undefined;
      try {
        config = configOf(step.config, options.config, checked);
        const connection = apiConnection(config, step.signal);
        const value =
          options.process === undefined
            ? await connection.request()
            : await options.process(step, connection);
        const response = await asResponse(value, config.maxResponseBytes);
        const facts = { step_id: String(step.step.stepId), step_name: step.step.name };
        const failed = statusError(response, facts);
        if (failed !== undefined) throw failed as Error;
        return response;
      } catch (error) {
        throw detailed(error, config) as Error;
      }
    },
    async processResults(step, response, initialResults) {
      try {
        if (options.processResults === undefined) return response.body as Result;
        return await options.processResults(step, response, initialResults);
      } catch (error) {
        throw detailed(error, configOf(step.config, options.config, checked), response) as Error;
      }
    },
  };
}

/**
 * What {@link apiStepHandler} does, as a call within a handler of one's own: there the types of context and
 * parents are known without being written.
 *
 * @example
 * handler: (step) =>
 *   callApi(step, { process: (_, api) => api.request({ path: `carts/${step.results.cart.id}` }) })
 */
export async function callApi<Context, Results, Result = unknown>(
  step: StepInvocation<Context, Results>,
  options: ApiStepOptions<Context, Results, Result> = {},
): Promise<Result> {
  const handler = apiStepHandler(options);
  const response = await handler.process(step);
  // apiStepHandler always has it; the interface leaves it open
  return handler.processResults?.(step, response, step.step.previousResults) as Promise<Result>;
}

/** The step's configuration over the handler's; checked once for each step of a template. */
function configOf(
  own: unknown,
  defaults: Partial<ApiConfig> | undefined,
  checked: WeakMap<object, CheckedApiConfig>,
): CheckedApiConfig {
  const key = typeof own === 'object' && own !== null ? own : checked;
  const known = checked.get(key);
  if (known !== undefined) return known;
  try {
    const config = checkedApiConfig({ ...defaults, ...(own as Partial<ApiConfig> | null) });
    checked.set(key, config);
    return config;
  } catch (error) {
    if (!isTaskerError(error)) throw error;
    throw new PermanentError(error.message, { errorCode: error.code, cause: error });
  }
}

/** The error with the fields that its step stores, and with the wait that it carries. */
function detailed(
  error: unknown,
  config: CheckedApiConfig | undefined,
  response?: ApiResponse,
): object {
  const failure = describeFailure(error);
  const retryAfter = failure.retryAfterSeconds ?? carriedRetryAfter(error);
  const { context } = failure;
  const status = context?.['status'] ?? response?.status;
  const details = {
    error_message: failure.message,
    error_class: failure.errorClass,
    backtrace: failure.backtrace.slice(0, 10),
    ...(status !== undefined && { response_status: status }),
    ...(status !== undefined && {
      response_body: context?.['response'] ?? boundedJson(response?.body),
    }),
    ...(context !== undefined && { error_context: context }),
    ...(failure.errorCode !== undefined && { error_code: failure.errorCode }),
    ...(retryAfter !== undefined && { retry_after: retryAfter }),
  };
  const unaided = retryAfter === undefined && config?.exponentialBackoff === false;
  return withNotes(error, {
    ...notesOf(error),
    results: { error: true, error_details: details },
    ...(retryAfter !== undefined && { retryAfterSeconds: retryAfter }),
    ...(unaided && { backoff: false as const }),
  });
}
