import { randomUUID } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { describe, expect, it, onTestFinished } from 'vitest';

import type { StoredEvent } from '../../src/events/stored-event.ts';
import type { Delivery } from '../../src/events/subscriber-definition.ts';
import { signWebhook, verifyWebhook, webhookKeys } from '../../src/events/webhook-signature.ts';
import { webhookHandler, type WebhookOptions } from '../../src/events/webhook.ts';

const SECRET = 'a secret of twenty-four!';
const OTHER = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const SLOW = { timeout: 30_000 };

interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly path: string;
}

/** A receiver that answers as it is told. */
async function receiver(
  answer: (response: ServerResponse, count: number) => void,
): Promise<{ url: string; received: Received[]; close: () => Promise<void> }> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => (body += chunk));
    request.on('end', () => {
      received.push({ headers: request.headers, body, path: request.url ?? '' });
      answer(response, received.length);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  onTestFinished(close);
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/hooks/very-secret-path`, received, close };
}

const status =
  (code: number, headers: Record<string, string> = {}) =>
  (response: ServerResponse): void =>
    void response.writeHead(code, headers).end('{}');

const eventOf = (at: number): StoredEvent => ({
  position: `1-${at}`,
  eventId: randomUUID(),
  name: 'order.paid',
  taskId: 9_007_199_254_740_993n,
  stepId: undefined,
  createdAt: '2030-01-02T03:04:05.000006Z',
  payload: { at, text: 'ä€😀' },
});

type Deliver = (event: StoredEvent, signal?: AbortSignal) => Promise<unknown>;

function deliveries(options: Partial<WebhookOptions> & { url: string }): Deliver {
  const handler = webhookHandler({ secret: SECRET, ...options });
  return async (event, signal = new AbortController().signal) => {
    const delivery: Partial<Delivery> = { attempt: 3, signal };
    return handler(event, delivery as Delivery);
  };
}

const caught = async (work: Promise<unknown>): Promise<Record<string, unknown>> =>
  work.then(
    () => ({}),
    (error: unknown) => error as Record<string, unknown>,
  );

describe('webhooks', () => {
  it('post an event that the receiver can verify', async () => {
    const { url, received } = await receiver(status(204));
    const event = eventOf(1);
    const headers = { authorization: 'Bearer x' };
    await deliveries({ url, secret: [OTHER, SECRET], headers })(event);
    const [request] = received;
    expect(request).toMatchObject({
      path: '/hooks/very-secret-path',
      headers: {
        authorization: 'Bearer x',
        'content-type': 'application/json',
        'webhook-id': event.eventId,
        'tasker-event': 'order.paid',
        'tasker-attempt': '3',
      },
    });
    expect(JSON.parse(request!.body)).toEqual({
      event_id: event.eventId,
      name: 'order.paid',
      task_id: '9007199254740993',
      step_id: null,
      created_at: event.createdAt,
      payload: event.payload,
    });
    expect(verifyWebhook(request!, { secret: SECRET })).toBe(event.eventId);
    expect(verifyWebhook(request!, { secret: [`${SECRET} of before`, OTHER] })).toBe(event.eventId);
  });

  it('are refused when anything was altered, forged or is old', () => {
    const keys = webhookKeys(SECRET);
    const nowMs = 1_700_000_000_000;
    const body = Buffer.from('{"a":1}');
    const headers = { ...signWebhook(keys, 'id', nowMs / 1000, body) };
    const verify = (change: object, options: object = {}): string =>
      verifyWebhook({ headers, body, ...change }, { secret: SECRET, nowMs, ...options });
    expect(verify({})).toBe('id');
    expect(verify({ headers: new Headers(headers), body: '{"a":1}' })).toBe('id');
    const shouted = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name.toUpperCase(), value]),
    );
    expect(verify({ headers: shouted })).toBe('id');
    expect(verify({}, { nowMs: nowMs + 300_000 })).toBe('id');

    const refused = expect.objectContaining({ code: 'TASKER_WEBHOOK_SIGNATURE' });
    const altered = (name: string, value: string | undefined): object => ({
      headers: { ...headers, [name]: value },
    });
    for (const change of [
      { body: '{"a":2}' },
      altered('webhook-id', 'other'),
      altered('webhook-timestamp', String(nowMs / 1000 + 1)),
      altered('webhook-timestamp', '1e9'),
      altered('webhook-timestamp', undefined),
      altered('webhook-signature', ''),
      altered('webhook-signature', 'v1,'),
      altered('webhook-signature', headers['webhook-signature'].replace('v1', 'v2')),
      altered('webhook-signature', headers['webhook-signature'].slice(0, -6)),
    ]) {
      expect(() => verify(change), JSON.stringify(change)).toThrow(refused);
    }
    expect(() => verify({}, { secret: OTHER })).toThrow(refused);
    expect(() => verify({}, { nowMs: nowMs + 301_000 })).toThrow(refused);
    expect(() => verify({}, { nowMs: nowMs - 301_000 })).toThrow(refused);
  });

  it('sign as Standard Webhooks do', () => {
    // the example of the scheme's own libraries
    const [key] = webhookKeys('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw');
    expect(
      signWebhook([key!], 'msg_p5jXN8AQM9LWM0D4loKWxJek', 1_614_265_330, '{"test": 2432232314}'),
    ).toMatchObject({ 'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=' });
  });

  it('are repeated after 500s and what else may heal, when the receiver says', async () => {
    const { url } = await receiver((response, count) =>
      status([500, 429, 404][count - 1]!, count === 2 ? { 'retry-after': '17' } : {})(response),
    );
    const deliver = deliveries({ url });
    const failures = [];
    for (const at of [1, 2, 3]) failures.push(await caught(deliver(eventOf(at))));
    expect(failures).toMatchObject([
      { code: 'TASKER_WEBHOOK_FAILED', retryable: true, data: { status: 500 } },
      { retryable: true, retryAfterSeconds: 17, data: { status: 429 } },
      { retryable: true, data: { status: 404 } },
    ]);
    expect(failures[0]!['retryAfterSeconds']).toBeUndefined();
  });

  it('end for good with 410 and with a redirect, which is not followed', async () => {
    const { url, received } = await receiver((response, count) =>
      count === 1 ? status(410)(response) : status(307, { location: '/elsewhere' })(response),
    );
    const deliver = deliveries({ url });
    expect(await caught(deliver(eventOf(1)))).toMatchObject({
      retryable: false,
      data: { status: 410 },
    });
    expect(await caught(deliver(eventOf(2)))).toMatchObject({
      retryable: false,
      data: { status: 307, reason: 'redirect' },
    });
    expect(received.map(({ path }) => path)).not.toContain('/elsewhere');
  });

  it('give up on a receiver that is slow, before its answer and within it', async () => {
    const { url, received } = await receiver((response, count) => {
      if (count === 2) response.writeHead(200).write('{');
    });
    const deliver = deliveries({ url, timeoutSeconds: 0.2 });
    for (const at of [1, 2]) {
      expect(await caught(deliver(eventOf(at)))).toMatchObject({
        code: 'TASKER_WEBHOOK_FAILED',
        retryable: true,
        data: { reason: 'timeout' },
      });
    }
    const stop = new AbortController();
    const reason = new Error('the subscriber stops');
    const slow = caught(deliveries({ url })(eventOf(3), stop.signal));
    await expect.poll(() => received.length, SLOW).toBe(3);
    stop.abort(reason);
    expect(await slow).toBe(reason);
  });

  it('show no secret, path or header where they fail', async () => {
    const { url, close } = await receiver(status(204));
    await close();
    const headers = { authorization: 'Bearer hidden' };
    const down = await caught(deliveries({ url, headers })(eventOf(1)));
    expect(down).toMatchObject({
      code: 'TASKER_WEBHOOK_FAILED',
      retryable: true,
      data: { origin: new URL(url).origin, reason: 'ECONNREFUSED' },
    });
    const bad: readonly Partial<WebhookOptions>[] = [
      { secret: 'hidden' },
      { secret: [] },
      { secret: 'whsec_hidden' },
      { url: 'ftp://host/hidden' },
      { url: 'https://user:hidden@host/' },
      { headers: { 'x-key': 'hidden\n1' } },
      { headers: { 'webhook-id': 'hidden' } },
      { timeoutSeconds: 0 },
      { circuitBreaker: { failureRate: 2 } },
      { hidden: 1 } as object,
    ];
    const refusals = bad.map((options) => {
      try {
        webhookHandler({ url, secret: SECRET, ...options });
        return undefined;
      } catch (error) {
        return error as Error;
      }
    });
    for (const refusal of refusals) {
      expect(refusal).toMatchObject({ code: 'TASKER_BAD_ARGUMENT' });
    }
    const shown = [down as unknown as Error, ...refusals.slice(0, -1)].map(
      (error) =>
        `${error?.message} ${error?.stack} ${JSON.stringify(error)} ${String(error?.cause)}`,
    );
    expect(shown.filter((text) => /hidden|very-secret|twenty-four/.test(text))).toEqual([]);
  });

  it('are held back while the circuit is open, and go on when the receiver is back', async () => {
    let underWay = 0;
    const atOnce: number[] = [];
    const { url, received } = await receiver((response, count) => {
      atOnce.push(++underWay);
      response.once('close', () => underWay--);
      status(count <= 4 ? 503 : 200)(response);
    });
    const deliver = deliveries({
      url,
      circuitBreaker: {
        consecutiveFailures: 3,
        openSeconds: 0.2,
        openGrowth: 1,
        probeSuccesses: 1,
      },
    });
    for (const at of [1, 2, 3]) await caught(deliver(eventOf(at)));
    const held = await Promise.allSettled(
      Array.from({ length: 20 }, async (_, at) => deliver(eventOf(10 + at))),
    );
    // the one probe that came while the receiver was still down
    expect(held.filter((result) => result.status === 'rejected')).toHaveLength(1);
    expect(received).toHaveLength(23);
    expect(atOnce.slice(0, 5)).toEqual([1, 1, 1, 1, 1]);
  });

  it('that are held back end with the delivery', async () => {
    const { url, received } = await receiver(status(503));
    const circuitBreaker = { consecutiveFailures: 1, openSeconds: 300 };
    const deliver = deliveries({ url, circuitBreaker });
    await caught(deliver(eventOf(1)));
    const stop = new AbortController();
    const waiting = caught(deliver(eventOf(2), stop.signal));
    const reason = new Error('the subscriber stops');
    stop.abort(reason);
    expect(await waiting).toBe(reason);
    expect(received).toHaveLength(1);
  });
});
