import { TaskerError } from '../errors.ts';
import { eventDefinition } from './catalog.ts';
import { unknownEvent, type EventRegistry } from './event-registry.ts';
import type { InProcessEvent, InProcessSubscription } from './in-process.ts';

/** An object whose methods handle events; see `TaskerEvents.connect`. */
export interface ClassSubscriber {
  /** Names and patterns beside those that the class lists in `static subscribesTo`. */
  readonly subscribesTo?: readonly string[];
  /** Asked for each event; only those that it says true of are handled. */
  filter?(event: InProcessEvent): boolean;
}

/** First parts of the names that the Rails engine takes as they are; the others it puts `custom.` before. */
const AS_IS = /^(?:task|step|workflow|observability|custom)\./;

/**
 * What is subscribed to by a name or pattern: a name that only repeats another one stands for that one.
 *
 * Errors: TASKER_UNKNOWN_EVENT; TASKER_BAD_ARGUMENT for a pattern that is none.
 */
export function patternOf(pattern: string, registry: EventRegistry): string {
  if (!/^(?:\*|[^*]+\.\*|[^*]+)$/.test(pattern)) {
    throw new TaskerError('TASKER_BAD_ARGUMENT', `"${pattern}" is no pattern of events.`, {
      remedy: 'Give a name, the beginning of names (task.*), or *.',
      data: { field: 'pattern', value: pattern },
    });
  }
  if (pattern.endsWith('*')) return pattern;
  if (!registry.knows(pattern)) throw unknownEvent(pattern);
  return eventDefinition(pattern)?.aliasOf ?? pattern;
}

/**
 * The method of a class that handles an event: `handle_` and the name in snake case.
 * `order.payment-Received` → `handle_order_payment_received`.
 */
export function methodOf(name: string): string {
  const snake = name
    .replaceAll('.', '_')
    .replaceAll(/([A-Z\d]+)([A-Z][a-z])/g, '$1_$2')
    .replaceAll(/([a-z\d])([A-Z])/g, '$1_$2')
    .replaceAll('-', '_')
    .toLowerCase();
  return `handle_${snake}`;
}

/** What an object subscribes to by the lists of its classes and its own, and the methods that it lacks. */
export function subscriptionsOf(
  subscriber: ClassSubscriber,
  registry: EventRegistry,
): {
  subscriptions: InProcessSubscription[];
  missing: { readonly name: string; readonly method: string }[];
} {
  const subscriptions: InProcessSubscription[] = [];
  const missing: { name: string; method: string }[] = [];
  const methods = subscriber as unknown as Readonly<Record<string, unknown>>;
  for (const name of namesOf(subscriber)) {
    const isPattern = name.endsWith('*');
    if (!isPattern && typeof methods[methodOf(name)] !== 'function') {
      missing.push({ name, method: methodOf(name) });
      continue;
    }
    const handler = (event: InProcessEvent): unknown => {
      const method = methods[methodOf(isPattern ? event.name : name)];
      return typeof method === 'function' ? method.call(subscriber, event) : undefined;
    };
    const filter = (event: InProcessEvent): boolean => subscriber.filter?.(event) ?? true;
    const pattern = patternOf(registeredName(name, registry), registry);
    subscriptions.push({ pattern, handler, filter });
  }
  return { subscriptions, missing };
}

/** As the Rails engine looks for it, where the name itself is none. */
function registeredName(name: string, registry: EventRegistry): string {
  const custom = `custom.${name}`;
  return !registry.knows(name) && !AS_IS.test(name) && registry.knows(custom) ? custom : name;
}

function namesOf(subscriber: ClassSubscriber): Set<string> {
  const names = new Set(subscriber.subscribesTo);
  for (
    let type: unknown = subscriber.constructor;
    typeof type === 'function';
    type = Object.getPrototypeOf(type)
  ) {
    if (!Object.hasOwn(type, 'subscribesTo')) continue;
    const listed = (type as unknown as { subscribesTo: readonly string[] }).subscribesTo;
    for (const name of listed) names.add(name);
  }
  return names;
}
