// A typed chain of steps: each handler sees the context and exactly its parents' results.
import { defineTask, Tasker } from '../src/index.ts';

interface Order {
  readonly items: readonly { readonly sku: string; readonly cents: number }[];
}

const order = defineTask<Order>({ namespace: 'shop', name: 'order', version: '1.0.0' })
  .step('price', ({ context }) => ({
    cents: context.items.reduce((sum, { cents }) => sum + cents, 0),
  }))
  .step('charge', { after: ['price'] }, ({ results }) => ({ receipt: `R-${results.price.cents}` }))
  .step(
    'ship',
    { after: ['charge'] },
    ({ results, task }) => `${results.charge.receipt} goes out with task ${task.taskId}`,
  );

// no database is named: an embedded server comes and goes with the engine
await using tasker = new Tasker();
tasker.register(order);
await tasker.start();
const task = await tasker.createTask(order, {
  context: {
    items: [
      { sku: 'tea', cents: 450 },
      { sku: 'cup', cents: 1200 },
    ],
  },
});
const { ship } = await task.result();
console.log(ship);
for (const row of await task.history()) {
  console.log(
    `${row.step_name ?? row.task_name}: ${row.from_state ?? 'nothing'} -> ${row.to_state}`,
  );
}
