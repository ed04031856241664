// A typed chain of steps: each handler sees the context and exactly its parents' results.
import { defineTask, migrate, startEmbeddedServer, Tasker, contextType } from '../src/index.ts';

interface Order {
  readonly items: readonly { readonly sku: string; readonly cents: number }[];
}

const order = defineTask({
  namespace: 'shop',
  name: 'order',
  version: '1.0.0',
  context: contextType<Order>(),
})
  .step('price', {
    handler: ({ context }) => ({ cents: context.items.reduce((sum, { cents }) => sum + cents, 0) }),
  })
  .step('charge', {
    dependsOn: ['price'],
    handler: ({ results }) => ({ receipt: `R-${results.price.cents}` }),
  })
  .step('ship', {
    dependsOn: ['charge'],
    handler: ({ results, task }) => `${results.charge.receipt} goes out with task ${task.taskId}`,
  })
  .build();

await using server = await startEmbeddedServer();
const url = await server.createDatabase('example');
await migrate({ url });

await using tasker = new Tasker({ url });
tasker.register(order);
await tasker.start();
const handle = await tasker.createTask(order, {
  context: {
    items: [
      { sku: 'tea', cents: 450 },
      { sku: 'cup', cents: 1200 },
    ],
  },
});
const { state, results } = await handle.result();
console.log(`${state}: ${String(results['ship'])}`);
