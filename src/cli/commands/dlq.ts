import { type Command, Option } from 'commander';

import type {
  DeadLetterFilter,
  DeadLetterReason,
} from '../../database/event-store/dead-letter-rows.ts';
import type { DeadLetterRequest, DeadLetterResult } from '../../events/dead-letters.ts';
import { TaskerError } from '../../errors.ts';
import type { CommandContext, RunAction } from '../command-context.ts';
import { EXIT_CODE_HELP, EXIT_CODES, type ExitCode } from '../exit-codes.ts';
import {
  letterJson,
  letterResultJson,
  letterResultText,
  lettersText,
  letterText,
} from '../dead-letter-text.ts';
import { addOptions, databaseOption } from '../input-options.ts';
import { jsonText } from '../json-text.ts';
import {
  auditOptions,
  auditRequest,
  withSession,
  type ActionOptions,
} from '../operator-command.ts';
import { idValue, instantValue, nameList, wholeNumber } from '../option-values.ts';

interface FilterOptions extends ActionOptions {
  readonly subscriber?: string;
  readonly event?: string[];
  readonly task?: bigint;
  readonly failure?: DeadLetterReason;
  readonly since?: number;
  readonly until?: number;
}

interface ListOptions extends FilterOptions {
  readonly limit: number;
  readonly cursor?: string;
}

interface ChangeOptions extends FilterOptions {
  readonly all?: true;
}

const api = () => import('../../events/dead-letters.ts');

const EXAMPLES = [
  'list --subscriber mail --failure timeout',
  'show 17',
  'redrive 17 18 --reason "the mail server is back"',
  'redrive --subscriber mail --event "task.*" --dry-run',
  'discard 17 --reason "sent by hand"',
];

/** Adds `tasker dlq` and its commands. */
export function addDlqCommand(program: Command, run: RunAction): void {
  const group = program
    .command('dlq')
    .summary('list, show, redrive or discard events that subscribers gave up')
    .description(
      'Dead letters: events that a durable subscriber could not handle. What is done with them stands in the journal, with actor and reason.',
    )
    .addHelpText(
      'after',
      `${EXIT_CODE_HELP}

Examples:${EXAMPLES.map((example) => `\n  $ tasker dlq ${example}`).join('')}`,
    );
  addReaders(group, run);
  const redrive = group
    .command('redrive')
    .summary('have dead letters delivered again')
    .description(
      'Has dead letters delivered again by the processes that run their subscriber. Those that are handled are gone; those that fail again stay, with the new error.',
    )
    .argument('[ids...]', 'ids of dead letters');
  addOptions(redrive, [
    databaseOption(),
    ...filterOptions(),
    new Option('--all', 'all dead letters'),
    ...changeOptions(),
  ])
    .addHelpText(
      'after',
      `
Examples:
  $ tasker dlq ${EXAMPLES[2]}
  $ tasker dlq ${EXAMPLES[3]}`,
    )
    .action((ids: string[], options: ChangeOptions) =>
      run((context) => redriveCommand(context, ids, options)),
    );
  const discard = group
    .command('discard')
    .summary('forget dead letters, with a reason')
    .description('Forgets dead letters: nobody gets these events any more, unless by a replay.')
    .argument('[ids...]', 'ids of dead letters');
  addOptions(discard, [
    databaseOption(),
    ...filterOptions(),
    ...changeOptions('why; must be given'),
  ])
    .addHelpText('after', `\nExample:\n  $ tasker dlq ${EXAMPLES[4]}`)
    .action((ids: string[], options: ChangeOptions) =>
      run((context) => discardCommand(context, ids, options)),
    );
}

function addReaders(group: Command, run: RunAction): void {
  const list = group
    .command('list')
    .summary('list dead letters, the latest first')
    .description('Lists dead letters, the latest first, by pages.');
  addOptions(list, [
    databaseOption(),
    ...filterOptions(),
    new Option('--limit <count>', 'letters of a page')
      .argParser(wholeNumber('--limit', 1, 10_000))
      .default(100),
    new Option('--cursor <text>', 'what the page before ended with'),
    new Option('--json', 'print the page as JSON'),
  ])
    .addHelpText('after', `\nExample:\n  $ tasker dlq ${EXAMPLES[0]}`)
    .action((options: ListOptions) => run((context) => listCommand(context, options)));
  const show = group
    .command('show')
    .summary('show a dead letter: event, error, attempts, payload')
    .description('Shows a dead letter: its event with the payload, the last error, the attempts.')
    .argument('<id>', 'id of the dead letter', (text: string) => idValue('id', text));
  addOptions(show, [databaseOption(), new Option('--json', 'print it as JSON')])
    .addHelpText('after', `\nExample:\n  $ tasker dlq ${EXAMPLES[1]}`)
    .action((id: bigint, options: ActionOptions) =>
      run((context) => showCommand(context, id, options)),
    );
}

