import type { SubscriberHealth } from '../events/subscriptions.ts';
import { countText, factLines, oneLine, textTable } from './text-table.ts';

/** How a subscriber is, as JSON. */
export function subscriberJson(health: SubscriberHealth): object {
  return {
    name: health.name,
    state: health.state,
    lag_events: health.lagEvents,
    lag_is_more: health.lagIsMore,
    lag_since: health.lagSince ?? null,
    delivered: health.delivered,
    errors: health.errors,
    dead_letters: health.deadLetters,
    last_success_at: health.lastSuccessAt ?? null,
    last_error_at: health.lastErrorAt ?? null,
    last_error: health.lastError ?? null,
    parts: health.parts.map((part) => ({
      partition: part.partition,
      state: part.state,
      position: part.position,
      lag_events: part.lagEvents,
      lag_is_more: part.lagIsMore,
      lag_since: part.lagSince ?? null,
      delivered: part.delivered,
      errors: part.errors,
      dead_letters: part.deadLetters,
      last_success_at: part.lastSuccessAt ?? null,
      last_error_at: part.lastErrorAt ?? null,
      last_error: part.lastError ?? null,
      served_by: part.servedBy ?? null,
    })),
  };
}

/** Subscribers as a table. */
export function subscribersText(all: readonly SubscriberHealth[]): string {
  if (all.length === 0) return 'No durable subscribers.\n';
  return textTable(
    [
      { title: 'subscriber' },
      { title: 'state' },
      { title: 'parts served', align: 'right' },
      { title: 'behind', align: 'right' },
      { title: 'behind since' },
      { title: 'delivered', align: 'right' },
      { title: 'errors', align: 'right' },
      { title: 'dead letters', align: 'right' },
    ],
    all.map((health) => [
      oneLine(health.name, 60),
      health.state,
      `${health.parts.filter(({ servedBy }) => servedBy !== undefined).length} of ${health.parts.length}`,
      lagText(health),
      health.lagSince ?? '',
      countText(Number(health.delivered)),
      countText(Number(health.errors)),
      countText(health.deadLetters),
    ]),
  );
}

/** A subscriber as lines of facts and a table of its parts. */
export function subscriberText(health: SubscriberHealth): string {
  const facts = factLines([
    ['subscriber', oneLine(health.name)],
    ['state', health.state],
    ['behind', `${lagText(health)} events${since(health.lagSince)}`],
    [
      'delivered',
      `${countText(Number(health.delivered))}, last ${health.lastSuccessAt ?? 'never'}`,
    ],
    ['errors', `${countText(Number(health.errors))}, last ${health.lastErrorAt ?? 'never'}`],
    ['last error', oneLine(health.lastError ?? '')],
    ['dead letters', countText(health.deadLetters)],
  ]);
  const table = textTable(
    [
      { title: 'part', align: 'right' },
      { title: 'position' },
      { title: 'behind', align: 'right' },
      { title: 'delivered', align: 'right' },
      { title: 'errors', align: 'right' },
      { title: 'served by session' },
    ],
    health.parts.map((part) => [
      String(part.partition),
      part.position,
      lagText(part),
      countText(Number(part.delivered)),
      countText(Number(part.errors)),
      String(part.servedBy ?? 'none'),
    ]),
  );
  return `${facts}\n${table}`;
}

const since = (instant: string | undefined): string =>
  instant === undefined ? '' : `, since ${instant}`;

const lagText = (lag: { readonly lagEvents: number; readonly lagIsMore: boolean }): string =>
  `${countText(lag.lagEvents)}${lag.lagIsMore ? '+' : ''}`;
