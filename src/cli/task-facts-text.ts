import type { AuditEntry } from '../database/audit-log.ts';
import type { TaskFacts } from '../database/engine/task-facts.ts';
import { isWorkflowState } from '../state-machine/states.ts';
import type { CommandContext } from './command-context.ts';
import { EXIT_CODES, type ExitCode } from './exit-codes.ts';
import { jsonText } from './json-text.ts';
import { withSession, type SessionOptions } from './operator-command.ts';
import { countText, factLines, textTable } from './text-table.ts';

/** Lines of steps, and entries of the journal, that the text shows; JSON has all steps. */
const SHOWN_STEPS = 200;
const SHOWN_ENTRIES = 20;

/** `tasker task show`. */
export async function showCommand(
  context: CommandContext,
  taskId: bigint,
  options: SessionOptions,
): Promise<ExitCode> {
  const { actionsFor } = await import('../orchestration/operator-plan.ts');
  const { task, journal } = await withSession(context, options, async (client) => {
    const { auditOf } = await import('../database/audit-log.ts');
    const { taskFacts } = await import('../database/engine/task-facts.ts');
    return {
      task: await taskFacts(client, taskId),
      journal: await auditOf(client, { taskId, limit: SHOWN_ENTRIES }),
    };
  });
  const allowed = (isWorkflowState(task.state) ? actionsFor('task', task.state) : []).map((name) =>
    name.replace('task.', '').replace('_', '-'),
  );
  context.print(
    options.json === true
      ? jsonText(factsJson(task, journal.entries, allowed))
      : factsText(task, allowed) + stepsText(task) + journalText(journal.entries),
  );
  return EXIT_CODES.done;
}

function factsJson(
  task: TaskFacts,
  journal: readonly AuditEntry[],
  allowed: readonly string[],
): object {
  return {
    task_id: task.taskId,
    namespace: task.namespace,
    name: task.name,
    version: task.version,
    state: task.state,
    since: task.since,
    paused_at: task.pausedAt,
    requested_at: task.requestedAt,
    run_at: task.runAt,
    initiator: task.initiator,
    source_system: task.sourceSystem,
    reason: task.reason,
    priority: task.priority,
    correlation_id: task.correlationId,
    parent_task_id: task.parentTaskId,
    context: task.context,
    allowed,
    steps: task.steps.map((step) => ({
      step_id: step.stepId,
      name: step.name,
      state: step.state,
      since: step.since,
      attempts: step.attempts,
      retry_limit: step.retryLimit,
      retryable: step.retryable,
      next_attempt_at: step.nextAttemptAt,
      error: step.error,
    })),
    journal: journal.map((entry) => ({
      audit_id: entry.auditId,
      at: entry.at,
      actor: entry.actor,
      action: entry.action,
      reason: entry.reason,
      step_id: entry.stepId,
      details: entry.details,
    })),
  };
}

function factsText(task: TaskFacts, allowed: readonly string[]): string {
  const facts: [name: string, value: string | null][] = [
    ['task', `${task.taskId} ${task.namespace}/${task.name} ${task.version}`],
    ['state', `${task.state} since ${task.since}`],
    ['paused', task.pausedAt === null ? null : `since ${task.pausedAt}`],
    ['requested', task.requestedAt],
    ['runs from', task.runAt],
    ['initiator', task.initiator],
    ['source system', task.sourceSystem],
    ['reason', task.reason],
    ['priority', task.priority === 0 ? null : String(task.priority)],
    ['correlation id', task.correlationId],
    ['parent task', task.parentTaskId === null ? null : String(task.parentTaskId)],
    ['allowed', allowed.join(', ')],
    ['steps', countsText(task)],
  ];
  return factLines(facts.flatMap(([name, value]) => (value === null ? [] : [[name, value]])));
}

function countsText({ steps }: TaskFacts): string {
  const counts = Object.entries(Object.groupBy(steps, ({ state }) => state)).map(
    ([state, found]) => `${countText(found.length)} ${state}`,
  );
  return steps.length === 0 ? 'none' : `${countText(steps.length)}: ${counts.join(', ')}`;
}

function stepsText({ steps }: TaskFacts): string {
  if (steps.length === 0) return '';
  const table = textTable(
    [
      { title: 'step', align: 'right' },
      { title: 'name' },
      { title: 'state' },
      { title: 'since' },
      { title: 'attempts', align: 'right' },
      { title: 'waits until' },
      { title: 'error' },
    ],
    steps
      .slice(0, SHOWN_STEPS)
      .map((step) => [
        String(step.stepId),
        step.name,
        step.state,
        step.since,
        `${step.attempts} of ${step.retryLimit}`,
        step.state === 'error' ? (step.nextAttemptAt ?? '') : '',
        oneLine(step.error),
      ]),
  );
  const left = steps.length - SHOWN_STEPS;
  return `\n${table}${left > 0 ? `... and ${countText(left)} more; --json has all\n` : ''}`;
}

function journalText(entries: readonly AuditEntry[]): string {
  if (entries.length === 0) return '';
  const table = textTable(
    [
      { title: 'journal (newest first)' },
      { title: 'actor' },
      { title: 'action' },
      { title: 'step', align: 'right' },
      { title: 'reason' },
    ],
    entries.map(({ at, actor, action, stepId, reason }) => [
      at,
      actor,
      action,
      stepId === null ? '' : String(stepId),
      oneLine(reason),
    ]),
  );
  return `\n${table}`;
}

const oneLine = (text: string | null): string => (text ?? '').replaceAll(/\s+/g, ' ').slice(0, 200);
