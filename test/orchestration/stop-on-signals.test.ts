import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

import { expect, it, onTestFinished } from 'vitest';

import { Tasker } from '../../src/tasker.ts';
import { createTemplate } from '../../src/templates/create-template.ts';
import { withClient } from '../database/with-client.ts';
import { createTestDatabase } from '../support/database.ts';

/** An engine whose handler says when it runs, and ends once the stop is under way. */
const PROGRAM = `
const { Tasker, createTemplate, stopOnSignals } = await import(process.argv[1]);
const tasker = new Tasker({ database: process.argv[2] });
const template = createTemplate({ name: 'slow', steps: [
  { name: 'long', handler: () => new Promise((resolve) => {
    console.log('running');
    process.once('SIGTERM', () => setImmediate(resolve, 'finished'));
  }) },
  { name: 'next', after: ['long'], handler: () => 'ran' },
] });
tasker.register(template);
stopOnSignals(tasker);
await tasker.start();
setInterval(() => undefined, 1000);
`;

const template = createTemplate({
  name: 'slow',
  steps: [
    { name: 'long', handler: () => 'elsewhere' },
    { name: 'next', after: ['long'], handler: () => 'elsewhere' },
  ],
});

it('drains on SIGTERM, ends by it, and leaves nothing in progress', async () => {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  await using creator = new Tasker({ database: database.url });
  const index = new URL('../../src/index.ts', import.meta.url).href;
  const child = spawn(
    process.execPath,
    ['--input-type=module', '--eval', PROGRAM, index, database.url],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  onTestFinished(() => void child.kill('SIGKILL'));
  const lines = createInterface({ input: child.stdout });
  const running = once(lines, 'line');
  const handle = await creator.createTask(template, { context: { order: 1 } });
  expect(await running).toEqual(['running']);
  child.kill('SIGTERM');
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
  expect([code, signal]).toEqual([null, 'SIGTERM']);
  const states = await withClient(database.url, async (client) => {
    const { rows } = await client.query<{ state: string | null }>(
      `SELECT t.to_state AS state FROM tasker_workflow_steps s
         LEFT JOIN tasker_workflow_step_transitions t
           ON t.workflow_step_id = s.workflow_step_id AND t.most_recent
        WHERE s.task_id = $1 ORDER BY s.workflow_step_id`,
      [handle.taskId],
    );
    return rows.map(({ state }) => state);
  });
  expect(states).toEqual(['complete', null]);
}, 60_000);
