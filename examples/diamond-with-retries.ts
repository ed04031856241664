// A diamond: two steps run side by side, each fails in its own way first, and the last one waits for
// both. What each attempt came to stands in the task's history.
import {
  connect,
  contextType,
  defineTask,
  migrate,
  RetryableError,
  startEmbeddedServer,
  taskHistory,
  Tasker,
} from '../src/index.ts';

class StockLocked extends Error {
  override readonly name = 'StockLocked';
}

const parcel = defineTask({ name: 'parcel', context: contextType<{ readonly order: number }>() })
  .step('confirm', { handler: ({ context }) => ({ order: context.order }) })
  .step('charge', {
    dependsOn: ['confirm'],
    retryLimit: 5,
    handler: ({ step }) => {
      // the service says itself when it wants to be asked again
      if (step.attempt < 3) throw new RetryableError('too many requests', { retryAfter: 0.05 });
      return { paidAtAttempt: step.attempt };
    },
  })
  .step('reserve', {
    dependsOn: ['confirm'],
    retry: { byError: { StockLocked: { strategy: 'constant', seconds: 0.02 } } },
    handler: ({ step }) => {
      if (step.attempt < 2) throw new StockLocked('somebody counts the stock');
      return { shelf: 'B-12' };
    },
  })
  .step('ship', {
    dependsOn: ['charge', 'reserve'],
    handler: ({ results }) =>
      `from ${results.reserve.shelf}, paid at attempt ${results.charge.paidAtAttempt}`,
  })
  .build();

await using server = await startEmbeddedServer();
const url = await server.createDatabase('example');
await migrate({ url });
await using tasker = new Tasker({ url });
tasker.register(parcel);
await tasker.start();

const handle = await tasker.createTask(parcel, { context: { order: 7 } });
const { state, results } = await handle.result();
console.log(`${state}: ${String(results['ship'])}`);

const client = await connect(url);
const { entries } = await taskHistory(client, handle.taskId);
await client.end();
for (const name of ['charge', 'reserve']) {
  const failures = entries.filter((entry) => entry.name === name && entry.to === 'error').length;
  console.log(`${name}: ${failures} failed, then complete`);
}
