// A permanent failure ends the task; an operator repairs the cause and has it tried again.
import {
  connect,
  createTemplate,
  migrate,
  PermanentError,
  redriveTask,
  startEmbeddedServer,
  Tasker,
  TaskerError,
} from '../src/index.ts';

let cardIsValid = false;

const payment = createTemplate({
  name: 'payment',
  steps: [
    {
      name: 'charge',
      handler: () => {
        if (!cardIsValid) throw new PermanentError('card declined');
        return 'charged';
      },
    },
    { name: 'receipt', after: ['charge'], handler: ({ results }) => results },
  ],
});

await using server = await startEmbeddedServer();
const url = await server.createDatabase('example');
await migrate({ url });
await using tasker = new Tasker({ database: url });
tasker.register(payment);
await tasker.start();

const handle = await tasker.createTask(payment, { context: { order: 7 } });
try {
  await handle.result();
} catch (error) {
  if (!(error instanceof TaskerError)) throw error;
  console.log(`${error.code}: ${error.message}`);
}

cardIsValid = true;
const client = await connect(url);
await redriveTask(client, handle.taskId, { actor: 'ann', reason: 'new card' });
await client.end();
console.log(`after the redrive: ${JSON.stringify(await handle.result())}`);
