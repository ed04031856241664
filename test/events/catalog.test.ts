import { describe, expect, expectTypeOf, it } from 'vitest';

import {
  EVENT_CATALOG,
  eventDefinition,
  PAYLOAD_FIELDS,
  type EventName,
  type EventPayload,
} from '../../src/events/catalog.ts';
import type { EventDefinition } from '../../src/events/event-definition.ts';
import { checkPayload } from '../../src/events/payload-check.ts';
import { TO_STATE } from '../../src/events/payload.ts';
import type { InProcessEvent } from '../../src/events/in-process.ts';
import { readEvents, type StoredEvent } from '../../src/events/stored-event.ts';
import { MACHINES } from '../../src/state-machine/transition.ts';
import { createTemplate } from '../../src/templates/create-template.ts';
import { sampleTemplates } from '../../src/samples/templates/sample-templates.ts';
import { createTestTasker } from '../../src/testing/index.ts';
import { withClient } from '../database/with-client.ts';

const CATALOG = Object.entries(EVENT_CATALOG) as [EventName, EventDefinition][];

/** The samples all come to a good end at last; this one does not. */
const DOOMED = {
  template: createTemplate({
    namespace: 'default',
    name: 'doomed',
    steps: [
      {
        name: 'fail',
        retry: { limit: 2 },
        handler: () => {
          throw new Error('as always');
        },
      },
      { name: 'never', after: ['fail'], handler: () => undefined },
    ],
  }),
  context: { items: 1 },
};

/** Every event of a run of all samples: what is stored, and what subscribers of the process are told. */
async function runSamples(): Promise<{ events: StoredEvent[]; told: InProcessEvent[] }> {
  const samples = [...sampleTemplates(), DOOMED];
  const templates = samples.map(({ template }) => template);
  // its own server: transactions of others would hold the reader back
  await using test = await createTestTasker({ templates });
  const told: InProcessEvent[] = [];
  test.tasker.events.on('*', (event) => told.push(event));
  for (const { template, context } of samples) await test.createTask(template, { context });
  await test.runUntilIdle();
  await test.tasker.events.handled();
  const events = await withClient(test.url, (client) => readEvents(client, { limit: 100_000 }));
  return { events, told };
}

describe('the catalogue', () => {
  it('has every name of the Rails engine and those of this one', () => {
    const count = (...prefixes: string[]): number =>
      CATALOG.filter(([name]) => prefixes.some((prefix) => name.startsWith(prefix))).length;
    // task.paused, task.resumed and task.redriven are this engine's own
    expect(count('task.') - 3).toBe(8);
    expect(count('step.')).toBe(10);
    expect(count('workflow.')).toBe(19);
    expect(count('observability.')).toBe(8);
    expect(count('tasker.telemetry.')).toBe(6);
    expect(count('handler.', 'plugin.', 'subscriber.', 'registry.')).toBe(14);
    expect(count('database.', 'dependency.', 'batch.', 'memory.', 'performance.')).toBe(5);
  });

  it('leads every alias to an event that is none, and gives a reason for what is never published', () => {
    for (const [name, { durability, aliasOf, unpublished }] of CATALOG) {
      const target = aliasOf === undefined ? 'none' : eventDefinition(aliasOf)?.durability;
      expect(target, name).toMatch(durability === 'alias' ? /durable|in_process/ : /none/);
      expect(durability === 'never' && unpublished === undefined, name).toBe(false);
    }
  });

  it('has no field that no event uses', () => {
    const used = new Set(
      CATALOG.flatMap(([, { requires, mayHave }]) => [...requires, ...mayHave]) as string[],
    );
    expect(Object.keys(PAYLOAD_FIELDS).filter((name) => !used.has(name))).toEqual([]);
  });

  it('knows the state that each transition of the machines leads to', () => {
    const states: Record<string, string> = {};
    for (const machine of Object.values(MACHINES)) {
      for (const rules of Object.values(machine)) {
        for (const [to, { event }] of Object.entries(rules as Record<string, { event: string }>)) {
          states[event] = to;
        }
      }
    }
    expect(TO_STATE).toEqual(states);
  });

  it('knows no name that only an object has', () => {
    expect(eventDefinition('toString')).toBeUndefined();
    expect(eventDefinition('__proto__')).toBeUndefined();
  });

  it('types payloads', () => {
    type Completed = EventPayload<'step.completed'>;
    expectTypeOf<Completed['step_id']>().toEqualTypeOf<string>();
    expectTypeOf<Completed['execution_duration']>().toEqualTypeOf<number>();
    expectTypeOf<Completed['retry_limit']>().toEqualTypeOf<number | null>();
    expectTypeOf<Completed['step_results']>().toEqualTypeOf<unknown>();
    expectTypeOf<Completed['actor']>().toEqualTypeOf<string | undefined>();
    // @ts-expect-error a completed step has no error
    expectTypeOf<Completed['error_message']>().toBeString();
    expectTypeOf<EventPayload<'workflow.viable_steps_discovered'>['step_ids']>().toEqualTypeOf<
      readonly string[]
    >();
  });
});

