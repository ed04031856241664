import {
  ENVELOPE_FIELDS,
  EVENT_CATALOG,
  PAYLOAD_FIELDS,
  PAYLOAD_VERSION,
  type EventName,
} from './catalog.ts';
import type { FieldDefinition, FieldTypes } from './catalog-fields.ts';
import type { EventDefinition } from './event-definition.ts';

/** A JSON Schema (draft 7) as an object. */
export type PayloadSchema = Readonly<Record<string, unknown>>;

/** An instant of the log; the years that PostgreSQL prints have four digits or more. */
const INSTANT = String.raw`^(\d{4,6}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z|-?infinity)$`;
const UUID = '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$';

const TYPES: Readonly<Record<keyof FieldTypes, PayloadSchema>> = {
  id: { type: 'string', pattern: String.raw`^-?\d{1,19}$` },
  ids: { type: 'array', items: { type: 'string', pattern: String.raw`^-?\d{1,19}$` } },
  text: { type: 'string' },
  texts: { type: 'array', items: { type: 'string' } },
  instant: { type: 'string', pattern: INSTANT },
  uuid: { type: 'string', pattern: UUID },
  integer: { type: 'integer' },
  seconds: { type: 'number' },
  number: { type: 'number' },
  boolean: { type: 'boolean' },
  json: {},
};

/** The JSON Schema of a catalogued event's payload; members that it does not name are allowed. */
export function payloadSchema(name: EventName): PayloadSchema {
  const { fact, kind, requires, mayHave }: EventDefinition = EVENT_CATALOG[name];
  const own = [...new Set([...requires, ...mayHave])];
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: name,
    description: fact,
    type: 'object',
    required: [...Object.keys(ENVELOPE_FIELDS), ...requires],
    properties: {
      ...Object.fromEntries(
        Object.entries(ENVELOPE_FIELDS).map(([key, field]) => [key, schemaOf(field)]),
      ),
      schema_version: { const: PAYLOAD_VERSION },
      event_type: { const: kind },
      ...Object.fromEntries(own.map((key) => [key, schemaOf(PAYLOAD_FIELDS[key])])),
    },
  };
}

function schemaOf({ type, nullable, says }: FieldDefinition): PayloadSchema {
  const schema = TYPES[type];
  return nullable
    ? { anyOf: [schema, { type: 'null' }], description: says }
    : { ...schema, description: says };
}
