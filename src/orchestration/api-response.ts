import { TaskerError } from '../errors.ts';
import { boundedJson } from '../policies/bounded-json.ts';
import type { JsonObject } from '../policies/bounded-json.ts';
import { retryAfterOf } from '../policies/retry-after.ts';
import { PermanentError, RetryableError, withNotes } from '../policies/step-errors.ts';

/** An HTTP response, read whole. */
export interface ApiResponse {
  readonly status: number;
  /** By name in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** The value where the response is JSON, else its text; null when it is empty. */
  readonly body: unknown;
}

/** What a response may be given as: ours, `fetch`'s, or an object or map with these fields. */
export type ResponseLike =
  | ApiResponse
  | Response
  | ReadonlyMap<string, unknown>
  | { readonly status: number; readonly headers?: unknown; readonly body?: unknown };

/** Headers that carry secrets and are not kept with a failure. */
const SECRET_HEADERS =
  /^(set-cookie|cookie|authorization|proxy-auth.*|www-authenticate)$|token|secret|key/i;

const PERMANENT: ReadonlySet<number> = new Set([400, 401, 403, 404, 422]);
const BACKING_OFF: ReadonlySet<number> = new Set([429, 503]);

/** Reads the body of a `fetch` response; TASKER_RESULT_TOO_LARGE above `maxBytes`. */
export async function readResponse(response: Response, maxBytes: number): Promise<ApiResponse> {
  const headers = Object.fromEntries(response.headers);
  const text = await readBody(response, maxBytes);
  return { status: response.status, headers, body: parsedBody(text, headers['content-type']) };
}

/** What a handler's `process` returned as a response; a PermanentError for what is none. */
export async function asResponse(value: unknown, maxBytes: number): Promise<ApiResponse> {
  if (isFetched(value)) return readResponse(value, maxBytes);
  const fields = (value instanceof Map ? Object.fromEntries(value) : value) as Partial<ApiResponse>;
  if (typeof fields === 'object' && fields !== null && Number.isInteger(fields.status)) {
    const { status, headers, body } = fields as ApiResponse;
    return { status, headers: plainHeaders(headers), body: body ?? null };
  }
  throw new PermanentError(
    'The process function of an API step must return a response: an object with status, headers and body.',
    { errorCode: 'TASKER_BAD_ARGUMENT' },
  );
}

/** True for the response of any `fetch`, Node's or a package's. */
function isFetched(value: unknown): value is Response {
  const { status, text, headers } = (value ?? {}) as Partial<Response>;
  return typeof status === 'number' && typeof text === 'function' && typeof headers === 'object';
}

/**
 * The contract's status table: nothing for 200 to 226, else the error to throw.
 *
 * 429 and 503 are retryable, by their Retry-After where they have one; 400, 401, 403, 404 and 422
 * are permanent; everything else is retryable without a backoff of its own. The code is `HTTP_<status>`.
 *
 * @param facts kept in the error's context beside the response's own
 */
export function statusError(response: ApiResponse, facts: JsonObject): object | undefined {
  const { status, headers, body } = response;
  if (status >= 200 && status <= 226) return undefined;
  const message = `The API answered with status ${status}.`;
  const context = { ...facts, status, response: boundedJson(body), headers: shownHeaders(headers) };
  const errorCode = `HTTP_${status}`;
  if (PERMANENT.has(status)) return new PermanentError(message, { errorCode, context });
  if (BACKING_OFF.has(status)) {
    return new RetryableError(message, {
      errorCode,
      context,
      retryAfter: responseRetryAfter(headers),
    });
  }
  return withNotes(new RetryableError(message, { errorCode, context }), { backoff: false });
}

/** Seconds that a 429 or 503 asks for: as many as it says, for a date at least 1. */
function responseRetryAfter(headers: unknown): number | undefined {
  const seconds = retryAfterOf(headers);
  if (seconds !== 0) return seconds;
  const zero = retryAfterOf(headers, 0) === 0;
  return zero ? 0 : 1;
}

/** Retry-After of a 429 or 503 that an error of another HTTP client carries. */
export function carriedRetryAfter(error: unknown): number | undefined {
  try {
    const { response } = error as { response?: { status?: unknown; headers?: unknown } };
    if (!BACKING_OFF.has(Number(response?.status))) return undefined;
    return responseRetryAfter(response?.headers);
  } catch {
    return undefined;
  }
}

async function readBody(response: Response, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.byteLength;
    // leaving the loop cancels the stream
    if (bytes > maxBytes) {
      throw new TaskerError(
        'TASKER_RESULT_TOO_LARGE',
        `The response has more than ${maxBytes} bytes.`,
        { remedy: 'Raise max_response_bytes in the config of the step.', data: { maxBytes } },
      );
    }
    chunks.push(chunk);
  }
  return new TextDecoder().decode(Buffer.concat(chunks));
}

function parsedBody(text: string, type: string | undefined): unknown {
  if (text === '') return null;
  if (type === undefined || !/[/+]json\b/i.test(type)) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function plainHeaders(headers: unknown): Record<string, string> {
  if (typeof headers !== 'object' || headers === null) return {};
  const entries =
    Symbol.iterator in headers
      ? [...(headers as Iterable<readonly [unknown, unknown]>)]
      : Object.entries(headers);
  return Object.fromEntries(
    entries.map(([name, value]) => [String(name).toLowerCase(), String(value)]),
  );
}

function shownHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      SECRET_HEADERS.test(name) ? '[left out]' : value,
    ]),
  );
}
