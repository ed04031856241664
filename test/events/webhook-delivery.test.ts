import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { expect, it, onTestFinished } from 'vitest';

import { listDeadLetters } from '../../src/events/dead-letters.ts';
import { contextType, defineTask, Tasker, verifyWebhook, webhookHandler } from '../../src/index.ts';
import { withClient } from '../database/with-client.ts';
import { startLonelyServer } from '../support/lonely-server.ts';

const SLOW = { timeout: 90_000 };
const SECRET = 'a secret of twenty-four!';

const three = defineTask({ name: 'three', context: contextType<{ order: number }>() })
  .step('a', () => 1)
  .step('b', { after: ['a'] }, () => 2)
  .step('c', { after: ['b'] }, () => 3)
  .build();

it('a durable subscriber posts what happens, repeats what was refused, and buries what is gone', async () => {
  const server = await startLonelyServer();
  onTestFinished(() => server.stop());
  const { url } = server;
  const verified: string[] = [];
  const accepted: string[] = [];
  const receiver = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => (body += chunk));
    request.on('end', () => {
      const { headers } = request;
      verified.push(verifyWebhook({ headers, body }, { secret: SECRET }));
      const { name } = JSON.parse(body) as { name: string };
      if (verified.length === 1) return response.writeHead(503, { 'retry-after': '1' }).end();
      if (name === 'task.completed') return response.writeHead(410).end();
      accepted.push(name);
      return response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    receiver.closeAllConnections();
    receiver.close();
  });
  const { port } = receiver.address() as AddressInfo;
  const post = webhookHandler({ url: `http://127.0.0.1:${port}/`, secret: SECRET });

  await using tasker = new Tasker({ database: url }).register(three);
  await tasker.events.subscribe(
    'hook',
    { from: 'beginning', attempts: 2, retrySeconds: 60 },
    { 'step.completed': post, 'task.completed': post },
  );
  await tasker.start();
  await (await tasker.createTask(three, { context: { order: 1 } })).result();
  await expect.poll(() => accepted.length, SLOW).toBe(3);
  const letters = async (): Promise<unknown> =>
    withClient(url, async (client) => (await listDeadLetters(client)).letters);
  await expect
    .poll(letters, SLOW)
    .toMatchObject([{ subscriber: 'hook', name: 'task.completed', attempts: 1 }]);
  expect(accepted).toEqual(['step.completed', 'step.completed', 'step.completed']);
  // the first one twice, with one id
  expect(verified).toHaveLength(5);
  expect(verified[1]).toBe(verified[0]);
  expect(new Set(verified).size).toBe(4);
}, 180_000);
