import { type Command, Option } from 'commander';

import type { CommandContext, RunAction } from '../command-context.ts';
import { EXIT_CODE_HELP, EXIT_CODES, type ExitCode } from '../exit-codes.ts';
import { addOptions, databaseOption } from '../input-options.ts';
import { jsonText } from '../json-text.ts';
import {
  auditOptions,
  auditRequest,
  withSession,
  type ActionOptions,
  type SessionOptions,
} from '../operator-command.ts';
import { subscriberJson, subscribersText, subscriberText } from '../subscriber-text.ts';

const api = () => import('../../events/subscriptions.ts');

const EXAMPLES = [
  'list',
  'show mail',
  'pause mail --reason "the mail server is down"',
  'resume mail',
];

/** Adds `tasker subscriber` and its commands. */
export function addSubscriberCommand(program: Command, run: RunAction): void {
  const group = program
    .command('subscriber')
    .summary('look at durable subscribers, pause or resume one')
    .description(
      'Durable subscribers: how far each is, what failed, who serves it. Pausing and resuming stand in the journal, with actor and reason.',
    )
    .addHelpText(
      'after',
      `${EXIT_CODE_HELP}

Examples:${EXAMPLES.map((example) => `\n  $ tasker subscriber ${example}`).join('')}`,
    );
  const list = group
    .command('list')
    .summary('list subscribers with their lag')
    .description('Lists every durable subscriber that was ever started.');
  addOptions(list, [databaseOption(), new Option('--json', 'print them as JSON')])
    .addHelpText('after', '\nExample:\n  $ tasker subscriber list')
    .action((options: SessionOptions) => run((context) => listCommand(context, options)));
  const show = withName(group.command('show'))
    .summary('show a subscriber and its parts')
    .description('Shows position, lag, counts and the last error of a subscriber and its parts.');
  addOptions(show, [databaseOption(), new Option('--json', 'print it as JSON')])
    .addHelpText('after', '\nExample:\n  $ tasker subscriber show mail')
    .action((name: string, options: SessionOptions) =>
      run((context) => showCommand(context, name, options)),
    );
  addChange(group, run, {
    name: 'pause',
    summary: 'deliver nothing more to a subscriber',
    description:
      'Delivers nothing more to a subscriber, in whichever process it runs; what is under way ends. Events wait, and the log keeps them.',
    example: EXAMPLES[2] as string,
  });
  addChange(group, run, {
    name: 'resume',
    summary: 'deliver to a paused subscriber again',
    description: 'Delivers to a paused subscriber again, from where it was.',
    example: EXAMPLES[3] as string,
  });
}

interface Change {
  readonly name: 'pause' | 'resume';
  readonly summary: string;
  readonly description: string;
  readonly example: string;
}

function addChange(group: Command, run: RunAction, change: Change): void {
  const command = withName(group.command(change.name))
    .summary(change.summary)
    .description(change.description);
  addOptions(command, [
    databaseOption(),
    ...auditOptions(),
    new Option('--json', 'print the result as JSON'),
  ])
    .addHelpText('after', `\nExample:\n  $ tasker subscriber ${change.example}`)
    .action((name: string, options: ActionOptions) =>
      run((context) => changeCommand(context, change.name, name, options)),
    );
}

const withName = (command: Command): Command =>
  command.argument('<subscriber>', 'name of the subscriber');

async function listCommand(context: CommandContext, options: SessionOptions): Promise<ExitCode> {
  const { subscriberHealth } = await api();
  const all = await withSession(context, options, (client) => subscriberHealth(client));
  context.print(
    options.json === true
      ? jsonText({ subscribers: all.map(subscriberJson) })
      : subscribersText(all),
  );
  return EXIT_CODES.done;
}

async function showCommand(
  context: CommandContext,
  name: string,
  options: SessionOptions,
): Promise<ExitCode> {
  const { oneSubscriber } = await api();
  const health = await withSession(context, options, (client) => oneSubscriber(client, name));
  context.print(options.json === true ? jsonText(subscriberJson(health)) : subscriberText(health));
  return EXIT_CODES.done;
}

async function changeCommand(
  context: CommandContext,
  change: 'pause' | 'resume',
  name: string,
  options: ActionOptions,
): Promise<ExitCode> {
  const { pauseSubscriber, resumeSubscriber } = await api();
  const act = change === 'pause' ? pauseSubscriber : resumeSubscriber;
  const result = await withSession(context, options, (client) =>
    act(client, name, auditRequest(options)),
  );
  const { action, subscriber, alreadyDone, auditId } = result;
  const state = change === 'pause' ? 'paused' : 'running';
  context.print(
    options.json === true
      ? jsonText({
          action,
          subscriber,
          state,
          already_done: alreadyDone,
          audit_id: auditId ?? null,
        })
      : `${alreadyDone ? 'Nothing to do' : 'Done'}: ${subscriber} is ${state}.\n`,
  );
  return EXIT_CODES.done;
}
