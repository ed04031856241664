import type { TaskTemplate } from '../templates/task-template.ts';
import type { NewTask } from './task-intake.ts';
import type { CreatedTask, TaskRequest } from './task-request.ts';
import { formatInstant, parseInstant } from '../graph/snapshot/instants.ts';

/** Contexts of more tasks than this at once are read again when the tasks run, rather than kept. */
const KEPT_CONTEXTS = 2000;

/**
 * Parts created tasks: those whose rows follow from the template, and those that must be read.
 *
 * @param nowMicros µs since the epoch
 */
export function newTasksOf(
  template: TaskTemplate,
  tasks: readonly CreatedTask[],
  requests: readonly TaskRequest[],
  nowMicros: number,
): { plain: NewTask[]; others: bigint[] } {
  const plain: NewTask[] = [];
  const others: bigint[] = [];
  const keep = tasks.length <= KEPT_CONTEXTS;
  for (const [at, { taskId, created, firstStepId, correlationId }] of tasks.entries()) {
    const request = requests[at] as TaskRequest;
    if (!created) continue;
    const follows =
      firstStepId !== undefined &&
      request.runAt === undefined &&
      (request.bypassSteps ?? []).length === 0 &&
      template.hooks.establishDependencies === undefined;
    if (!follows) {
      others.push(taskId);
      continue;
    }
    const { priority = 0 } = request;
    const inputs = keep ? inputsOf(template, taskId, request, correlationId, nowMicros) : undefined;
    plain.push({ taskId, firstStepId, priority, correlationId, inputs });
  }
  return { plain, others };
}

function inputsOf(
  { namespace, name, version }: TaskTemplate,
  taskId: bigint,
  request: TaskRequest,
  correlationId: string | undefined,
  nowMicros: number,
): NonNullable<NewTask['inputs']> {
  const requestedAt =
    request.requestedAt === undefined ? nowMicros : parseInstant(request.requestedAt);
  return {
    // handlers see what is stored, and change nothing of the caller's
    context: structuredClone(request.context),
    task: {
      taskId,
      namespace,
      name,
      version,
      correlationId,
      priority: request.priority ?? 0,
      requestedAt: formatInstant(requestedAt ?? nowMicros),
      initiator: request.initiator ?? 'unknown',
      sourceSystem: request.sourceSystem ?? 'unknown',
      reason: request.reason ?? 'unknown',
      tags: request.tags ?? [],
    },
    results: new Map(),
    newResults: new Map(),
    stepInputs: new Map(),
  };
}
