import { setTimeout as sleep } from 'node:timers/promises';

import type { Session } from '../database/atomically.ts';
import type { Replay } from '../database/event-store/replay-requests.ts';
import type { CommandContext } from './command-context.ts';
import { EXIT_CODES, type ExitCode } from './exit-codes.ts';
import { jsonText } from './json-text.ts';
import { auditRequest, withSession, type ActionOptions } from './operator-command.ts';
import type { Progress } from './progress.ts';
import { countOf, countText, oneLine, textTable } from './text-table.ts';

/** Options of `tasker events replay`. */
export interface ReplayOptions extends ActionOptions {
  readonly from: string;
  readonly until?: string;
  readonly event?: readonly string[];
  readonly task?: bigint;
  readonly rate?: number;
  readonly detach?: true;
}

/** Options of `tasker events replays`. */
export interface ReplaysOptions extends ActionOptions {
  readonly subscriber?: string;
  readonly open?: true;
  readonly limit: number;
  readonly cursor?: string;
}

/** Milliseconds between two looks at how far a replay is. */
const POLL = 250;

const api = () => import('../events/replay.ts');

/** `tasker events replay`: asks for it, and waits until it is over. */
export async function replayCommand(
  context: CommandContext,
  subscriber: string,
  options: ReplayOptions,
): Promise<ExitCode> {
  const { replayEvents } = await api();
  const { from, until, event: names, task: taskId, rate } = options;
  const request = {
    ...auditRequest(options),
    subscriber,
    from,
    ...(until === undefined ? {} : { until }),
    ...(names === undefined ? {} : { names }),
    ...(taskId === undefined ? {} : { taskId }),
    ...(rate === undefined ? {} : { rate }),
  };
  const replay = await withSession(context, options, async (client, progress) => {
    const asked = await replayEvents(client, request);
    return options.detach === true ? asked : waitFor(context, client, progress, asked);
  });
  context.print(options.json === true ? jsonText(replayJson(replay)) : replayText(replay));
  return replay.state === 'cancelled' ? EXIT_CODES.failed : EXIT_CODES.done;
}

async function waitFor(
  context: CommandContext,
  client: Session,
  progress: Progress,
  asked: Replay,
): Promise<Replay> {
  const { replay } = await api();
  progress.phase(`replay ${asked.replayId}`);
  let latest = asked;
  if (latest.state === 'open') await noteIdle(context, client, asked);
  while (latest.state === 'open') {
    progress.update(latest.seen, latest.total, 'events');
    await sleep(POLL, undefined, { signal: context.signal });
    latest = await replay(client, asked.replayId);
  }
  return latest;
}

/** Says why nothing will happen, where nothing will. */
async function noteIdle(
  context: CommandContext,
  client: Session,
  { replayId, subscriber }: Replay,
): Promise<void> {
  const { oneSubscriber } = await import('../events/subscriptions.ts');
  const { state, parts } = await oneSubscriber(client, subscriber);
  const idle = parts.some(({ servedBy }) => servedBy === undefined);
  if (state !== 'paused' && !idle) return;
  const why = state === 'paused' ? 'is paused' : 'runs nowhere, or not with all its parts';
  context.note(
    `tasker: ${oneLine(subscriber)} ${why}: replay ${replayId} waits, also when this command is stopped.\n`,
  );
}

/** `tasker events replays`. */
export async function replaysCommand(
  context: CommandContext,
  options: ReplaysOptions,
): Promise<ExitCode> {
  const { listReplays } = await api();
  const { subscriber, open, limit, cursor } = options;
  const query = {
    limit,
    ...(subscriber === undefined ? {} : { subscriber }),
    ...(open === undefined ? {} : { open }),
    ...(cursor === undefined ? {} : { cursor }),
  };
  const { replays, next } = await withSession(context, options, (client) =>
    listReplays(client, query),
  );
  const more = next === undefined ? '' : `\nThere are more: --cursor ${next}\n`;
  context.print(
    options.json === true
      ? jsonText({ replays: replays.map(replayJson), next: next ?? null })
      : replaysText(replays) + more,
  );
  return EXIT_CODES.done;
}

/** `tasker events cancel-replay`. */
export async function cancelReplayCommand(
  context: CommandContext,
  replayId: bigint,
  options: ActionOptions,
): Promise<ExitCode> {
  const { cancelReplay } = await api();
  const { replay, alreadyDone } = await withSession(context, options, (client) =>
    cancelReplay(client, replayId, auditRequest(options)),
  );
  const nothing = alreadyDone ? `Nothing to do: it is ${replay.state}. ` : '';
  context.print(
    options.json === true
      ? jsonText({ ...replayJson(replay), already_done: alreadyDone })
      : `${nothing}${replayText(replay)}`,
  );
  return EXIT_CODES.done;
}

function replayJson(replay: Replay): object {
  return {
    replay_id: replay.replayId,
    subscriber: replay.subscriber,
    state: replay.state,
    rate: replay.rate ?? null,
    total: replay.total,
    seen: replay.seen,
    delivered: replay.delivered,
    errors: replay.errors,
    created_at: replay.createdAt,
    updated_at: replay.updatedAt,
    finished_at: replay.finishedAt ?? null,
  };
}

const STATES = { open: 'is under way', finished: 'is over', cancelled: 'was cancelled' } as const;

const replayText = (replay: Replay): string =>
  `Replay ${replay.replayId} to ${oneLine(replay.subscriber)} ${STATES[replay.state]}: ${countText(replay.seen)} of ${countOf(replay.total, 'event')}, ${countText(replay.delivered)} delivered, ${countOf(replay.errors, 'failed attempt')}.\n`;

function replaysText(replays: readonly Replay[]): string {
  if (replays.length === 0) return 'No replays.\n';
  return textTable(
    [
      { title: 'id', align: 'right' },
      { title: 'subscriber' },
      { title: 'state' },
      { title: 'events', align: 'right' },
      { title: 'of', align: 'right' },
      { title: 'delivered', align: 'right' },
      { title: 'errors', align: 'right' },
      { title: 'asked for' },
    ],
    replays.map((replay) => [
      String(replay.replayId),
      oneLine(replay.subscriber, 60),
      replay.state,
      countText(replay.seen),
      countText(replay.total),
      countText(replay.delivered),
      countText(replay.errors),
      replay.createdAt,
    ]),
  );
}
