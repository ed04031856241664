// A diamond: two steps run side by side, each fails in its own way first, and the last one waits for
// both. What each attempt came to stands in the task's history.
import { defineTask, RetryableError, Tasker } from '../src/index.ts';

class StockLocked extends Error {
  override readonly name = 'StockLocked';
}

const parcel = defineTask<{ readonly order: number }>({ name: 'parcel' })
  .step('confirm', ({ context }) => ({ order: context.order }))
  .step('charge', { after: ['confirm'], retry: { limit: 5 } }, ({ attempt }) => {
    // the service says itself when it wants to be asked again
    if (attempt < 3) throw new RetryableError('too many requests', { retryAfter: '50ms' });
    return { paidAtAttempt: attempt };
  })
  .step(
    'reserve',
    {
      after: ['confirm'],
      retry: { byError: { StockLocked: { strategy: 'constant', seconds: 0.02 } } },
    },
    ({ attempt }) => {
      if (attempt < 2) throw new StockLocked('somebody counts the stock');
      return { shelf: 'B-12' };
    },
  )
  .step(
    'ship',
    { after: ['charge', 'reserve'] },
    ({ results }) =>
      `from ${results.reserve.shelf}, paid at attempt ${results.charge.paidAtAttempt}`,
  );

await using tasker = new Tasker();
tasker.register(parcel);
await tasker.start();

const task = await tasker.createTask(parcel, { context: { order: 7 } });
const { ship } = await task.result();
console.log(ship);

const history = await task.history();
for (const name of ['charge', 'reserve']) {
  const failures = history.filter((row) => row.step_name === name && row.to_state === 'error');
  console.log(`${name}: ${failures.length} failed, then complete`);
}
