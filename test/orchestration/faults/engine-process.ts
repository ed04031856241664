import { createInterface } from 'node:readline';

import { Tasker } from '../../../src/tasker.ts';
import type { TaskTemplate } from '../../../src/templates/task-template.ts';
import type { EngineCommand, EngineSettings } from './engine-processes.ts';
import { templatesOf } from './fault-templates.ts';

// Started by tests: settings as the first argument, commands as lines of JSON on stdin, what happens
// as lines of JSON on stdout. Each run of a handler is a line of the file `runs`.

const settings = JSON.parse(process.argv[2] ?? '') as EngineSettings;
if (settings.dateShiftMs !== undefined) shiftDate(settings.dateShiftMs);

function say(event: string, facts: object = {}): void {
  const line = JSON.stringify({ event, ...facts }, (_, value: unknown) => {
    if (typeof value === 'bigint') return String(value);
    return value instanceof Error ? `${value.name}: ${value.message}` : value;
  });
  process.stdout.write(`${line}\n`);
}

/** The host's clock is set. */
function shiftDate(ms: number): void {
  const now = Date.now;
  const Original = Date;
  globalThis.Date = class extends Original {
    constructor(...values: [] | [string]) {
      if (values.length === 0) super(now() + ms);
      else super(...values);
    }
    static override now = (): number => now() + ms;
  } as DateConstructor;
}

const waiting = new Set<() => void>();
const TEMPLATES = templatesOf(settings.runs, waiting, say);

const tasker = new Tasker({
  database: settings.url,
  leaseSeconds: settings.leaseSeconds ?? 1,
  // what fails here fails on purpose
  circuitBreakers: { defaults: { minimumCalls: 1_000_000, consecutiveFailures: 1_000_000 } },
  ...settings.options,
  onProblem: (name, facts) => say('problem', { name, ...facts }),
});
tasker.register(...TEMPLATES);

async function obey(command: EngineCommand): Promise<void> {
  switch (command.do) {
    case 'create': {
      const { template: name, count, first = 1 } = command;
      const template = TEMPLATES.find((each) => each.name === name) as TaskTemplate;
      const requests = Array.from({ length: count }, (_, at) => ({ context: { at: at + first } }));
      const handles = await tasker.createTasks(template, requests);
      return say('created', { taskIds: handles.map(({ taskId }) => taskId) });
    }
    case 'open':
      for (const resolve of waiting) resolve();
      return waiting.clear();
    case 'facts': {
      const { engine } = tasker;
      const memory = engine?.coordinator.memory;
      return say('facts', {
        engineId: engine?.engineId,
        shards: engine?.shards ?? [],
        written: engine?.coordinator.written,
        counts: memory?.counts,
        tasks: memory?.discovery.tasks.size,
        attempts: memory?.attempts.size,
        paused: [...(memory?.discovery.tasks.values() ?? [])].filter((task) => task.paused).length,
      });
    }
    case 'stop':
      await tasker.stop();
      return say('stopped');
  }
}

if (settings.start !== false) await tasker.start();
say('ready', { engineId: tasker.engine?.engineId });
for await (const line of createInterface({ input: process.stdin })) {
  obey(JSON.parse(line) as EngineCommand).catch((error: unknown) => say('failed', { error }));
}
await tasker.stop();