describe('a run of all sample workflows', async () => {
  const { events, told } = await runSamples();
  const stored = new Set<string>(events.map(({ name }) => name));
  const published = new Set<string>([...stored, ...told.map(({ name }) => name)]);

  it('publishes every name of the catalogue that does not say why not', () => {
    const silent = CATALOG.filter(
      ([, { unpublished, durability }]) => unpublished === undefined && durability !== 'alias',
    );
    expect(silent.map(([name]) => name).filter((name) => !published.has(name))).toEqual([]);
  });

  it('publishes nothing but what the catalogue says, and stores nothing else of it', () => {
    const strangers = [...stored].filter((name) => eventDefinition(name)?.durability !== 'durable');
    expect(strangers).toEqual([]);
    const unstored = [...published].filter((name) => !stored.has(name));
    expect(unstored.filter((name) => eventDefinition(name)?.durability !== 'in_process')).toEqual(
      [],
    );
    const excused = [...published].filter(
      (name) => eventDefinition(name)?.unpublished !== undefined,
    );
    expect(excused).toEqual([]);
  });

  it('has payloads that are as the catalogue says', () => {
    const flat = told.map((event) => ({ name: event.name, payload: event }));
    const all = [...events, ...flat];
    const problems = all.flatMap(({ name, payload }) =>
      checkPayload(name as EventName, payload).map((problem) => ({ name, ...problem })),
    );
    expect(problems).toEqual([]);
    // what the catalogue does not name is not there either
    const undeclared = all.flatMap(({ name, payload }) => {
      const { requires, mayHave } = eventDefinition(name) as EventDefinition;
      const known = new Set<string>([...requires, ...mayHave]);
      return Object.keys(payload).filter((key) => key in PAYLOAD_FIELDS && !known.has(key));
    });
    expect([...new Set(undeclared)]).toEqual([]);
  });

  it('tells how often each step was tried, and of each task one beginning and one end', () => {
    const byTask = Map.groupBy(events, ({ taskId }) => taskId);
    for (const own of byTask.values()) {
      const names = own.map(({ name }) => name);
      expect(names.filter((name) => name === 'task.start_requested')).toHaveLength(1);
      expect(names.filter((name) => /^task\.(?:completed|failed)$/.test(name))).toHaveLength(1);
      expect(names[0]).toBe('task.start_requested');
      expect(names.at(-1)).toMatch(/^task\.(?:completed|failed)$/);
      const { payload } = own.at(-1) as StoredEvent;
      const done = new Set(
        own.filter(({ name }) => name === 'step.completed').map((e) => e.stepId),
      );
      expect(payload['completed_steps']).toBe(done.size);
      for (const steps of Map.groupBy(own, ({ stepId }) => stepId ?? 'task').values()) {
        const claims = steps.filter(({ name }) => name === 'step.execution_requested');
        expect(claims.map((event) => event.payload['attempt_number'])).toEqual(
          claims.map((_, index) => index + 1),
        );
      }
    }
  });

  it('tells subscribers of the process what it stores', () => {
    const ids = new Set(told.map((event) => event['event_id']));
    expect(events.filter(({ eventId }) => !ids.has(eventId))).toEqual([]);
  });

  it('gives each event an id of its own', () => {
    expect(new Set(events.map(({ eventId }) => eventId)).size).toBe(events.length);
    expect(new Set(told.map((event) => event['event_id'])).size).toBe(told.length);
  });
});
