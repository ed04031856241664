import { createHmac, timingSafeEqual } from 'node:crypto';

import { TaskerError } from '../errors.ts';

/** Least bytes of a secret. */
const LEAST_SECRET = 24;

/** Longest signature header that is looked at. */
const MOST_HEADER = 4096;

/** A secret, or several while one is replaced by another: text, or base64 after `whsec_`. */
export type WebhookSecret = string | readonly string[];

/** The headers that a signed delivery has beside those of HTTP. */
export interface WebhookHeaders {
  /** The event's id: the same at every attempt, so that the receiver can tell repetitions. */
  readonly 'webhook-id': string;
  /** When this attempt was signed, whole seconds since the epoch. */
  readonly 'webhook-timestamp': string;
  /** `v1,` and the base64 of the HMAC, once for each secret, separated by blanks. */
  readonly 'webhook-signature': string;
}

/**
 * The keys of secrets.
 *
 * Errors: TASKER_BAD_ARGUMENT, which does not show the secret.
 */
export function webhookKeys(secret: WebhookSecret): Buffer[] {
  const secrets: readonly unknown[] = Array.isArray(secret) ? secret : [secret];
  const keys = secrets.map((each) => {
    if (typeof each !== 'string') return Buffer.alloc(0);
    if (!each.startsWith('whsec_')) return Buffer.from(each, 'utf8');
    const text = each.slice('whsec_'.length);
    return /^[A-Za-z0-9+/]+={0,2}$/.test(text) ? Buffer.from(text, 'base64') : Buffer.alloc(0);
  });
  if (keys.length > 0 && keys.every((key) => key.length >= LEAST_SECRET)) return keys;
  throw new TaskerError('TASKER_BAD_ARGUMENT', 'Option secret is none.', {
    remedy: `It must be a text, or base64 after whsec_, of at least ${LEAST_SECRET} bytes, or a list of such.`,
    data: { field: 'secret' },
  });
}

/**
 * Signs a body: HMAC-SHA256 over `id.timestamp.body`. Source: the scheme of Standard Webhooks 1.0.0,
 * symmetric.
 *
 * @param seconds whole seconds since the epoch
 */
export function signWebhook(
  keys: readonly Buffer[],
  id: string,
  seconds: number,
  body: string | Uint8Array,
): WebhookHeaders {
  return {
    'webhook-id': id,
    'webhook-timestamp': String(seconds),
    'webhook-signature': keys
      .map((key) => `v1,${digest(key, id, String(seconds), body).toString('base64')}`)
      .join(' '),
  };
}

function digest(key: Buffer, id: string, seconds: string, body: string | Uint8Array): Buffer {
  return createHmac('sha256', key).update(`${id}.${seconds}.`).update(body).digest();
}

/** Options of {@link verifyWebhook}. */
export interface VerifyWebhookOptions {
  readonly secret: WebhookSecret;
  /** Seconds by which clocks may differ and a delivery may be late. Default 300. */
  readonly toleranceSeconds?: number;
  /** Milliseconds since the epoch; default now. */
  readonly nowMs?: number;
}

/** A request as the receiver has it: the body's bytes as they came, not parsed and written again. */
export interface ReceivedWebhook {
  readonly headers: Headers | Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: string | Uint8Array;
}

/**
 * Checks a delivery in the receiver: the signature in constant time, then the age. One secret of
 * several is enough on either side.
 *
 * @returns the delivery's id (the event's) by which the receiver tells a repetition
 *
 * Errors: TASKER_WEBHOOK_SIGNATURE; TASKER_BAD_ARGUMENT for a secret that is none. O(body).
 */
export function verifyWebhook(request: ReceivedWebhook, options: VerifyWebhookOptions): string {
  const { secret, toleranceSeconds = 300, nowMs = Date.now() } = options;
  const keys = webhookKeys(secret);
  const id = headerOf(request.headers, 'webhook-id');
  const seconds = headerOf(request.headers, 'webhook-timestamp');
  const signatures = headerOf(request.headers, 'webhook-signature');
  if (!/^\d{1,15}$/.test(seconds)) throw refused('The header webhook-timestamp is none.');
  const given = signatures
    .slice(0, MOST_HEADER)
    .split(' ')
    .filter((each) => each.startsWith('v1,'))
    .map((each) => Buffer.from(each.slice('v1,'.length), 'base64'));
  let isSigned = false;
  for (const key of keys) {
    const wanted = digest(key, id, seconds, request.body);
    for (const each of given) {
      // every pair is compared: the time says nothing about which one fits
      if (each.length === wanted.length && timingSafeEqual(each, wanted)) isSigned = true;
    }
  }
  if (!isSigned) throw refused('No signature fits the body.');
  const age = Math.abs(nowMs / 1000 - Number(seconds));
  if (!(age <= toleranceSeconds)) throw refused(`It is ${Math.round(age)} s away from now.`);
  return id;
}

function headerOf(headers: ReceivedWebhook['headers'], name: string): string {
  const value =
    headers instanceof Headers
      ? headers.get(name)
      : Object.entries(headers).find(([key]) => key.toLowerCase() === name)?.[1];
  if (typeof value === 'string' && value !== '') return value;
  throw refused(`The header ${name} is missing.`);
}

function refused(why: string): TaskerError {
  return new TaskerError('TASKER_WEBHOOK_SIGNATURE', `The webhook is refused. ${why}`, {
    remedy: 'Answer with status 401, and compare the secrets and the clocks of both sides.',
  });
}