function filterOptions(): Option[] {
  return [
    new Option('--subscriber <name>', 'only those of this subscriber'),
    new Option(
      '--event <names>',
      'only events of these names, parted by commas; task.* for all that begin so',
    ).argParser(nameList('--event')),
    new Option('--task <id>', 'only events of this task').argParser((text) =>
      idValue('--task', text),
    ),
    new Option('--failure <kind>', 'only those given up for this').choices(['failed', 'timeout']),
    new Option('--since <timestamp>', 'only those given up from then on, UTC').argParser(
      instantValue('--since'),
    ),
    new Option('--until <timestamp>', 'only those given up before, UTC').argParser(
      instantValue('--until'),
    ),
  ];
}

function changeOptions(reason?: string): Option[] {
  return [
    ...auditOptions(reason),
    new Option('--dry-run', 'print what would be done, and do nothing'),
    new Option('--json', 'print the result as JSON'),
  ];
}

function filterOf(options: FilterOptions): DeadLetterFilter {
  const { subscriber, event: names, task: taskId, failure: reason, since, until } = options;
  return {
    ...(subscriber === undefined ? {} : { subscriber }),
    ...(names === undefined ? {} : { names }),
    ...(taskId === undefined ? {} : { taskId }),
    ...(reason === undefined ? {} : { reason }),
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
  };
}

async function listCommand(context: CommandContext, options: ListOptions): Promise<ExitCode> {
  const { limit, cursor, json } = options;
  const { listDeadLetters } = await api();
  const query = { ...filterOf(options), limit, ...(cursor === undefined ? {} : { cursor }) };
  const page = await withSession(context, options, (client) => listDeadLetters(client, query));
  context.print(
    json === true
      ? jsonText({ dead_letters: page.letters.map(letterJson), next: page.next ?? null })
      : lettersText(page),
  );
  return EXIT_CODES.done;
}

async function showCommand(
  context: CommandContext,
  id: bigint,
  options: ActionOptions,
): Promise<ExitCode> {
  const { deadLetter } = await api();
  const letter = await withSession(context, options, (client) => deadLetter(client, id));
  context.print(options.json === true ? jsonText(letterJson(letter)) : letterText(letter));
  return EXIT_CODES.done;
}

async function redriveCommand(
  context: CommandContext,
  ids: readonly string[],
  options: ChangeOptions,
): Promise<ExitCode> {
  const filter = chosenBy(ids, options, 'Give ids, a filter such as --subscriber, or --all.');
  const { redriveDeadLetters } = await api();
  const result = await withSession(context, options, (client) =>
    redriveDeadLetters(client, filter, requestOf(options)),
  );
  return printResult(context, options, result);
}

async function discardCommand(
  context: CommandContext,
  ids: readonly string[],
  options: ChangeOptions,
): Promise<ExitCode> {
  const filter = chosenBy(ids, options, 'Give ids, or a filter such as --subscriber.');
  const { reason } = options;
  if (reason === undefined) {
    throw new TaskerError('TASKER_BAD_ARGUMENT', 'No reason is given.', {
      remedy: 'Say with --reason why the events are not to be handled.',
      data: { option: '--reason' },
    });
  }
  const { discardDeadLetters } = await api();
  const result = await withSession(context, options, (client) =>
    discardDeadLetters(client, filter, { ...requestOf(options), reason }),
  );
  return printResult(context, options, result);
}

/** The letters that ids and options choose; none chosen is a mistake, unless all are asked for. */
function chosenBy(
  texts: readonly string[],
  options: ChangeOptions,
  remedy: string,
): DeadLetterFilter {
  const ids = [...new Set(texts.map((text) => idValue('ids', text)))];
  const filter = { ...filterOf(options), ...(ids.length === 0 ? {} : { ids }) };
  const isEmpty = Object.keys(filter).length === 0;
  if (isEmpty === (options.all === true)) return filter;
  throw new TaskerError(
    'TASKER_BAD_ARGUMENT',
    isEmpty ? 'No dead letters are chosen.' : '--all is given with what chooses some.',
    { remedy },
  );
}

const requestOf = (options: ChangeOptions): DeadLetterRequest => ({
  ...auditRequest(options),
  dryRun: options.dryRun === true,
});

function printResult(
  context: CommandContext,
  options: ChangeOptions,
  result: DeadLetterResult,
): ExitCode {
  context.print(
    options.json === true ? jsonText(letterResultJson(result)) : letterResultText(result),
  );
  return EXIT_CODES.done;
}
