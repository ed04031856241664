import { parseArgs } from 'node:util';

import { SCENARIOS } from './scenarios.ts';

/** Where a run's JSON goes unless `--output` says otherwise; the report reads it from there. */
export const LATEST = 'bench/results/latest.json';

const QUICK = { rounds: 5, maxSteps: 100_000 } as const;
const FULL = { rounds: 9, maxSteps: 10_000_000 } as const;
const LEAST_STEPS = 10;

/** The help text of `npm run bench`. */
export const HELP = `Compares every backend of the resolver with SQL on the same database, a plain C loop, a Map of
objects and graphology. Answers are compared before anything is timed; contestants take turns;
medians and quartiles are printed and written as JSON.

  npm run bench                       everything, 10 to 12 minutes on two cores
  npm run bench -- --quick            up to 100,000 steps and ${QUICK.rounds} rounds, for a look
  npm run bench -- --only warm,levels these scenarios; may be repeated
  npm run bench -- --list             names the scenarios
  npm run bench -- --rounds 15        samples of each contestant, default ${FULL.rounds}
  npm run bench -- --max-steps 1e6    leaves out what is larger, default 10 million
  npm run bench -- --output FILE      JSON goes there instead of ${LATEST}
  npm run bench -- --compare FILE     sets the run beside an earlier one
  npm run bench -- --input FILE --compare EARLIER
                                      the same for two files; nothing runs

A contestant is called slower or faster than before when the medians are 5 % apart or more and the
middle halves of the samples do not overlap. Sizes at the extreme: npm run bench:scale. Charts and
docs/performance.md: npm run bench:report.

Exit codes: 0 done, 1 failed (answers differ, say), 64 wrong arguments.`;

/** What the command line asks for. */
export interface BenchOptions {
  readonly ask: 'run' | 'list' | 'help' | 'compare';
  /** Names of scenarios. */
  readonly only: readonly string[];
  readonly rounds: number;
  readonly maxSteps: number;
  readonly output: string;
  readonly compare: string | undefined;
  readonly input: string | undefined;
}

/** What is wrong with the command line; the program ends with 64. */
export class UsageError extends Error {}

function wholeNumber(option: string, text: string, least: number): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isInteger(value) && value >= least) return value;
  throw new UsageError(`--${option} is "${text}", not a whole number from ${least}.`);
}

function scenarioNames(given: readonly string[]): string[] {
  const names = given.flatMap((list) => list.split(',')).map((name) => name.trim());
  const known = SCENARIOS.map(({ name }) => name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new UsageError(`There is no scenario "${unknown}"; there are ${known.join(', ')}.`);
  }
  if (names.length > 0) return known.filter((name) => names.includes(name));
  return SCENARIOS.filter(({ optional }) => optional !== true).map(({ name }) => name);
}

/**
 * Reads the command line.
 *
 * Throws {@link UsageError} for what it does not know or cannot use.
 */
export function readOptions(args: readonly string[]): BenchOptions {
  const values = parse(args);
  const base = values.quick === true ? QUICK : FULL;
  const { compare, input } = values;
  if (input !== undefined && compare === undefined) {
    throw new UsageError('--input needs --compare: the file to set it beside.');
  }
  const ask =
    values.help === true
      ? 'help'
      : values.list === true
        ? 'list'
        : input === undefined
          ? 'run'
          : 'compare';
  return {
    ask,
    only: scenarioNames(values.only ?? []),
    rounds: values.rounds === undefined ? base.rounds : wholeNumber('rounds', values.rounds, 1),
    maxSteps:
      values['max-steps'] === undefined
        ? base.maxSteps
        : wholeNumber('max-steps', values['max-steps'], LEAST_STEPS),
    output: values.output ?? LATEST,
    compare,
    input,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        quick: { type: 'boolean' },
        list: { type: 'boolean' },
        only: { type: 'string', multiple: true },
        rounds: { type: 'string' },
        'max-steps': { type: 'string' },
        output: { type: 'string' },
        compare: { type: 'string' },
        input: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
