import { parseArgs } from 'node:util';

/** Where the JSON of a run goes unless `--output` says otherwise. */
const ENGINE_LATEST = 'bench/results/engine.json';

const REDIS = 'redis://127.0.0.1:6379';

/** The help text of `npm run bench:engine`. */
export const ENGINE_HELP = `Runs our engine on an embedded PostgreSQL of its own: tasks under load, alone, at the start and for
long; with --peers beside other engines, in turns and on the same server. Every step is counted
before a time is believed.

  npm run bench:engine                          about nine minutes on two cores
  npm run bench:engine -- --peers               also the peers, which it installs: bench/peers
  npm run bench:engine -- --rounds 5            rounds of each contestant, default 3
  npm run bench:engine -- --tasks 2500          tasks of 8 steps in a round under load, default 5000
  npm run bench:engine -- --peer-tasks 500      the same of the peers, and of ours beside them, default 1000
  npm run bench:engine -- --fan 500             width of the fan, default 5000
  npm run bench:engine -- --samples 40          chains and single tasks, default 80
  npm run bench:engine -- --active 1000         unfinished tasks that a start finds, default 10000
  npm run bench:engine -- --long-run 1000000    steps of the long run, default 80000
  npm run bench:engine -- --redis URL           for BullMQ; default REDIS_URL or ${REDIS}
  npm run bench:engine -- --remark TEXT         goes into the published page: other work of the machine, say
  npm run bench:engine -- --output FILE         JSON goes there instead of ${ENGINE_LATEST}
  npm run bench:report -- --engine ${ENGINE_LATEST}    publishes it

Exit codes: 0 done, 1 failed (steps are missing, say), 64 wrong arguments.`;

/** Sizes of a run of the engine's benchmark. */
export interface EngineBenchOptions {
  readonly tasks: number;
  readonly peerTasks: number;
  readonly fan: number;
  readonly rounds: number;
  readonly samples: number;
  readonly active: number;
  readonly longRun: number;
  readonly peers: boolean;
  readonly redis: string;
  readonly remark: string;
  readonly output: string;
}

/** Reads the command line; `help`, or what is wrong with it. */
export function readEngineOptions(
  args: readonly string[],
): EngineBenchOptions | 'help' | { readonly wrong: string } {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        tasks: { type: 'string', default: '5000' },
        'peer-tasks': { type: 'string', default: '1000' },
        fan: { type: 'string', default: '5000' },
        rounds: { type: 'string', default: '3' },
        samples: { type: 'string', default: '80' },
        active: { type: 'string', default: '10000' },
        'long-run': { type: 'string', default: '80000' },
        peers: { type: 'boolean', default: false },
        redis: { type: 'string', default: process.env['REDIS_URL'] ?? REDIS },
        remark: { type: 'string', default: '' },
        output: { type: 'string', default: ENGINE_LATEST },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help) return 'help';
    const whole = (
      name: 'tasks' | 'peer-tasks' | 'fan' | 'rounds' | 'samples' | 'active' | 'long-run',
    ) => {
      const value = Number(values[name]);
      if (Number.isInteger(value) && value > 0) return value;
      throw new Error(`--${name} is "${values[name]}", not a whole number from 1.`);
    };
    const { peers, redis, remark, output } = values;
    return {
      tasks: whole('tasks'),
      peerTasks: whole('peer-tasks'),
      fan: whole('fan'),
      rounds: whole('rounds'),
      samples: whole('samples'),
      active: whole('active'),
      longRun: whole('long-run'),
      peers,
      redis,
      remark,
      output,
    };
  } catch (error) {
    return { wrong: error instanceof Error ? error.message : String(error) };
  }
}
