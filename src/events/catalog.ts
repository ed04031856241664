import { ENGINE_EVENTS, REGISTRY_EVENTS, ROUTER_EVENTS } from './catalog-engine.ts';
import {
  ENVELOPE_FIELDS,
  PAYLOAD_FIELDS,
  type FieldDefinition,
  type FieldTypes,
  type PayloadField,
} from './catalog-fields.ts';
import { STEP_EVENTS, TASK_EVENTS } from './catalog-lifecycle.ts';
import { OBSERVABILITY_EVENTS, TELEMETRY_EVENTS, WORKFLOW_EVENTS } from './catalog-workflow.ts';
import type { EventDefinition } from './event-definition.ts';

/**
 * Every event that there is: the names of the Rails engine and those of this one. Types, schemas and
 * `docs/events.md` follow from it.
 */
export const EVENT_CATALOG = {
  ...TASK_EVENTS,
  ...STEP_EVENTS,
  ...WORKFLOW_EVENTS,
  ...OBSERVABILITY_EVENTS,
  ...TELEMETRY_EVENTS,
  ...REGISTRY_EVENTS,
  ...ROUTER_EVENTS,
  ...ENGINE_EVENTS,
} as const satisfies Readonly<Record<string, EventDefinition>>;

/** Name of a catalogued event. */
export type EventName = keyof typeof EVENT_CATALOG;

/** Version of the payloads; raised when a field changes its meaning. */
export const PAYLOAD_VERSION = 1;

/** The definition of a name, or undefined where the catalogue has none. O(1). */
export function eventDefinition(name: string): EventDefinition | undefined {
  return Object.hasOwn(EVENT_CATALOG, name) ? EVENT_CATALOG[name as EventName] : undefined;
}

type ValueOf<Field extends FieldDefinition> = Field['nullable'] extends true
  ? FieldTypes[Field['type']] | null
  : FieldTypes[Field['type']];

type Fields = typeof PAYLOAD_FIELDS;
type Envelope = {
  readonly [Key in keyof typeof ENVELOPE_FIELDS]: ValueOf<(typeof ENVELOPE_FIELDS)[Key]>;
};
type Entry<Name extends EventName> = (typeof EVENT_CATALOG)[Name];
type Flat<T> = { [Key in keyof T]: T[Key] };

/** The payload of a catalogued event. */
export type EventPayload<Name extends EventName> = Flat<
  Envelope & {
    readonly [Key in Entry<Name>['requires'][number] & PayloadField]: ValueOf<Fields[Key]>;
  } & {
    readonly [
      Key in Exclude<Entry<Name>['mayHave'][number] & PayloadField, Entry<Name>['requires'][number]>
    ]?: ValueOf<Fields[Key]>;
  }
>;

export { ENVELOPE_FIELDS, PAYLOAD_FIELDS };
