import { readFile } from 'node:fs/promises';

import type { Agent, RequestInit as RequestInitThrough } from 'undici';

import type { ApiParams, ApiSsl, CheckedApiConfig } from './api-config.ts';
import type { ApiResponse } from './api-response.ts';
import { readResponse } from './api-response.ts';
import { PermanentError } from '../policies/step-errors.ts';

/** One HTTP request of an API step. */
export interface ApiRequest {
  /** Default GET. */
  readonly method?: string;
  /** Below the configured url, or an absolute address; default the configured url. */
  readonly path?: string;
  readonly params?: ApiParams;
  readonly headers?: Readonly<Record<string, string>>;
  /** Text, bytes and forms go as they are, everything else as JSON. */
  readonly body?: unknown;
}

/** Sends requests as configured; the signal and the timeouts are the step's. */
export interface ApiConnection {
  /**
   * One request. Redirects are not followed; every status is a response, nothing is thrown for it.
   *
   * @throws whatever `fetch` rejects with; TaskerError `TASKER_RESULT_TOO_LARGE`
   */
  request(request?: ApiRequest): Promise<ApiResponse>;
}

/** The connection of one attempt. */
export function apiConnection(config: CheckedApiConfig, signal: AbortSignal): ApiConnection {
  return {
    async request(request = {}) {
      const { method = 'GET', body } = request;
      const url = requestUrl(config, request);
      const headers = requestHeaders(config, request, url);
      const init = {
        method: method.toUpperCase(),
        headers,
        redirect: 'manual' as const,
        signal: AbortSignal.any([signal, AbortSignal.timeout(Math.ceil(config.timeoutMs))]),
        ...(body !== undefined && { body: await requestBody(body, headers) }),
      };
      const response =
        config.ssl === undefined ? await fetch(url, init) : await fetchBySsl(url, init, config.ssl);
      return readResponse(response, config.maxResponseBytes);
    },
  };
}

function requestUrl(config: CheckedApiConfig, request: ApiRequest): URL {
  const url = new URL(config.url);
  const { path } = request;
  if (path !== undefined) {
    if (/^https?:\/\//i.test(path)) {
      url.href = path;
    } else {
      const base = new URL(config.url);
      if (!base.pathname.endsWith('/')) base.pathname += '/';
      base.search = '';
      url.href = new URL(path, base).href;
      // `//other.host` is a path only to the eye
      if (url.origin !== config.url.origin) {
        throw new PermanentError(`The path ${path.slice(0, 100)} leaves ${config.url.origin}.`, {
          errorCode: 'TASKER_BAD_ARGUMENT',
        });
      }
    }
  }
  for (const [name, value] of Object.entries({ ...config.params, ...request.params })) {
    url.searchParams.delete(name);
    for (const item of Array.isArray(value) ? value : [value]) {
      if (item !== null && item !== undefined) url.searchParams.append(name, String(item));
    }
  }
  return url;
}

function requestHeaders(config: CheckedApiConfig, request: ApiRequest, url: URL): Headers {
  const headers = new Headers({ accept: 'application/json' });
  // credentials are for the host they were written for
  const own = url.origin === config.url.origin ? config.headers : {};
  for (const [name, value] of Object.entries({ ...own })) headers.set(name, value);
  for (const [name, value] of Object.entries({ ...request.headers })) headers.set(name, value);
  if (url.username !== '' || url.password !== '') {
    // fetch refuses an address with credentials
    const pair = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
    if (!headers.has('authorization')) {
      headers.set('authorization', `Basic ${Buffer.from(pair).toString('base64')}`);
    }
    url.username = '';
    url.password = '';
  }
  return headers;
}

/** The body as text or bytes, its content-type set where it has one. */
async function requestBody(
  body: unknown,
  headers: Headers,
): Promise<string | Uint8Array<ArrayBuffer>> {
  const isForm = body instanceof URLSearchParams || body instanceof FormData;
  const isBytes = body instanceof ArrayBuffer || ArrayBuffer.isView(body);
  if (isForm || isBytes || body instanceof Blob) {
    const encoded = new Response(body as FormData);
    const type = encoded.headers.get('content-type');
    if (type !== null && !headers.has('content-type')) headers.set('content-type', type);
    return new Uint8Array(await encoded.arrayBuffer());
  }
  if (!headers.has('content-type')) headers.set('content-type', 'application/json');
  return typeof body === 'string' ? body : JSON.stringify(body);
}

const DISPATCHERS = new WeakMap<ApiSsl, Agent>();

/** Node's own fetch takes no certificates, the package it is made from does; loaded where needed only. */
async function fetchBySsl(url: URL, init: RequestInit, ssl: ApiSsl): Promise<Response> {
  const { Agent, fetch: fetchThrough } = await import('undici');
  let dispatcher = DISPATCHERS.get(ssl);
  if (dispatcher === undefined) {
    dispatcher = new Agent({ connect: await connectOptions(ssl) });
    DISPATCHERS.set(ssl, dispatcher);
  }
  const options = { ...init, headers: [...(init.headers as Headers)], dispatcher };
  return fetchThrough(url, options as RequestInitThrough);
}

async function connectOptions({
  verify = true,
  ca_file,
  cert_file,
  key_file,
}: ApiSsl): Promise<object> {
  return {
    rejectUnauthorized: verify,
    ...(ca_file !== undefined && { ca: await readFile(ca_file) }),
    ...(cert_file !== undefined && { cert: await readFile(cert_file) }),
    ...(key_file !== undefined && { key: await readFile(key_file) }),
  };
}
