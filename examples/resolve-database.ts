// A PostgreSQL of its own, sample tasks, and every answer in bulk and alone.
import {
  connect,
  createReadinessRepository,
  databaseSource,
  migrate,
  resolveTasks,
  startEmbeddedServer,
} from '../src/index.ts';
import { parseMix, seedDatabase } from '../src/samples/index.ts';

await using server = await startEmbeddedServer();
const url = await server.createDatabase('example');
await migrate({ url });
await seedDatabase({ url, tasks: 500, mix: parseMix('all') });

// In bulk: chunks of whole tasks, typed arrays over shared memory, rows only where they are wanted.
const run = resolveTasks(databaseSource({ url }, { kind: 'unfinished' }));
let ready = 0;
for await (const chunk of run) ready += chunk.readyStepIds().length;
const { counts } = run.summary();
console.log(`${counts.tasks} unfinished tasks, ${counts.steps} steps, ${ready} ready to run`);

// One task, with the columns of the Rails engine's SQL function.
const client = await connect(url);
const repository = createReadinessRepository(client);
const context = await repository.taskExecutionContext(1n);
console.log(`task 1 is ${context?.execution_status}, ${context?.completion_percentage} % complete`);
await client.end();
