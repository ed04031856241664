import { EngineSession } from '../database/engine/engine-session.ts';
import { LONGEST_NOTICE, sendNotices } from '../database/event-store/event-notices.ts';
import { badOption, knownKeys, objectOption } from '../policies/bad-option.ts';
import type { StoredEvent } from './stored-event.ts';
import type { EventHandler } from './subscriber-definition.ts';

/** Options of {@link notifyBridge}. */
export interface NotifyBridgeOptions {
  /** PostgreSQL URL of the database on which notices are sent. */
  readonly url: string;
  /** Channel of the notices: 1 to 63 bytes. Those of this package (`tasker_core_…`) are refused. */
  readonly channel: string;
  /** Names, or `task.*` for all that begin so, or `*`. Default: all that the subscriber gets. */
  readonly names?: readonly string[] | undefined;
}

/** Notices that one statement sends at most. */
const MOST_AT_ONCE = 500;

/**
 * Tells sessions that `LISTEN` on a channel of events: a handler for a durable subscriber, whose
 * events it sends again as notices. What one delivery hands over at once is sent by one commit, in
 * its order. A notice is JSON: `event_id`, `name`, `task_id`, `step_id`, `created_at` and `payload`;
 * where that has no room in a notice, only the first three, and `truncated`.
 *
 * A notice reaches those who listen at that moment: who must miss none reads the log.
 *
 * Errors: TASKER_BAD_ARGUMENT names the option.
 */
export function notifyBridge(options: NotifyBridgeOptions): NotifyBridge {
  const given = objectOption('options', options);
  knownKeys('options', given, ['url', 'channel', 'names']);
  const { url, channel, names = ['*'] } = options;
  if (typeof url !== 'string' || url === '') throw badOption('url', '…', 'a PostgreSQL URL');
  const isText = typeof channel === 'string' && channel !== '' && !channel.includes('\0');
  if (!isText || Buffer.byteLength(channel) > 63 || /^tasker_core_/i.test(channel)) {
    throw badOption(
      'channel',
      channel,
      'a name of 1 to 63 bytes that does not begin with tasker_core_',
    );
  }
  const isName = (name: unknown): boolean =>
    typeof name === 'string' && /^(?:\*|[^*]+|[^*]+\.\*)$/.test(name);
  if (!Array.isArray(names) || !names.every(isName)) {
    throw badOption('names', names, 'a list of names, of names that end in .*, or of *');
  }
  return new NotifyBridge(url, channel, names);
}

interface Waiting {
  readonly notice: string;
  readonly sent: PromiseWithResolvers<void>;
}

/** What {@link notifyBridge} makes: the handler, and the session that it has. */
export class NotifyBridge implements AsyncDisposable {
  readonly #session: EngineSession;
  readonly #channel: string;
  readonly #names: readonly string[];
  #waiting: Waiting[] = [];
  #sending = false;

  /** @internal */
  constructor(url: string, channel: string, names: readonly string[]) {
    this.#session = new EngineSession({ url, applicationName: 'tasker-core notify bridge' });
    this.#channel = channel;
    this.#names = names;
  }

  /** For `subscribe`; it is done when the notice is committed. */
  readonly handler: EventHandler = async (event) => {
    if (!this.#names.some((pattern) => fits(event.name, pattern))) return;
    const sent = Promise.withResolvers<void>();
    this.#waiting.push({ notice: noticeOf(event), sent });
    if (!this.#sending) void this.#sendAll();
    await sent.promise;
  };

  /** Ends the session; what is not sent yet fails. Idempotent. */
  async stop(): Promise<void> {
    await this.#session.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #sendAll(): Promise<void> {
    this.#sending = true;
    // what the same turn of the loop hands over goes with the first
    await new Promise(setImmediate);
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, MOST_AT_ONCE);
      const notices = batch.map(({ notice }) => notice);
      try {
        await sendNotices(this.#session.queries, this.#channel, notices);
        for (const { sent } of batch) sent.resolve();
      } catch (error) {
        for (const { sent } of batch) sent.reject(error);
      }
    }
    this.#sending = false;
  }
}

const fits = (name: string, pattern: string): boolean =>
  pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;

function noticeOf(event: StoredEvent): string {
  const id = (value: bigint | undefined): string | null =>
    value === undefined ? null : String(value);
  const short = { event_id: event.eventId, name: event.name, task_id: id(event.taskId) };
  const notice = JSON.stringify({
    ...short,
    step_id: id(event.stepId),
    created_at: event.createdAt,
    payload: event.payload,
  });
  if (Buffer.byteLength(notice) <= LONGEST_NOTICE) return notice;
  return JSON.stringify({ ...short, truncated: true });
}
