import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { onTestFinished } from 'vitest';

import { SubscriberRunner, type SubscriberRunnerOptions } from '../../src/events/subscriber.ts';
import { Subscriber, type SubscriberOptions } from '../../src/events/subscriber-definition.ts';
import { withClient } from '../database/with-client.ts';

/** The limit of what is waited for; a busy machine is slow. */
export const SLOW = { timeout: 50_000 };

/** Stores events of as many tasks; ids in order. */
export async function publish(
  url: string,
  count: number,
  name = 'x.done',
  tasks = 3,
): Promise<string[]> {
  const ids = Array.from({ length: count }, () => randomUUID());
  await withClient(url, (client) =>
    client.query(
      `INSERT INTO tasker_core_events (event_id, name, task_id, occurred_at, payload)
       SELECT id, $2, at % $3, clock_timestamp()::timestamp, jsonb_build_object('at', at)
         FROM unnest($1::uuid[]) WITH ORDINALITY AS e(id, at) ORDER BY at`,
      [ids, name, tasks],
    ),
  );
  return ids;
}

/** Serves subscribers until the runner is disposed of. */
export async function serve(
  url: string,
  subscribers: readonly Subscriber[],
  onProblem?: SubscriberRunnerOptions['onProblem'],
): Promise<SubscriberRunner> {
  const runner = new SubscriberRunner({
    url,
    pollSeconds: 0.02,
    ...(onProblem === undefined ? {} : { onProblem }),
  });
  for (const subscriber of subscribers) await runner.add(subscriber);
  await runner.start();
  return runner;
}

/** A subscriber from the beginning of the log that tries again at once. */
export const begin = (options: Partial<SubscriberOptions> & { name: string }): Subscriber =>
  new Subscriber({ from: 'beginning', retrySeconds: 0, ...options });

/** Starts a process that serves one subscriber and says what it handled, a line each. */
export function startProcess(url: string, mode = ''): { child: ChildProcess; lines: string[] } {
  const program = join(import.meta.dirname, 'subscriber-process.ts');
  const child = spawn(process.execPath, [program, url, mode], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const lines: string[] = [];
  createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (l) =>
    lines.push(l),
  );
  return { child, lines };
}
