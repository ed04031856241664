import { SubscriberRunner } from '../../src/events/subscriber.ts';
import { Subscriber } from '../../src/events/subscriber-definition.ts';

// Started by tests: the URL as the first argument, how it behaves as the second. Says each delivery.
const [url = '', mode = ''] = process.argv.slice(2);
const exactlyOnce = mode.startsWith('once');
let calls = 0;
const subscriber = new Subscriber({
  name: 'process',
  from: 'beginning',
  exactlyOnce,
  retrySeconds: 0,
  timeoutSeconds: 3600,
}).on('x.*', async ({ eventId }, delivery) => {
  calls++;
  const isLast = mode === 'once-hang' ? calls === 5 : mode === 'hang-40' && calls >= 40;
  if (exactlyOnce) await delivery.client.query('INSERT INTO effects VALUES ($1)', [eventId]);
  process.stdout.write(`${eventId}\n`);
  if (mode === 'hang' || isLast) await new Promise(() => undefined);
});
const runner = new SubscriberRunner({ url, pollSeconds: 0.02 });
await runner.add(subscriber);
await runner.start();
