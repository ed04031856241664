import type { RunAction } from '../command-context.ts';
import { type Command, Option } from 'commander';

import { statsCommand, type StatsOptions } from '../event-stats-text.ts';
import { tailCommand, type TailOptions } from '../event-tail.ts';
import { EXIT_CODE_HELP } from '../exit-codes.ts';
import { addOptions, databaseOption } from '../input-options.ts';
import { auditOptions, type ActionOptions } from '../operator-command.ts';
import { idValue, instantValue, nameList, positiveNumber, wholeNumber } from '../option-values.ts';
import {
  cancelReplayCommand,
  replayCommand,
  replaysCommand,
  type ReplayOptions,
  type ReplaysOptions,
} from '../replay-command.ts';
import { addEventsRetainCommand } from './events-retain.ts';

const EXAMPLES = [
  'tail --event "task.*" --json',
  'tail --from start --task 17 --no-follow',
  'replay mail --from 2026-11-23T12:00:00Z --event step.failed --reason "the mails were lost"',
  'replays --open',
  'cancel-replay 3 --reason "enough"',
  'stats --since 2026-11-23T00:00:00Z',
];

/** Adds `tasker events` and its commands. */
export function addEventsCommand(program: Command, run: RunAction): void {
  const group = program
    .command('events')
    .summary('follow the log of events, replay it to a subscriber, count it')
    .description('Reads the log of events, has parts of it delivered once more, and counts it.')
    .addHelpText(
      'after',
      `${EXIT_CODE_HELP}

Examples:${EXAMPLES.map((example) => `\n  $ tasker events ${example}`).join('')}`,
    );
  addTail(group, run);
  addReplay(group, run);
  addReplays(group, run);
  addEventsRetainCommand(group, run);
  const stats = group
    .command('stats')
    .summary('count events; sizes of partitions, lag of subscribers')
    .description(
      'Counts the events of the log by names, with the rates of the last minute and hour, and lists the partitions with their sizes and the subscribers with their lag.',
    );
  addOptions(stats, [
    databaseOption(),
    new Option('--since <timestamp>', 'count only events from then on, UTC').argParser(
      instantValue('--since'),
    ),
    new Option('--json', 'print it as JSON'),
  ])
    .addHelpText('after', `\nExample:\n  $ tasker events ${EXAMPLES[5]}`)
    .action((options: StatsOptions) => run((context) => statsCommand(context, options)));
}

const eventOption = (): Option =>
  new Option(
    '--event <names>',
    'only events of these names, parted by commas; task.* for all that begin so',
  ).argParser(nameList('--event'));

const taskOption = (): Option =>
  new Option('--task <id>', 'only events of this task').argParser((text) =>
    idValue('--task', text),
  );

function addTail(group: Command, run: RunAction): void {
  const tail = group
    .command('tail')
    .summary('print events as they come')
    .description(
      'Prints events when they are committed, each task in its order, until Ctrl-C. One line for each event.',
    );
  addOptions(tail, [
    databaseOption(),
    new Option(
      '--from <place>',
      'where to begin: start, the position of an event, or a UTC timestamp (default: now)',
    ),
    eventOption(),
    taskOption(),
    new Option('--limit <count>', 'end after so many events').argParser(wholeNumber('--limit', 1)),
    new Option('--no-follow', 'end where the log ends now'),
    new Option('--json', 'print events as NDJSON, with their positions and whole payloads'),
  ])
    .addHelpText(
      'after',
      `
Examples:
  $ tasker events ${EXAMPLES[0]}
  $ tasker events ${EXAMPLES[1]}`,
    )
    .action((options: TailOptions) => run((context) => tailCommand(context, options)));
}

function addReplay(group: Command, run: RunAction): void {
  const replay = group
    .command('replay')
    .summary('have events delivered to a subscriber once more')
    .description(
      'Has events delivered to a subscriber once more, marked as replay, by the processes that run it, and waits until that is over. Stopping this command does not stop the replay: cancel-replay does.',
    )
    .argument('<subscriber>', 'name of the subscriber');
  addOptions(replay, [
    databaseOption(),
    new Option(
      '--from <place>',
      'where to begin: start, the position of an event, or a UTC timestamp',
    ).makeOptionMandatory(),
    new Option(
      '--until <place>',
      'where to end: the position of the last event, or a UTC timestamp that all lie before (default: now)',
    ),
    eventOption(),
    taskOption(),
    new Option(
      '--rate <number>',
      'events a second (default: as fast as they are handled)',
    ).argParser(positiveNumber('--rate')),
    new Option('--detach', 'ask for it, and do not wait'),
    ...auditOptions(),
    new Option('--json', 'print the replay as JSON when it is over'),
  ])
    .addHelpText('after', `\nExample:\n  $ tasker events ${EXAMPLES[2]}`)
    .action((subscriber: string, options: ReplayOptions) =>
      run((context) => replayCommand(context, subscriber, options)),
    );
}

function addReplays(group: Command, run: RunAction): void {
  const replays = group
    .command('replays')
    .summary('list replays with their progress')
    .description('Lists replays with their progress, the latest first, by pages.');
  addOptions(replays, [
    databaseOption(),
    new Option('--subscriber <name>', 'only those to this subscriber'),
    new Option('--open', 'only those that are not over'),
    new Option('--limit <count>', 'replays of a page')
      .argParser(wholeNumber('--limit', 1, 10_000))
      .default(100),
    new Option('--cursor <text>', 'what the page before ended with'),
    new Option('--json', 'print the page as JSON'),
  ])
    .addHelpText('after', `\nExample:\n  $ tasker events ${EXAMPLES[3]}`)
    .action((options: ReplaysOptions) => run((context) => replaysCommand(context, options)));
  const cancel = group
    .command('cancel-replay')
    .summary('end a replay')
    .description('Ends a replay: what is under way ends, no further events are delivered.')
    .argument('<replay-id>', 'id of the replay', (text: string) => idValue('replay-id', text));
  addOptions(cancel, [
    databaseOption(),
    ...auditOptions(),
    new Option('--json', 'print the replay as JSON'),
  ])
    .addHelpText('after', `\nExample:\n  $ tasker events ${EXAMPLES[4]}`)
    .action((id: bigint, options: ActionOptions) =>
      run((context) => cancelReplayCommand(context, id, options)),
    );
}
