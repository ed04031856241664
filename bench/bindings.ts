import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { Collected, type BenchContext } from './context.ts';
import { interleave, timeScenario, type Contestant } from './interleave.ts';
import type { Measured } from './result.ts';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const PREFIX = here('../.tasker/bench-c');
const MANIFEST = here('../native/Cargo.toml');
const TARGET = process.env['CARGO_TARGET_DIR'] ?? here('../native/target');

/** A language: how its program is made ready and started. */
interface Binding {
  readonly name: string;
  /** The command; throws where a tool is missing. */
  readonly prepare: () => Promise<readonly string[]>;
}

const run = async (program: string, ...args: string[]): Promise<void> =>
  void (await promisify(execFile)(program, args));

/** The first one is what the others are held against. Another language is one row here. */
const BINDINGS: readonly Binding[] = [
  {
    name: 'Rust',
    prepare: async () => {
      const what = ['--release', '--locked', '--package', 'tasker-columns', '--example', 'calls'];
      await run('cargo', 'build', '--manifest-path', MANIFEST, ...what);
      return [`${TARGET}/release/examples/calls`];
    },
  },
  {
    name: 'C',
    prepare: async () => {
      await run('sh', here('../native/c/install.sh'), PREFIX);
      const program = `${PREFIX}/calls`;
      const libraries = [`${PREFIX}/lib/libtasker.a`, '-lpthread', '-ldl', '-lm', '-lgcc_s'];
      const flags = ['-std=c11', '-D_POSIX_C_SOURCE=199309L', '-O2', `-I${PREFIX}/include`];
      await run('cc', ...flags, here('bindings/calls.c'), '-o', program, ...libraries);
      return [program];
    },
  },
  {
    name: 'Ruby',
    prepare: async () => {
      await run('ruby', here('../native/ruby/build.rb'));
      return ['ruby', `-I${here('../native/ruby/lib')}`, here('bindings/calls.rb')];
    },
  },
];

/** A program at work on so many tasks. */
interface Program extends AsyncDisposable {
  readonly name: string;
  readonly ask: (line: string) => Promise<number>;
}

function start(name: string, command: readonly string[], tasks: number): Program {
  const [path = '', ...args] = command;
  const child = spawn(path, [...args, String(tasks)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  return {
    name,
    ask: async (line) => {
      child.stdin.write(`${line}\n`);
      const { value, done } = await lines.next();
      if (done === true) throw new Error(`the program in ${name} ended at "${line}"`);
      return Number(value);
    },
    [Symbol.asyncDispose]: async () => {
      child.stdin.end();
      await ended;
    },
  };
}

/** Calls that make one sample: about two milliseconds, or one where a call takes longer. */
const callsOf = (tasks: number): number => Math.max(1, Math.ceil(4000 / tasks));

function contestants(programs: readonly Program[], question: string, calls: number): Contestant[] {
  return programs.map(({ name, ask }) => ({
    name,
    timesItself: true,
    run: async () => (await ask(`${question} ${calls}`)) / 1e6 / calls,
  }));
}

/** What each binding costs over the same call in Rust: of one task, of a thousand, of a million steps. */
export async function benchBindings(context: BenchContext): Promise<Measured> {
  const collected = new Collected();
  const commands: { name: string; command: readonly string[] }[] = [];
  for (const { name, prepare } of BINDINGS) {
    context.phase(`preparing ${name}`);
    try {
      commands.push({ name, command: await prepare() });
    } catch (error) {
      const [reason = ''] = String(error).split('\n');
      collected.skipped.push({ scenario: 'bindings', contestant: name, reason });
    }
  }
  if (commands[0]?.name !== BINDINGS[0]?.name) return collected;
  for (const steps of context.sizes(10, 10_000, 1_000_000))
    await benchSize(context, commands, steps, collected);
  return collected;
}

async function benchSize(
  context: BenchContext,
  commands: readonly { name: string; command: readonly string[] }[],
  steps: number,
  collected: Collected,
): Promise<void> {
  const tasks = Math.ceil(steps / 10);
  context.phase(`${tasks} tasks`);
  const programs = commands.map(({ name, command }) => start(name, command, tasks));
  try {
    await requireSameAnswers(programs);
    const calls = callsOf(tasks);
    for (const question of ['build', 'resolve', 'call'] as const) {
      const scenario = `bindings, ${question}`;
      const entrants = contestants(programs, question, calls);
      collected.rows.push(...(await timeScenario(scenario, steps, entrants, context.rounds)));
    }
    const [rust, ...others] = await interleave(
      contestants(programs, 'call', calls),
      context.rounds,
    );
    for (const { name, ...spread } of others) {
      const over = (ms: number): number =>
        steps < 1_000_000 ? (ms - rust!.median) * 1000 : (ms / rust!.median - 1) * 100;
      collected.figures.push({
        scenario: 'bindings, over Rust',
        name,
        unit: steps < 1_000_000 ? 'µs a call' : '%',
        better: 'lower',
        note: `${steps.toLocaleString('en')} steps`,
        median: over(spread.median),
        min: over(spread.min),
        q1: over(spread.q1),
        q3: over(spread.q3),
        max: over(spread.max),
        samples: spread.samples,
      });
    }
  } finally {
    for (const program of programs) await program[Symbol.asyncDispose]();
  }
}

async function requireSameAnswers(programs: readonly Program[]): Promise<void> {
  let expected: number | undefined;
  for (const { name, ask } of programs) {
    await ask('call 1');
    const ready = await ask('ready 1');
    expected ??= ready;
    if (ready !== expected || ready === 0)
      throw new Error(`${name} finds ${ready} ready steps instead of ${expected}`);
  }
}
