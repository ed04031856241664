import { setImmediate as nextTurn } from 'node:timers/promises';

import { expect, it, onTestFinished } from 'vitest';

import { EngineSession } from '../../src/database/engine/engine-session.ts';
import { EndWatchers } from '../../src/orchestration/end-watchers.ts';
import { TaskHandle } from '../../src/orchestration/task-handle.ts';
import { Tasker } from '../../src/tasker.ts';
import { createTemplate } from '../../src/templates/create-template.ts';
import { createTestDatabase } from '../support/database.ts';

const TEMPLATE = createTemplate({
  name: 'waited_for',
  steps: [{ name: 'only', handler: () => ({ done: true }) }],
});

/** A task that nobody runs yet, and a handle that hears of no engine. */
async function waitedFor(): Promise<{ tasker: Tasker; handle: TaskHandle; watchers: EndWatchers }> {
  const database = await createTestDatabase();
  const tasker = new Tasker({ database: database.url }).register(TEMPLATE);
  const session = new EngineSession({ url: database.url, applicationName: 'looks' });
  onTestFinished(async () => {
    await session.stop();
    await tasker.stop();
    await database.drop();
  });
  const { taskId } = await tasker.createTask(TEMPLATE, { context: { order: 1 } });
  const watchers = new EndWatchers();
  const handle = new TaskHandle(
    { taskId, created: true, correlationId: undefined },
    {
      watch: (id, wake) => watchers.watch(id, wake),
      query: (work) => work(session.queries),
      url: () => database.url,
    },
  );
  return { tasker, handle, watchers };
}

it('forgets whom it waited for when an engine elsewhere has ended the task', async () => {
  const { tasker, handle, watchers } = await waitedFor();
  const both = [handle.result(), handle.result()];
  expect(watchers.size).toBe(1);
  await tasker.start();
  for (const results of await Promise.all(both)) {
    expect(results).toEqual({ only: { done: true } });
  }
  expect(watchers.size).toBe(0);
});

it('gives up by the reason of the signal, at any point of the wait', async () => {
  const { handle, watchers } = await waitedFor();
  const reason = new Error('no more patience');
  await expect(handle.result({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  for (const turns of [0, 1, 50]) {
    const controller = new AbortController();
    const result = handle.result({ signal: controller.signal });
    for (let turn = 0; turn < turns; turn++) await nextTurn();
    controller.abort(reason);
    await expect(result).rejects.toBe(reason);
    expect(watchers.size).toBe(0);
  }
});

it('a watch that is over takes no other with it', () => {
  const watchers = new EndWatchers();
  const woken: string[] = [];
  const first = watchers.watch(1n, () => woken.push('first'));
  const second = watchers.watch(1n, () => woken.push('second'));
  watchers.watch(2n, () => woken.push('other'));
  watchers.ended(1n);
  first();
  first();
  watchers.ended(1n);
  second();
  watchers.ended(1n);
  expect(woken).toEqual(['first', 'second', 'second']);
  expect(watchers.size).toBe(1);
});
