import { EVENT_CATALOG, ENVELOPE_FIELDS, PAYLOAD_FIELDS } from '../src/events/catalog.ts';
import { REGISTRY_EVENTS, ROUTER_EVENTS, ENGINE_EVENTS } from '../src/events/catalog-engine.ts';
import type { FieldDefinition, FieldTypes } from '../src/events/catalog-fields.ts';
import { STEP_EVENTS, TASK_EVENTS } from '../src/events/catalog-lifecycle.ts';
import {
  OBSERVABILITY_EVENTS,
  TELEMETRY_EVENTS,
  WORKFLOW_EVENTS,
} from '../src/events/catalog-workflow.ts';
import type { EventDefinition } from '../src/events/event-definition.ts';

type Events = Readonly<Record<string, EventDefinition>>;

const GROUPS: readonly (readonly [title: string, events: Events])[] = [
  ['Tasks', TASK_EVENTS],
  ['Steps', STEP_EVENTS],
  ['The loop', WORKFLOW_EVENTS],
  ['Observability', OBSERVABILITY_EVENTS],
  ['Telemetry', TELEMETRY_EVENTS],
  ['Registries', REGISTRY_EVENTS],
  ['The routing table of the Rails engine', ROUTER_EVENTS],
  ['This engine', ENGINE_EVENTS],
];

const TYPES: Readonly<Record<keyof FieldTypes, string>> = {
  id: 'text: digits of a 64-bit id',
  ids: 'list of ids',
  text: 'text',
  texts: 'list of texts',
  instant: 'text: ISO instant, µs, UTC',
  uuid: 'text: UUID',
  integer: 'whole number',
  seconds: 'number: seconds',
  number: 'number',
  boolean: 'boolean',
  json: 'any JSON',
};

/** The text of docs/events.md: every event and every field, from the catalogue. */
export function eventDocs(): string {
  const names = Object.keys(EVENT_CATALOG).length;
  return `# Events

Every fact is stated once: as a row of \`tasker_core_events\`, written by the statement that makes the
fact true, or, where nothing is stored, to the subscribers of the same process. There are ${names} names: those
of the Rails engine and those of this one. Below, in this order, what an application does with them,
the names, and the fields of the payloads.

## Publishing

An application registers its own events with a JSON Schema, and publishes them alone or in a
transaction of its own:

\`\`\`ts
const paid = tasker.events.registerEvent<{ orderId: string }>('order.paid', {
  type: 'object',
  required: ['orderId'],
  properties: { orderId: { type: 'string' } },
});
await tasker.events.publish(paid, { orderId: '7' }, { taskId, correlationId: 'web-1' });
await tasker.events.publishBatch(orders.map((payload) => ({ event: paid, payload })));
await em.transactional((em) => tasker.events.publish(paid, { orderId: '8' }, { em }));
\`\`\`

A name has parts with dots between. The parts \`task\`, \`step\`, \`workflow\`, \`observability\` and \`test\`
at the beginning, and every name below, are taken. A payload is refused by code, with the field: \`TASKER_UNKNOWN_EVENT\`,
\`TASKER_INVALID_EVENT\`, \`TASKER_EVENT_NOT_SERIALISABLE\`, \`TASKER_EVENT_TOO_LARGE\` (\`maxEventBytes\`, 1 MiB).

\`publish\` resolves when the event is committed; \`until: 'buffered'\` resolves as soon as the buffer has
room. Events that come together are stored together, in their order. When the buffer is full,
publishers wait; events registered as \`telemetry\` are dropped and counted. \`flush()\` waits for
everything; \`stop()\` does so for \`drainSeconds\`.

## Subscribing in the same process

\`\`\`ts
const off = tasker.events.on('step.failed', ({ payload }) => console.error(payload.error_message));
tasker.events.on('task.*', note, { filter: ({ taskId }) => taskId === mine });
tasker.events.on(paid, ({ payload }) => ship(payload.orderId));

class Audit {
  static readonly subscribesTo = ['task.completed', 'task.failed'];
  handle_task_completed(event) { … }
  handle_task_failed(event) { … }
}
tasker.events.connect(new Audit());
\`\`\`

Handlers are called after the commit, with what this process has stored: the events of its engine and
those that it published. What other processes do, operators' commands among them, only durable
subscribers learn. Each handler gets its events one after the other; one that throws is reported
(\`event_handler_failed\`) and goes on with the next. Of more than 10,000 events that wait for one
handler the latest are dropped, counted and reported (\`events_dropped\`). Nothing is done for names
that nobody wants.

## Names

*stored*: a row of the log. *in process*: told to subscribers of the same process, never stored.
*alias*: states the same fact as another event, and stands for that one where it is subscribed to.
*never*: a name that this engine has no use for. Fields beside the envelope; those in italics may be
absent.
${GROUPS.map(([title, events]) => groupDocs(title, events)).join('\n')}
## Fields

Every payload has the envelope:

${fieldTable(ENVELOPE_FIELDS)}

Fields that some payloads have, the same in every one of them:

${fieldTable(PAYLOAD_FIELDS)}

<!-- Generated from src/events/catalog.ts by \`npm run docs:events\`; edit the tables there. -->
`;
}

function groupDocs(title: string, events: Events): string {
  const rows = Object.entries(events).map(
    ([name, event]) =>
      `| \`${name}\` | ${event.fact} | ${statusOf(event)} | ${cell(fieldsOf(event).join(', '))} |`,
  );
  return `
### ${title}

| event | states | published | fields |
| --- | --- | --- | --- |
${rows.join('\n')}
`;
}

const STATUS = {
  durable: 'stored',
  in_process: 'in process',
  alias: 'alias',
  never: 'never',
} as const;

/** How it is published; where the sample workflows do not, why. */
function statusOf({ durability, aliasOf, unpublished }: EventDefinition): string {
  const status = aliasOf === undefined ? STATUS[durability] : `alias of \`${aliasOf}\``;
  return cell(unpublished === undefined ? status : `${status}; ${unpublished}`);
}

function fieldsOf({ requires, mayHave }: EventDefinition): string[] {
  const optional = mayHave.filter((name) => !requires.includes(name));
  return [...requires.map((name) => `\`${name}\``), ...optional.map((name) => `*${name}*`)];
}

function fieldTable(fields: Readonly<Record<string, FieldDefinition>>): string {
  const rows = Object.entries(fields).map(
    ([name, { type, nullable, says }]) =>
      `| \`${name}\` | ${TYPES[type]}${nullable ? ', or null' : ''} | ${cell(says)} |`,
  );
  return `| field | type | says |\n| --- | --- | --- |\n${rows.join('\n')}`;
}

const cell = (text: string): string => text.replaceAll('|', '\\|');
