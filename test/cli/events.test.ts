import { once } from 'node:events';
import { createInterface } from 'node:readline';

import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';

import { auditOf } from '../../src/database/audit-log.ts';
import { connect } from '../../src/database/connection.ts';
import { FIRST_POSITION } from '../../src/database/event-store/event-log.ts';
import { enterSubscription } from '../../src/database/event-store/subscriptions.ts';
import { listReplays } from '../../src/events/replay.ts';
import { storeEvents } from '../events/stored-events.ts';
import { begin, serve } from '../events/subscriber-support.ts';
import { startLonelyServer, type LonelyServer } from '../support/lonely-server.ts';
import { startTasker, tasker, whenEnded } from './tasker.ts';

let server: LonelyServer;
let url: string;
let client: pg.Client;

beforeAll(async () => {
  server = await startLonelyServer();
  ({ url } = server);
  client = await connect(url);
});

afterAll(async () => {
  await client.end();
  await server.stop();
});

beforeEach(async () => {
  await client.query(
    `TRUNCATE tasker_core_events, tasker_core_replays, tasker_core_subscriptions, tasker_core_audit
     RESTART IDENTITY`,
  );
});

const SLOW = { timeout: 60_000 };

async function run(...args: string[]): Promise<string> {
  const ended = await tasker([...args, '--database', url]);
  expect(ended, ended.stderr).toMatchObject({ code: 0 });
  return ended.stdout;
}

const enter = (name: string): Promise<unknown> =>
  enterSubscription(client, { name, partitions: 1, filter: {}, position: FIRST_POSITION });

interface EventJson {
  readonly event_id: string;
  readonly name: string;
  readonly position: string;
}

const lines = (text: string): EventJson[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as EventJson);

