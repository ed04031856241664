import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { expect, onTestFinished } from 'vitest';

import type { TaskerOptions } from '../../../src/options.ts';
import { withClient } from '../../database/with-client.ts';

/** What an engine process is started with. */
export interface EngineSettings {
  readonly url: string;
  /** File to which each run of a handler appends a line. */
  readonly runs: string;
  /** Default 1. */
  readonly leaseSeconds?: number;
  /** False for a process that only creates tasks. */
  readonly start?: boolean;
  /** What the host's clock is off by. */
  readonly dateShiftMs?: number;
  readonly options?: Partial<TaskerOptions>;
}

/** What an engine process is told to do. */
export type EngineCommand =
  | {
      readonly do: 'create';
      readonly template: 'doomed' | 'fan' | 'flaky' | 'gate';
      readonly count: number;
      readonly first?: number;
    }
  | { readonly do: 'open' | 'facts' | 'stop' };

/** What an engine process says. */
export interface EngineEvent {
  readonly event: string;
  readonly [field: string]: unknown;
}

/** What an engine says of itself when asked. */
export interface EngineFacts extends EngineEvent {
  readonly engineId?: string;
  readonly shards: readonly number[];
  readonly written?: { readonly statements: number; readonly moves: number };
  readonly tasks?: number;
}

/** An engine in a process of its own; killed when the test is over. */
export class EngineProcess {
  readonly child: ChildProcess;
  /** All that it has said. */
  readonly events: EngineEvent[] = [];
  readonly #listeners = new Set<() => void>();
  /** Where the search for the next event of a name begins. */
  readonly #read = new Map<string, number>();

  constructor(settings: EngineSettings) {
    const program = join(import.meta.dirname, 'engine-process.ts');
    this.child = spawn(process.execPath, [program, JSON.stringify(settings)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.child.stdin?.on('error', () => undefined);
    const lines = createInterface({ input: this.child.stdout as NodeJS.ReadableStream });
    lines.on('line', (line) => {
      this.events.push(JSON.parse(line) as EngineEvent);
      for (const listener of this.#listeners) listener();
    });
    this.child.once('exit', (code, signal) => {
      this.events.push({ event: 'exit', code, signal });
      for (const listener of this.#listeners) listener();
    });
    onTestFinished(() => this.kill());
  }

  send(command: EngineCommand): void {
    this.child.stdin?.write(`${JSON.stringify(command)}\n`);
  }

  /**
   * The next event of a name that was not waited for before; fails when the process ends instead.
   * Events of other names stay to be waited for: an engine may say `started` before `created`.
   */
  async next(name: string): Promise<EngineEvent> {
    for (let at = this.#read.get(name) ?? 0; ;) {
      for (; at < this.events.length; at++) {
        const event = this.events[at] as EngineEvent;
        if (event.event === name) {
          this.#read.set(name, at + 1);
          return event;
        }
        if (event.event === 'exit' || event.event === 'failed') {
          throw new Error(`instead of ${name}: ${JSON.stringify(event)}`);
        }
      }
      await new Promise<void>((resolve) => {
        const listener = (): void => {
          this.#listeners.delete(listener);
          resolve();
        };
        this.#listeners.add(listener);
      });
    }
  }

  async ask(command: EngineCommand, answer: string): Promise<EngineEvent> {
    this.send(command);
    return this.next(answer);
  }

  async facts(): Promise<EngineFacts> {
    return (await this.ask({ do: 'facts' }, 'facts')) as EngineFacts;
  }

  /** Problems of a name that it has told of. */
  problems(name: string): EngineEvent[] {
    return this.events.filter((event) => event.event === 'problem' && event['name'] === name);
  }

  /** Ends it without a chance to do anything. */
  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await gone;
  }
}

/** Starts an engine and waits until it has its shards. */
export async function startEngine(settings: EngineSettings): Promise<EngineProcess> {
  const engine = new EngineProcess(settings);
  await engine.next('ready');
  return engine;
}

let files = 0;

/** A file for the runs of a test's handlers. */
export function runsFile(): string {
  const path = join(tmpdir(), `tasker-runs-${process.pid}-${files++}`);
  writeFileSync(path, '');
  onTestFinished(() => rmSync(path, { force: true }));
  return path;
}

/** How often each step's handler was run, by step id. */
export function runsOf(path: string): Map<string, number> {
  const lines = readFileSync(path, 'utf8').split('\n').filter(Boolean);
  const steps = Map.groupBy(lines, (line) => line.split(' ', 1)[0] as string);
  return new Map([...steps].map(([stepId, own]) => [stepId, own.length]));
}

/** Rows of a query over a session of its own. */
export async function rowsOf<Row extends object>(
  url: string,
  text: string,
  ...values: unknown[]
): Promise<Row[]> {
  return withClient(url, async (client) => (await client.query<Row>(text, values)).rows);
}

/** Resolves when every task of the database is complete. */
export async function allComplete(url: string, tasks: number, timeout = 120_000): Promise<void> {
  await expect
    .poll(
      async () => {
        const [row] = await rowsOf<{ done: number }>(
          url,
          'SELECT count(*)::int AS done FROM tasker_tasks WHERE complete',
        ).catch(() => [{ done: -1 }]);
        return row?.done;
      },
      { timeout, interval: 50 },
    )
    .toBe(tasks);
}
