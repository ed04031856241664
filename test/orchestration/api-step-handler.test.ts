import { readFileSync } from 'node:fs';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { apiStepHandler, callApi } from '../../src/orchestration/api-step-handler.ts';
import { failureResults } from '../../src/policies/failure.ts';
import { decideRetry } from '../../src/policies/retry-decision.ts';
import type { HandlerOutcome } from '../../src/orchestration/run-handler.ts';
import { runHandler } from '../../src/orchestration/run-handler.ts';
import { defineTask } from '../../src/templates/define-task.ts';
import type { StepHandler } from '../../src/templates/step-handler.ts';

type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => void;

const tlsFile = (name: string): string =>
  fileURLToPath(new URL(`../vectors/tls/loopback-${name}.pem`, import.meta.url));

let server: Server;
let base: string;
const requests: {
  method: string;
  url: string;
  headers: IncomingMessage['headers'];
  body: string;
}[] = [];

const answers: Record<string, Answer> = {
  '/json': (_request, response) => json(response, 200, { items: [1, 2] }),
  '/hang': () => undefined,
  '/drop': (request) => void request.socket.destroy(),
  '/large': (_request, response) => response.end('x'.repeat(100_000)),
  '/broken-json': (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/problem+json' }).end('{"a":');
  },
  '/redirect': (_request, response) => response.writeHead(302, { location: '/json' }).end(),
};

function json(response: ServerResponse, status: number, body: unknown, headers = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

function serve(request: IncomingMessage, response: ServerResponse): void {
  let body = '';
  request.setEncoding('utf8');
  request.on('data', (chunk: string) => (body += chunk));
  request.on('end', () => {
    const { method = '', url = '', headers } = request;
    requests.push({ method, url, headers, body });
    const { pathname, searchParams } = new URL(url, 'http://host');
    const status = Number(searchParams.get('status') ?? 0);
    const retryAfter = searchParams.get('retry_after');
    if (status > 0) {
      const wait = retryAfter === null ? {} : { 'Retry-After': retryAfter };
      json(
        response,
        status,
        { why: 'asked' },
        { 'set-cookie': 'session=1', 'x-request-id': 'r7', ...wait },
      );
      return;
    }
    (answers[pathname] ?? answers['/json'])?.(request, response, body);
  });
}

beforeAll(async () => {
  server = createServer(serve);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function run(
  handler: StepHandler<never, never>,
  config: unknown,
  options = {},
): Promise<HandlerOutcome> {
  return runHandler(
    handler as StepHandler,
    {
      context: { cart: 9 },
      results: {},
      attempt: 1,
      taskId: 1n,
      stepId: 7n,
      idempotencyKey: 'tsk_1-7',
      task: { taskId: 1n, namespace: 'shop', name: 'order', version: '1.0.0' },
      step: {
        stepId: 7n,
        name: 'fetch_cart',
        attempt: 1,
        retryLimit: 3,
        previousResults: { old: 1 },
      },
      config,
    },
    options,
  );
}

async function failed(handler: StepHandler<never, never>, config: unknown) {
  const outcome = await run(handler, config);
  if (outcome.kind !== 'failed') throw new Error(`The handler ended as ${outcome.kind}.`);
  return outcome.failure;
}

const wait = (failure: Awaited<ReturnType<typeof failed>>) =>
  decideRetry({
    attempt: 2,
    retryLimit: 9,
    retryable: true,
    failure,
    nowMicros: 0,
    random: () => 0.5,
  });

describe('a request', () => {
  test('goes out as configured, and its JSON body is the result', async () => {
    const outcome = await run(apiStepHandler(), {
      type: 'api',
      url: `${base}/json?a=0&b=1`,
      params: { a: 1, list: ['x', 'y z'], none: null },
      headers: { authorization: 'Bearer t' },
    });
    expect(outcome).toMatchObject({ kind: 'completed', results: '{"items":[1,2]}' });
    const { method, url, headers } = requests.at(-1)!;
    expect(method).toBe('GET');
    expect(url).toBe('/json?b=1&a=1&list=x&list=y+z');
    expect(headers).toMatchObject({ accept: 'application/json', authorization: 'Bearer t' });
    expect(headers).not.toHaveProperty('content-type');
  });

  test('is made by process, and its response shaped by processResults', async () => {
    const handler = apiStepHandler<{ cart: number }>({
      process: ({ context }, connection) =>
        connection.request({
          method: 'post',
          path: `carts/${context.cart}`,
          params: { dry: true },
          headers: { 'x-one': '1' },
          body: { cart: context.cart },
        }),
      processResults: (step, { status, body, headers }, initial) => ({
        step: step.step.name,
        status,
        body,
        type: headers['content-type'],
        initial,
      }),
    });
    const outcome = await run(handler, { url: `${base}/api?v=2` });
    expect(outcome).toMatchObject({ kind: 'completed' });
    expect(JSON.parse((outcome as { results: string }).results)).toEqual({
      step: 'fetch_cart',
      status: 200,
      body: { items: [1, 2] },
      type: 'application/json',
      initial: { old: 1 },
    });
    expect(requests.at(-1)).toMatchObject({
      method: 'POST',
      url: '/api/carts/9?dry=true',
      body: '{"cart":9}',
      headers: { 'content-type': 'application/json', 'x-one': '1' },
    });
  });

  test('sends forms, bytes and text as they are', async () => {
    const form = new FormData();
    form.set('field', 'value');
    for (const [body, type, sent] of [
      [new URLSearchParams({ a: '1' }), /^application\/x-www-form-urlencoded/, /^a=1$/],
      [form, /^multipart\/form-data; boundary=/, /name="field"\r\n\r\nvalue/],
      [new TextEncoder().encode('bytes'), undefined, /^bytes$/],
      [new Blob(['blob'], { type: 'text/csv' }), /^text\/csv$/, /^blob$/],
      ['"text"', /^application\/json$/, /^"text"$/],
    ] as const) {
      const handler = apiStepHandler({
        process: (_step, connection) => connection.request({ method: 'PUT', body }),
      });
      expect(await run(handler, { url: base })).toMatchObject({ kind: 'completed' });
      const { headers, body: got } = requests.at(-1)!;
      expect(got).toMatch(sent);
      expect(String(headers['content-type'])).toMatch(type ?? /^undefined$/);
    }
  });

  test('credentials in the address become a header; none go to another host', async () => {
    const url = new URL(`${base}/json`);
    url.username = 'me';
    url.password = 'p@ss';
    await run(apiStepHandler(), { url: url.href });
    expect(requests.at(-1)!.headers.authorization).toBe(`Basic ${btoa('me:p@ss')}`);
    const away = (path: string) =>
      apiStepHandler({ process: (_step, connection) => connection.request({ path }) });
    const elsewhere = base.replace('127.0.0.1', 'localhost');
    await run(away(`${base}/json`), { url: elsewhere, headers: { 'x-key': 'k' } });
    expect(requests.at(-1)!.headers).not.toHaveProperty('x-key');
    expect(await failed(away('//other.host/x'), { url: base })).toMatchObject({
      errorClass: 'PermanentError',
      errorCode: 'TASKER_BAD_ARGUMENT',
    });
  });

  test('text that claims to be JSON stays text; a redirect is not followed', async () => {
    expect(await run(apiStepHandler(), { url: `${base}/broken-json` })).toMatchObject({
      results: String.raw`"{\"a\":"`,
    });
    const seen = requests.length;
    expect(await failed(apiStepHandler(), { url: `${base}/redirect` })).toMatchObject({
      errorClass: 'RetryableError',
      errorCode: 'HTTP_302',
    });
    expect(requests.length).toBe(seen + 1);
  });

  test('checks who answers by the given authority, or not at all', async () => {
    const tls = createTlsServer(
      { cert: readFileSync(tlsFile('cert')), key: readFileSync(tlsFile('key')) },
      serve,
    );
    await new Promise<void>((resolve) => tls.listen(0, '127.0.0.1', resolve));
    const url = `https://127.0.0.1:${(tls.address() as AddressInfo).port}/json`;
    const done = { kind: 'completed', results: '{"items":[1,2]}' };
    expect(await run(apiStepHandler(), { url, ssl: { ca_file: tlsFile('cert') } })).toMatchObject(
      done,
    );
    expect(await run(apiStepHandler(), { url, ssl: { verify: false } })).toMatchObject(done);
    for (const ssl of [undefined, {}]) {
      const failure = await failed(apiStepHandler(), { url, ssl });
      expect(failure.errorCode).toMatch(/SELF_SIGNED/);
    }
    expect(await failed(apiStepHandler(), { url, ssl: { ca_file: '/none.pem' } })).toMatchObject({
      errorCode: 'ENOENT',
    });
    tls.closeAllConnections();
    await new Promise((resolve) => tls.close(resolve));
  });
});

describe('the status table', () => {
  test.each([200, 201, 202, 206, 226])('%d succeeds', async (status) => {
    expect(await run(apiStepHandler(), { url: `${base}/?status=${status}` })).toMatchObject({
      kind: 'completed',
      results: '{"why":"asked"}',
    });
  });

  test.each([400, 401, 403, 404, 422])('%d fails for good', async (status) => {
    const failure = await failed(apiStepHandler(), { url: `${base}/?status=${status}` });
    expect(failure).toMatchObject({
      errorClass: 'PermanentError',
      retryable: false,
      errorCode: `HTTP_${status}`,
    });
    expect(wait(failure)).toEqual({ final: true, reason: 'permanent_error' });
  });

  test.each([402, 405, 409, 418, 500, 502, 504, 227, 304])(
    '%d is repeated without a backoff of its own',
    async (status) => {
      const failure = await failed(apiStepHandler(), {
        url: `${base}/?status=${status}&retry_after=99`,
      });
      expect(failure).toMatchObject({
        errorClass: 'RetryableError',
        retryable: true,
        errorCode: `HTTP_${status}`,
        backoff: false,
      });
      expect(failure).not.toHaveProperty('retryAfterSeconds');
      expect(wait(failure)).toMatchObject({ final: false, backoffSeconds: 4 });
    },
  );

  test.each([
    [429, '7', 7],
    [503, '0', 0],
    [503, 'Sun, 06 Nov 1994 08:49:37 GMT', 1],
    [429, '100000', 300],
    [429, 'soon', 2],
    [503, null, 2],
  ])('%d with Retry-After %s waits %d s', async (status, retryAfter, seconds) => {
    const query = new URLSearchParams({ status: String(status) });
    if (retryAfter !== null) query.set('retry_after', retryAfter);
    const failure = await failed(apiStepHandler(), { url: `${base}/?${String(query)}` });
    expect(failure).toMatchObject({ retryable: true, errorCode: `HTTP_${status}` });
    expect(wait(failure)).toMatchObject({ final: false, backoffSeconds: seconds });
  });

  test.each([false, null])(
    'backoff %s: Retry-After holds, else the wait is that of Rails',
    async (off) => {
      const config = (query: string) => ({
        url: `${base}/?${query}`,
        enable_exponential_backoff: off,
      });
      expect(wait(await failed(apiStepHandler(), config('status=503')))).toMatchObject({
        backoffSeconds: 4,
      });
      expect(
        wait(await failed(apiStepHandler(), config('status=503&retry_after=9'))),
      ).toMatchObject({
        backoffSeconds: 9,
      });
    },
  );

  test('applies to whatever process returns', async () => {
    const returning = (response: unknown) => apiStepHandler({ process: () => response as never });
    expect(await run(returning({ status: 200, body: 'fine' }), { url: base })).toMatchObject({
      results: '"fine"',
    });
    expect(await run(returning({ status: 204 }), { url: base })).toMatchObject({ results: 'null' });
    expect(await run(returning(new Response('{"a":1}')), { url: base })).toMatchObject({
      kind: 'completed',
    });
    const limited = new Map<string, unknown>([
      ['status', 429],
      ['headers', new Headers({ 'Retry-After': '5' })],
    ]);
    expect(await failed(returning(limited), { url: base })).toMatchObject({ retryAfterSeconds: 5 });
    for (const nothing of [null, undefined, 'text', {}, { status: 'ok' }]) {
      expect(await failed(returning(nothing), { url: base })).toMatchObject({
        errorCode: 'TASKER_BAD_ARGUMENT',
        retryable: false,
      });
    }
  });
});

describe('what a failed step stores', () => {
  test('error details beside the fields of every failure', async () => {
    const failure = await failed(apiStepHandler(), { url: `${base}/?status=503&retry_after=3` });
    const stored = failureResults({ old: 1 }, failure);
    expect(stored).toEqual({
      old: 1,
      error: 'The API answered with status 503.',
      error_class: 'RetryableError',
      backtrace: expect.stringContaining('api-response.ts'),
      error_details: {
        error_message: 'The API answered with status 503.',
        error_class: 'RetryableError',
        backtrace: expect.any(Array),
        response_status: 503,
        response_body: { why: 'asked' },
        error_code: 'HTTP_503',
        retry_after: 3,
        error_context: {
          step_id: '7',
          step_name: 'fetch_cart',
          status: 503,
          response: { why: 'asked' },
          headers: expect.objectContaining({ 'x-request-id': 'r7', 'set-cookie': '[left out]' }),
        },
      },
    });
    expect(
      (stored['error_details'] as { backtrace: string[] }).backtrace.length,
    ).toBeLessThanOrEqual(10);
  });

  test('a failed connection keeps its class and code', async () => {
    const failure = await failed(apiStepHandler(), { url: `${base}/drop` });
    expect(failure).toMatchObject({
      errorClass: 'TypeError',
      errorCode: 'UND_ERR_SOCKET',
      results: {
        error: true,
        error_details: { error_class: 'TypeError', error_code: 'UND_ERR_SOCKET' },
      },
    });
    expect(failure).not.toHaveProperty('retryable');
  });

  test('an error of another client waits by the Retry-After that it carries', async () => {
    const throwing = (status: number) =>
      apiStepHandler({
        process: () => {
          const response = { status, headers: { 'Retry-After': '11' } };
          throw Object.assign(new Error('client'), { response });
        },
      });
    expect(await failed(throwing(429), { url: base })).toMatchObject({ retryAfterSeconds: 11 });
    expect(await failed(throwing(500), { url: base })).not.toHaveProperty('retryAfterSeconds');
  });

  test('processResults failing keeps the response', async () => {
    const handler = apiStepHandler({
      processResults: () => {
        throw new RangeError('shape');
      },
    });
    expect(await failed(handler, { url: `${base}/json` })).toMatchObject({
      errorClass: 'RangeError',
      results: { error_details: { response_status: 200, response_body: { items: [1, 2] } } },
    });
  });
});

describe('bounds', () => {
  test('a request that takes too long fails as a timeout', async () => {
    expect(
      await failed(apiStepHandler(), { url: `${base}/hang`, timeout_seconds: 0.02 }),
    ).toMatchObject({
      errorClass: 'TimeoutError',
      results: { error_details: { error_class: 'TimeoutError' } },
    });
  });

  test("the step's timeout and its cancellation end the request", async () => {
    const config = { url: `${base}/hang` };
    expect(await run(apiStepHandler(), config, { timeoutSeconds: 0.02 })).toMatchObject({
      cause: 'timeout',
      abandoned: false,
    });
    const controller = new AbortController();
    const handler = apiStepHandler({
      process: (_step, connection) => {
        queueMicrotask(() => controller.abort('stop'));
        return connection.request();
      },
    });
    expect(await run(handler, config, { signal: controller.signal })).toMatchObject({
      kind: 'aborted',
      reason: 'stop',
      abandoned: false,
    });
  });

  test('a response that is too long is not read to its end', async () => {
    const config = { url: `${base}/large`, max_response_bytes: 1000 };
    expect(await failed(apiStepHandler(), config)).toMatchObject({
      errorCode: 'TASKER_RESULT_TOO_LARGE',
    });
    expect(await run(apiStepHandler(), { ...config, max_response_bytes: 100_000 })).toMatchObject({
      kind: 'completed',
    });
  });
});

describe('a wrong configuration', () => {
  test.each<[unknown, string]>([
    [{}, 'config.url'],
    [null, 'config.url'],
    [{ url: '/carts' }, 'config.url'],
    [{ url: 'ftp://host/x' }, 'config.url'],
    [{ url: 'http://' }, 'config.url'],
    [{ url: 'https://api/${CART}' }, 'config.url'],
    [{ url: 'http://host', params: 'a=1' }, 'config.params'],
    [{ url: 'http://host', headers: { a: 1 } }, 'config.headers.a'],
    [{ url: 'http://host', ssl: { ca_file: 1 } }, 'config.ssl.ca_file'],
    [{ url: 'http://host', ssl: { verify: 'no' } }, 'config.ssl.verify'],
    [{ url: 'http://host', timeout_seconds: 0 }, 'config.timeout_seconds'],
    [
      { url: 'http://host', enable_exponential_backoff: 'yes' },
      'config.enable_exponential_backoff',
    ],
  ])('%j fails the step for good', async (config, field) => {
    const failure = await failed(apiStepHandler(), config);
    expect(failure).toMatchObject({ errorCode: 'TASKER_BAD_ARGUMENT', retryable: false });
    expect(failure.message).toContain(`Option ${field} is `);
  });

  test('of the handler itself is refused at once; the config of a step wins over it', async () => {
    expect(() => apiStepHandler({ config: { url: 'nowhere' } })).toThrow(
      expect.objectContaining({ code: 'TASKER_BAD_ARGUMENT' }),
    );
    const handler = apiStepHandler({
      config: { url: 'http://127.0.0.1:1/', headers: { 'x-a': '1' } },
    });
    expect(await run(handler, { url: `${base}/json` })).toMatchObject({ kind: 'completed' });
    expect(requests.at(-1)!.headers['x-a']).toBe('1');
    expect((await failed(handler, null)).backtrace).toContain('Caused by: Error: bad port');
  });
});

describe('in a template', () => {
  const cart = {
    type: 'object',
    properties: { cart: { type: 'integer' } },
    required: ['cart'],
  } as const;

  test('a call within a handler knows context and parents, and its children its result', async () => {
    const template = defineTask({ namespace: 'n', name: 't', version: '1.0.0', context: cart })
      .step('session', () => ({ id: 5 }))
      .step('fetch', { after: ['session'], config: { url: `${base}/json` } }, (step) =>
        callApi(step, {
          process: ({ context }, connection) =>
            connection.request({
              params: { session: step.results.session.id, cart: context.cart },
            }),
          processResults: (_step, { status }) => ({ status }),
        }),
      )
      .step('count', { after: ['fetch'] }, ({ results }) => results.fetch.status + 1)
      .step('wrong', { after: ['session'] }, (step) =>
        callApi(step, {
          process: (_step, connection) =>
            // @ts-expect-error -- fetch is no parent of this step
            connection.request({ params: { status: step.results.fetch } }),
        }),
      )
      .step(
        'typed',
        { after: ['session'] },
        apiStepHandler<{ cart: number }, { session: { id: number } }>({
          process: ({ results }, connection) =>
            connection.request({ params: { session: results.session.id } }),
        }),
      )
      .build();
    const fetchStep = template.steps[1]!;
    const outcome = await runHandler(fetchStep.handler, {
      context: { cart: 9 },
      results: { session: { id: 5 } },
      attempt: 1,
      taskId: 1n,
      stepId: 2n,
      idempotencyKey: 'tsk_1-2',
      task: { taskId: 1n, namespace: 'n', name: 't', version: '1.0.0' },
      step: { stepId: 2n, name: 'fetch', attempt: 1, retryLimit: 3, previousResults: null },
      config: fetchStep.config,
    });
    expect(outcome).toMatchObject({ kind: 'completed', results: '{"status":200}' });
    expect(requests.at(-1)!.url).toBe('/json?session=5&cart=9');
  });

  test('a failing call stores its details too', async () => {
    const handler: StepHandler = (step) => callApi(step);
    expect(await failed(handler, { url: `${base}/?status=422` })).toMatchObject({
      errorCode: 'HTTP_422',
      results: { error_details: { response_status: 422 } },
    });
  });
});