describe('tasker events tail', () => {
  test('prints what is there, by filter and place', async () => {
    const day = (at: number): string => `2030-01-0${at}T00:00:00.000000Z`;
    const stored = await storeEvents(client, [
      { name: 'x.a', taskId: 1n, at: day(1) },
      { name: 'x.b', taskId: 2n, at: day(2) },
      { name: 'y.a', at: day(3) },
    ]);
    const names = async (...args: string[]): Promise<string[]> =>
      lines(await run('events', 'tail', '--no-follow', '--json', ...args)).map(({ name }) => name);
    expect(await names('--from', 'start')).toEqual(['x.a', 'x.b', 'y.a']);
    expect(await names('--from', stored[1]!.position)).toEqual(['x.b', 'y.a']);
    expect(await names('--from', day(3))).toEqual(['y.a']);
    expect(await names('--from', 'start', '--event', 'x.*')).toEqual(['x.a', 'x.b']);
    expect(await names('--from', 'start', '--task', '2')).toEqual(['x.b']);
    expect(await names('--from', 'start', '--limit', '1')).toEqual(['x.a']);
    expect(await run('events', 'tail', '--no-follow')).toBe('');
    const text = await run('events', 'tail', '--no-follow', '--from', 'start');
    expect(text.split('\n')[0]).toMatch(/^2030-01-01T00:00:00\.000000Z x\.a task 1 \{.*"place":1/);
    const [first] = lines(await run('events', 'tail', '--no-follow', '--json', '--from', 'start'));
    expect(first).toMatchObject({
      position: stored[0]!.position,
      event_id: stored[0]!.eventId,
      task_id: 1,
      step_id: null,
      created_at: day(1),
    });
  });

  test('follows, and prints each event once', async () => {
    const first = await storeEvents(client, [{ name: 'x.a' }, { name: 'y.a' }]);
    const args = 'events tail --from start --event x.* --limit 3 --json --database'.split(' ');
    const child = startTasker([...args, url]);
    const ended = whenEnded(child);
    await once(child.stdout!, 'data');
    // what does not fit moves the place of reading on as well
    const second = await storeEvents(client, [{ name: 'y.b' }, { name: 'x.b' }]);
    const third = await storeEvents(client, [{ name: 'x.c' }]);
    const { code, stdout, stderr } = await ended;
    expect(code, stderr).toBe(0);
    expect(lines(stdout).map((event) => event.event_id)).toEqual(
      [first[0]!, second[1]!, third[0]!].map(({ eventId }) => eventId),
    );
  });

  test('ends at Ctrl-C, and when nobody reads any more', async () => {
    await storeEvents(client, [{}]);
    const args = ['events', 'tail', '--from', 'start', '--json', '--database', url];
    const stopped = startTasker(args);
    const ended = whenEnded(stopped);
    await once(stopped.stdout!, 'data');
    stopped.kill('SIGINT');
    expect((await ended).code).toBe(130);

    const unread = startTasker(args);
    onTestFinished(() => void unread.kill('SIGKILL'));
    const gone = once(unread, 'exit');
    await once(createInterface({ input: unread.stdout! }), 'line');
    unread.stdout!.destroy();
    await expect
      .poll(async () => {
        await storeEvents(client, [{}]);
        return unread.exitCode;
      }, SLOW)
      .toBe(0);
    await gone;
  });
});

describe('tasker events replay', () => {
  test('waits until the subscriber has had everything once more', async () => {
    const stored = await storeEvents(
      client,
      Array.from({ length: 20 }, (_, at) => ({ taskId: BigInt(at) })),
    );
    const seen: { readonly id: string; readonly replay: boolean }[] = [];
    const mail = begin({ name: 'mail', partitions: 2, detail: 'stored' }).on(
      'x.*',
      ({ eventId }, { replay }) => seen.push({ id: eventId, replay }),
    );
    await using runner = new AsyncDisposableStack();
    runner.use(await serve(url, [mail]));
    await expect.poll(() => seen.length, SLOW).toBe(20);
    const until = stored[9]!.position;
    const text = await run(
      ...'events replay mail --from start --actor anna --until'.split(' '),
      until,
      '--reason',
      'the mails were lost',
    );
    expect(text).toBe(
      'Replay 1 to mail is over: 10 of 10 events, 10 delivered, 0 failed attempts.\n',
    );
    const again = seen.filter(({ replay }) => replay).map(({ id }) => id);
    expect(again.toSorted()).toEqual(
      stored
        .slice(0, 10)
        .map(({ eventId }) => eventId)
        .toSorted(),
    );
    const one = await run('events', 'replay', 'mail', '--from', 'start', '--task', '3', '--json');
    expect(JSON.parse(one)).toMatchObject({
      replay_id: 2,
      subscriber: 'mail',
      state: 'finished',
      total: 1,
      seen: 1,
      delivered: 1,
    });
    expect((await auditOf(client)).entries.at(-1)).toMatchObject({
      action: 'replay.start',
      actor: 'anna',
      reason: 'the mails were lost',
    });
  });

  test('waits where nobody runs the subscriber, and ends when it is cancelled', async () => {
    await storeEvents(client, [{}, {}]);
    await enter('mail');
    const waiting = tasker(['events', 'replay', 'mail', '--from', 'start', '--database', url]);
    await expect.poll(async () => (await listReplays(client)).replays.length, SLOW).toBe(1);
    expect(await run('events', 'cancel-replay', '1', '--reason', 'enough')).toBe(
      'Replay 1 to mail was cancelled: 0 of 2 events, 0 delivered, 0 failed attempts.\n',
    );
    const { code, stdout, stderr } = await waiting;
    expect(code).toBe(1);
    expect(stdout).toContain('Replay 1 to mail was cancelled');
    expect(stderr).toContain('mail runs nowhere, or not with all its parts: replay 1 waits');
    expect(await run('events', 'cancel-replay', '1')).toMatch(/^Nothing to do: it is cancelled\. /);

    const slowly = 'events replay mail --from start --rate 0.5 --detach --json'.split(' ');
    const detached = await run(...slowly);
    expect(JSON.parse(detached)).toMatchObject({ replay_id: 2, state: 'open', rate: 0.5 });
    const table = await run('events', 'replays');
    expect(table).toMatch(/^id +subscriber +state +events +of +delivered +errors +asked for\n/);
    expect(table).toMatch(/^ 2 +mail +open +0 +2 +0 +0 /m);
    expect(table).toMatch(/^ 1 +mail +cancelled /m);
    const open = JSON.parse(await run('events', 'replays', '--open', '--json')) as object;
    expect(open).toMatchObject({ replays: [{ replay_id: 2 }], next: null });
    const first = await run('events', 'replays', '--limit', '1');
    const cursor = /--cursor (\S+)\n$/.exec(first)![1]!;
    expect(await run('events', 'replays', '--limit', '1', '--cursor', cursor)).toMatch(/^ 1 /m);
    expect(await run('events', 'replays', '--subscriber', 'ledger')).toBe('No replays.\n');
  });
});

describe('tasker events stats', () => {
  test('counts events, and tells of partitions and subscribers', async () => {
    await storeEvents(client, [{}, {}, { name: 'y.old', at: '2020-01-01T00:00:00Z' }]);
    await enter('mail');
    const text = await run('events', 'stats');
    expect(text).toMatch(
      /^3 events, [\d.]+ a second in the last minute, [\d.]+ in the last hour\n/,
    );
    expect(text).toMatch(/^x\.done +2 +\d +2 +2\d\d\d-/m);
    expect(text).toMatch(/^y\.old +1 +0 +0 +2020-01-01T00:00:00\.000000Z$/m);
    expect(text).toMatch(/^tasker_core_events_default +[\d.]+ (?:B|KiB|MiB)$/m);
    expect(text).toMatch(/^mail +running +0 of 1 +3 +2\d\d\d-/m);
    const json = await run('events', 'stats', '--json', '--since', '2021-01-01T00:00:00Z');
    expect(JSON.parse(json)).toMatchObject({
      total: 2,
      events: [{ name: 'x.done', count: 2, last_hour: 2 }],
      subscribers: [{ name: 'mail', lag_events: 3 }],
    });
  });
});

describe('tasker subscriber', () => {
  test('lists, shows, pauses and resumes', async () => {
    expect(await run('subscriber', 'list')).toBe('No durable subscribers.\n');
    await enter('mail');
    await storeEvents(client, [{}]);
    expect(await run('subscriber', 'pause', 'mail', '--actor', 'anna', '--reason', 'down')).toBe(
      'Done: mail is paused.\n',
    );
    expect(await run('subscriber', 'pause', 'mail')).toBe('Nothing to do: mail is paused.\n');
    expect(await run('subscriber', 'list')).toMatch(/^mail +paused +0 of 1 +1 /m);
    const text = await run('subscriber', 'show', 'mail');
    expect(text).toMatch(/^subscriber +mail\nstate +paused\nbehind +1 events, since 2/);
    expect(text).toMatch(/^ +0 +0-0 +1 +0 +0 +none$/m);
    expect(JSON.parse(await run('subscriber', 'resume', 'mail', '--json'))).toEqual({
      action: 'subscriber.resume',
      subscriber: 'mail',
      state: 'running',
      already_done: false,
      audit_id: 2,
    });
    expect(JSON.parse(await run('subscriber', 'show', 'mail', '--json'))).toMatchObject({
      name: 'mail',
      state: 'running',
      lag_events: 1,
      parts: [{ partition: 0, position: '0-0', served_by: null }],
    });
    expect(JSON.parse(await run('subscriber', 'list', '--json'))).toMatchObject({
      subscribers: [{ name: 'mail' }],
    });
    expect((await auditOf(client)).entries).toMatchObject([
      { action: 'subscriber.resume' },
      { action: 'subscriber.pause', actor: 'anna', reason: 'down' },
    ]);
  });
});

test('what means nothing ends with 64, what is not there with 1', async () => {
  const env = { DATABASE_URL: url };
  for (const [args, text] of [
    [['events', 'tail', '--from', 'yesterday'], 'from is yesterday.'],
    [['events', 'tail', '--limit', '0'], '--limit'],
    [['events', 'tail', '--event', 'a*b'], 'names is a*b'],
    [['events', 'tail', '--task', 'x'], '--task'],
    [['events', 'replay', 'mail'], '--from'],
    [['events', 'replay', 'mail', '--from', 'x'], 'from is x.'],
    [['events', 'replay', 'mail', '--from', 'start', '--until', 'now'], 'until is now.'],
    [['events', 'replay', 'mail', '--from', 'start', '--rate', '-1'], '--rate'],
    [['events', 'replay', 'mail', '--from', 'start', '--rate', '1e9'], 'rate is 1000000000.'],
    [['events', 'cancel-replay', 'x'], 'replay-id'],
    [['events', 'replays', '--limit', '0'], '--limit'],
    [['events', 'stats', '--since', 'then'], '--since'],
    [['subscriber', 'pause', ''], 'subscriber is'],
    [['subscriber', 'show'], 'missing required argument'],
  ] as const) {
    const ended = await tasker(args, env);
    expect(ended, args.join(' ')).toMatchObject({ code: 64, stdout: '' });
    expect(ended.stderr).toContain('TASKER_BAD_ARGUMENT');
    expect(ended.stderr).toContain(text);
  }
  for (const [args, code] of [
    [['events', 'replay', 'nobody', '--from', 'start'], 'TASKER_UNKNOWN_SUBSCRIBER'],
    [['subscriber', 'show', 'nobody'], 'TASKER_UNKNOWN_SUBSCRIBER'],
    [['subscriber', 'pause', 'nobody'], 'TASKER_UNKNOWN_SUBSCRIBER'],
    [['events', 'cancel-replay', '99'], 'TASKER_UNKNOWN_REPLAY'],
  ] as const) {
    const ended = await tasker(args, env);
    expect(ended, args.join(' ')).toMatchObject({ code: 1, stdout: '' });
    expect(ended.stderr).toMatch(new RegExp(`^tasker: ${code}: `));
  }
  expect((await auditOf(client)).entries).toEqual([]);
});
