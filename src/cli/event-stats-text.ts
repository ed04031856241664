import type { EventStats } from '../events/event-stats.ts';
import type { CommandContext } from './command-context.ts';
import { EXIT_CODES, type ExitCode } from './exit-codes.ts';
import { jsonText } from './json-text.ts';
import { withSession, type SessionOptions } from './operator-command.ts';
import { subscriberJson, subscribersText } from './subscriber-text.ts';
import { bytesText, countOf, countText, oneLine, textTable } from './text-table.ts';

/** Options of `tasker events stats`. */
export interface StatsOptions extends SessionOptions {
  /** µs since the epoch. */
  readonly since?: number;
}

/** `tasker events stats`. */
export async function statsCommand(
  context: CommandContext,
  options: StatsOptions,
): Promise<ExitCode> {
  const { eventStats } = await import('../events/event-stats.ts');
  const stats = await withSession(context, options, (client) => eventStats(client, options.since));
  context.print(options.json === true ? jsonText(statsJson(stats)) : statsText(stats));
  return EXIT_CODES.done;
}

function statsJson(stats: EventStats): object {
  return {
    total: stats.total,
    last_minute_rate: stats.lastMinuteRate,
    last_hour_rate: stats.lastHourRate,
    events: stats.events.map((event) => ({
      name: event.name,
      count: event.count,
      last_minute: event.lastMinute,
      last_hour: event.lastHour,
      last_at: event.lastAt,
    })),
    partitions: stats.partitions.map(({ name, from, until, bytes }) => ({
      name,
      from: from ?? null,
      until: until ?? null,
      bytes,
    })),
    subscribers: stats.subscribers.map(subscriberJson),
  };
}

function statsText(stats: EventStats): string {
  const { total, lastMinuteRate, lastHourRate, events, partitions, subscribers } = stats;
  const rates = `${rateText(lastMinuteRate)} a second in the last minute, ${rateText(lastHourRate)} in the last hour`;
  const names = textTable(
    [
      { title: 'event' },
      { title: 'count', align: 'right' },
      { title: 'last minute', align: 'right' },
      { title: 'last hour', align: 'right' },
      { title: 'last' },
    ],
    events.map((event) => [
      oneLine(event.name, 60),
      countText(event.count),
      countText(event.lastMinute),
      countText(event.lastHour),
      event.lastAt,
    ]),
  );
  const parts = textTable(
    [
      { title: 'partition' },
      { title: 'from' },
      { title: 'until' },
      { title: 'size', align: 'right' },
    ],
    partitions.map(({ name, from, until, bytes }) => [
      name,
      from ?? '',
      until ?? '',
      bytesText(bytes),
    ]),
  );
  return `${countOf(total, 'event')}, ${rates}\n\n${names}\n${parts}\n${subscribersText(subscribers)}`;
}

const rateText = (rate: number): string =>
  rate >= 100 ? countText(Math.round(rate)) : String(Number(rate.toFixed(2)));
