import type { EVENT_CATALOG, EventName, EventPayload } from './catalog.ts';
import type { RegisteredEvent } from './event-registry.ts';
import type { InProcessEvent } from './in-process.ts';

/** The event that is published where a name is subscribed to: an alias stands for another one. */
export type PublishedName<Name extends EventName> = (typeof EVENT_CATALOG)[Name] extends {
  readonly aliasOf: infer Target extends EventName;
}
  ? Target
  : Name;

/** An event of the catalogue, by the name that was subscribed to. */
export type CatalogEvent<Name extends EventName> = InProcessEvent<
  EventPayload<PublishedName<Name>>
> & { readonly name: PublishedName<Name> };

/** What the payload of any event has. */
export type EventEnvelope = Pick<
  EventPayload<'engine.lease_expired'>,
  'event_id' | 'schema_version' | 'event_type' | 'timestamp' | 'correlation_id' | 'causation_id'
>;

/** A registered event: what it was published with, and the envelope. */
export type CustomEventOf<Payload extends object> = InProcessEvent<Payload & EventEnvelope>;

/** A name, or what `registerEvent` returned. */
export type EventReference<Payload extends object> = string | RegisteredEvent<Payload>;
