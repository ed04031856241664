import type { RunAction } from '../command-context.ts';
import { type Command, Option } from 'commander';

import type { OperatorRequest } from '../../orchestration/operator-request.ts';
import type { OperatorResult } from '../../orchestration/operator-transaction.ts';
import type { Session } from '../../database/atomically.ts';
import { EXIT_CODE_HELP } from '../exit-codes.ts';
import { actionCommand, addActionOptions, type ActionOptions } from '../operator-command.ts';
import { idValue, jsonValue } from '../option-values.ts';

interface StepCommandOptions extends ActionOptions {
  readonly results?: { readonly value: unknown };
}

interface StepAction {
  readonly name: string;
  readonly summary: string;
  readonly description: string;
  readonly example: string;
  readonly options?: () => Option[];
  act(
    session: Session,
    stepId: bigint,
    request: OperatorRequest,
    options: StepCommandOptions,
  ): Promise<OperatorResult>;
}

const actions = () => import('../../orchestration/operator-actions.ts');

const STEP_ACTIONS: readonly StepAction[] = [
  {
    name: 'cancel',
    summary: 'cancel a step that is not finished',
    description:
      'Cancels a pending, failed or running step; the handler of a running one is told to stop. Steps that depend on it never run.',
    example: 'cancel 4711 --reason "not needed"',
    act: async (...[session, id, request]) => (await actions()).cancelStep(session, id, request),
  },
  {
    name: 'retry',
    summary: 'try a failed step again',
    description:
      'Gives a failed step as many attempts again as its template says and clears its wait; a failed task goes on.',
    example: 'retry 4711 --reason "the gateway is back"',
    act: async (...[session, id, request]) => (await actions()).retryStep(session, id, request),
  },
  {
    name: 'resolve',
    summary: 'declare a step done by hand',
    description:
      'Declares a pending or failed step done without running it, so that the steps after it may run. A failed task goes on when no failed step is left or another step can run now.',
    example: `resolve 4711 --results '{"invoice": 17}' --reason "paid by phone"`,
    options: () => [
      new Option(
        '--results <json>',
        'the results of the step from now on (default: they stay)',
      ).argParser(jsonValue('--results')),
    ],
    act: async (session, id, request, { results }) =>
      (await actions()).resolveStepByHand(session, id, {
        ...request,
        ...(results === undefined ? {} : { results: results.value }),
      }),
  },
];

/** Adds `tasker step` and its commands. */
export function addStepCommand(program: Command, run: RunAction): void {
  const group = program
    .command('step')
    .summary('cancel, retry or resolve a step')
    .description(
      'Changes one step of a task, with actor and reason in its transitions and in the journal.',
    )
    .addHelpText(
      'after',
      `${EXIT_CODE_HELP}

Examples:${STEP_ACTIONS.map(({ example }) => `\n  $ tasker step ${example}`).join('')}`,
    );
  for (const action of STEP_ACTIONS) {
    const command = group
      .command(action.name)
      .summary(action.summary)
      .description(action.description)
      .argument('<step-id>', 'id of the workflow step', (text: string) => idValue('step-id', text));
    for (const option of action.options?.() ?? []) command.addOption(option);
    addActionOptions(command)
      .addHelpText('after', `\nExample:\n  $ tasker step ${action.example}`)
      .action((id: bigint, options: StepCommandOptions) =>
        run((context) =>
          actionCommand(context, options, (session, request) =>
            action.act(session, id, request, options),
          ),
        ),
      );
  }
}
