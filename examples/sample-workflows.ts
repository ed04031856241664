// Sample 2 (overlapping fan-in) and samples 12 to 17, whose steps fail before they succeed.
import { migrate, startEmbeddedServer, Tasker } from '../src/index.ts';
import { sampleTemplates } from '../src/samples/index.ts';

await using server = await startEmbeddedServer();
const url = await server.createDatabase('example');
await migrate({ url });

const samples = sampleTemplates().filter((_, at) => at + 1 === 2 || at + 1 >= 12);
await using tasker = new Tasker({ database: url });
tasker.register(...samples.map(({ template }) => template));
await tasker.start();

const handles = await Promise.all(
  samples.map(({ template, context }) => tasker.createTask(template, { context })),
);
for (const [at, handle] of handles.entries()) {
  const results = await handle.result();
  console.log(`${samples[at]!.template.name}: complete, ${Object.keys(results).length} steps`);
}
