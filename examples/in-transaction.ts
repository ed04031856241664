// The task exists if and only if the caller's own transaction commits.
import { connect, createTemplate, migrate, startEmbeddedServer, Tasker } from '../src/index.ts';

const welcome = createTemplate({
  name: 'welcome',
  steps: [{ name: 'mail', handler: ({ context }) => context }],
});

await using server = await startEmbeddedServer();
const url = await server.createDatabase('example');
await migrate({ url });
await using tasker = new Tasker({ database: url });
tasker.register(welcome);
await tasker.start();

const client = await connect(url);
await client.query('CREATE TABLE customers (name text)');

await client.query('BEGIN');
await client.query(`INSERT INTO customers VALUES ('Bob')`);
await tasker.createTask(welcome, { context: { name: 'Bob' } }, { client });
await client.query('ROLLBACK');

await client.query('BEGIN');
await client.query(`INSERT INTO customers VALUES ('Ann')`);
const handle = await tasker.createTask(welcome, { context: { name: 'Ann' } }, { client });
await client.query('COMMIT');

const { mail } = await handle.result();
const { rows } = await client.query<{ tasks: string }>(
  'SELECT count(*) AS tasks FROM tasker_tasks',
);
console.log(`${rows[0]?.tasks} task, with ${JSON.stringify(mail)}`);
await client.end();
