import type { TaskerError } from '../errors.ts';
import { badOption, numberOption, objectOption } from '../policies/bad-option.ts';

/** A query parameter; a list repeats its name, null and undefined leave it out. */
export type ApiParam = string | number | boolean | bigint | null | undefined;

/** Query parameters by name. */
export type ApiParams = Readonly<Record<string, ApiParam | readonly ApiParam[]>>;

/** How the server and, where asked for, the client identify themselves. */
export interface ApiSsl {
  /** False takes any certificate: for tests only. Default true. */
  readonly verify?: boolean;
  /** Files in PEM form: authorities to trust instead of the known ones, own certificate, its key. */
  readonly ca_file?: string;
  readonly cert_file?: string;
  readonly key_file?: string;
}

/** Configuration of an API step: the `handler_config` of a YAML template, by the same names. */
export interface ApiConfig {
  /** Absolute, http or https. */
  readonly url: string;
  /** Sent with every request; a request's own win. */
  readonly params?: ApiParams | null;
  /** Sent with every request; accept and, with a body, content-type are JSON unless named here. */
  readonly headers?: Readonly<Record<string, string>> | null;
  readonly ssl?: ApiSsl | null;
  /**
   * False or null: a failure without a Retry-After waits as in a Rails engine, 2 ^ n and at most 30
   * seconds, unless the step names a backoff. Default true.
   */
  readonly enable_exponential_backoff?: boolean | null;
  /** Longest time of one request, its body included; default 30. The step's own timeout holds beside it. */
  readonly timeout_seconds?: number;
  /** Longest response body; default 10 MiB. */
  readonly max_response_bytes?: number;
}

/** An {@link ApiConfig} that was checked, defaults filled in. */
export interface CheckedApiConfig {
  readonly url: URL;
  readonly params: ApiParams;
  readonly headers: Readonly<Record<string, string>>;
  readonly ssl: ApiSsl | undefined;
  readonly exponentialBackoff: boolean;
  readonly timeoutMs: number;
  readonly maxResponseBytes: number;
}

/**
 * Checks a configuration and fills in the defaults; keys that mean nothing here are left alone.
 *
 * @throws TaskerError `TASKER_BAD_ARGUMENT` naming the field and its value
 */
export function checkedApiConfig(options: unknown): CheckedApiConfig {
  const given = objectOption('config', options);
  return {
    url: checkedUrl(given['url']),
    params: objectOption('config.params', given['params'] ?? {}) as ApiParams,
    headers: checkedHeaders(given['headers'] ?? {}),
    ssl: checkedSsl(given['ssl']),
    // null is what a Rails engine makes of it, and false there
    exponentialBackoff: flag('enable_exponential_backoff', given['enable_exponential_backoff']),
    timeoutMs:
      1000 *
      numberOption(
        'config.timeout_seconds',
        given['timeout_seconds'] ?? undefined,
        30,
        0.001,
        86_400,
      ),
    maxResponseBytes: numberOption(
      'config.max_response_bytes',
      given['max_response_bytes'] ?? undefined,
      10_485_760,
      0,
      2 ** 30,
    ),
  };
}

function checkedUrl(url: unknown): URL {
  if (typeof url !== 'string') throw badUrl(url);
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol) || parsed.hostname === '') {
    throw badUrl(url);
  }
  if (url.includes('${')) throw badUrl(url);
  return parsed;
}

function badUrl(url: unknown): TaskerError {
  return badOption('config.url', url, 'an absolute http or https address without placeholders');
}

function checkedHeaders(headers: unknown): Readonly<Record<string, string>> {
  const given = objectOption('config.headers', headers);
  for (const [name, value] of Object.entries(given)) {
    if (typeof value !== 'string') throw badOption(`config.headers.${name}`, value, 'text');
  }
  return given as Record<string, string>;
}

function checkedSsl(ssl: unknown): ApiSsl | undefined {
  if (ssl === undefined || ssl === null) return undefined;
  const given = objectOption('config.ssl', ssl);
  for (const name of ['ca_file', 'cert_file', 'key_file']) {
    const file = given[name];
    if (file !== undefined && typeof file !== 'string') {
      throw badOption(`config.ssl.${name}`, file, 'the path of a file');
    }
  }
  const { verify } = given;
  if (verify !== undefined && typeof verify !== 'boolean') {
    throw badOption('config.ssl.verify', verify, 'true or false');
  }
  return given;
}

function flag(name: string, value: unknown): boolean {
  if (value === undefined) return true;
  if (value === null) return false;
  if (typeof value !== 'boolean') throw badOption(`config.${name}`, value, 'true, false or null');
  return value;
}
