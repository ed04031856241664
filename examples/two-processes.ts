// Two engine processes share the tasks of one database; each step runs once.
import { fork } from 'node:child_process';
import { once } from 'node:events';

import {
  createTemplate,
  migrate,
  startEmbeddedServer,
  stopOnSignals,
  Tasker,
} from '../src/index.ts';

const work = createTemplate({
  name: 'work',
  steps: [
    { name: 'first', handler: () => process.pid },
    { name: 'second', after: ['first'], handler: () => process.pid },
  ],
});

const [url] = process.argv.slice(2);
if (url === undefined) await parent();
else await engine(url);

/** One engine, until it is asked to end. */
async function engine(database: string): Promise<void> {
  const tasker = new Tasker({ database, leaseSeconds: 1 });
  tasker.register(work);
  stopOnSignals(tasker);
  await tasker.start();
  process.send?.('started');
  process.on('disconnect', () => process.exit(1));
}

async function parent(): Promise<void> {
  await using server = await startEmbeddedServer();
  const database = await server.createDatabase('example');
  await migrate({ url: database });
  const engines = [1, 2].map(() => fork(import.meta.filename, [database]));
  await Promise.all(engines.map((child) => once(child, 'message')));
  await using tasker = new Tasker({ database });
  const requests = Array.from({ length: 200 }, (_, at) => ({ context: { at: at + 1 } }));
  // the second engine gets its half of the shards with the first one's next heartbeat
  const pids = new Set<unknown>();
  let tasks = 0;
  while (pids.size < 2) {
    const handles = await tasker.createTasks(work, requests);
    for (const results of await Promise.all(handles.map((handle) => handle.result()))) {
      pids.add(results['first']);
      pids.add(results['second']);
    }
    tasks += handles.length;
  }
  console.log(`${tasks > 0 ? 'all' : 'no'} tasks complete, run by ${pids.size} processes`);
  for (const child of engines) child.kill('SIGTERM');
  await Promise.all(engines.map((child) => once(child, 'exit')));
}
