import { formatNaive } from '../../graph/snapshot/instants.ts';
import {
  boolArray,
  int4Array,
  int8Array,
  jsonbArray,
  textArray,
  timestampArray,
  uuidArray,
} from '../copy/binary-arrays.ts';
import { DEFAULT_FLEET } from './default-fleet.ts';
import { EventIds } from '../event-store/event-ids.ts';
import { IdBlock, type Queries } from '../id-block.ts';
import { IdRuns } from './id-runs.ts';
import { rowError } from '../repositories/row-errors.ts';
import { shapedStatements } from './shaped-statement.ts';
import { taskParametersOf, taskStatement, type TaskStatementShape } from './task-statement.ts';
import type { StorableTemplate, StoredTemplate } from './template-catalog.ts';

/** A task to be stored, checked and with every default filled in. */
export interface TaskRecord {
  /** JSON text of an object. */
  readonly context: string;
  /** Unique over all tasks. */
  readonly identityHash: string;
  /** µs since the epoch. */
  readonly requestedAt: number;
  readonly initiator: string;
  readonly sourceSystem: string;
  readonly reason: string;
  readonly tags: readonly string[];
  /** Names of steps to be stored as resolved by hand; each is one of the template's. */
  readonly bypassSteps: readonly string[];
  readonly priority: number;
  readonly correlationId: string;
  readonly parentTaskId?: bigint | undefined;
  /** µs since the epoch; no step runs before. */
  readonly runAt?: number | undefined;
  readonly traceContext?: string | undefined;
  /** JSON texts by step name, stored as `inputs` in place of the context's copy. */
  readonly inputs?: ReadonlyMap<string, string> | undefined;
}

/** What became of a task that was to be written. */
export type WrittenTask =
  | {
      readonly created: true;
      readonly taskId: bigint;
      /** The task's steps have the ids from this one on, in the order of the template. */
      readonly firstStepId: bigint;
    }
  /** The identity was taken, by this task; nothing was written. */
  | { readonly created: false; readonly taskId: bigint };

/** Options of {@link TaskWriter.write}. */
export interface WriteTasksOptions {
  /** Whose engines run the tasks; default `default`. */
  readonly fleet?: string;
  /** Tells engines of the new tasks when the transaction commits; default true. */
  readonly notify?: boolean;
}

/**
 * Creates tasks, any number of one template by one statement. One writer serves one database: it
 * keeps blocks of ids of its sequences.
 */
export class TaskWriter {
  readonly #taskIds = new IdBlock('tasker_tasks_task_id_seq', 250);
  readonly #stepIds = new IdRuns('tasker_workflow_steps_workflow_step_id_seq', 2000);
  readonly #transitionIds = new IdBlock('tasker_workflow_step_transitions_id_seq', 100);
  readonly #eventIds = new EventIds();

  /**
   * Writes the tasks whose identity is not taken: all of them in one transaction, the client's own
   * where it has begun one. The template's rows are there (`storeTemplate`).
   *
   * @param at the creation time, µs since the epoch
   * @returns one answer for each task, in order; O(tasks · (steps + edges)) on the server
   * @throws TaskerError `TASKER_NOT_FOUND` when the template's rows are gone, `TASKER_BAD_ARGUMENT` for
   *   a value that no column holds
   */
  async write(
    client: Queries,
    stored: StoredTemplate,
    tasks: readonly TaskRecord[],
    at: number,
    options: WriteTasksOptions = {},
  ): Promise<WrittenTask[]> {
    const answers = new Map<TaskRecord, WrittenTask>();
    let open = tasks;
    while (open.length > 0) {
      const written = await this.#insert(client, stored, open, at, options);
      const lost = open.filter((task) => !written.has(task));
      const holders = await holdersOf(client, lost);
      for (const [task, answer] of written) answers.set(task, answer);
      for (const task of lost) {
        const taskId = holders.get(task.identityHash);
        if (taskId !== undefined) answers.set(task, { created: false, taskId });
      }
      // the holder of an identity may have been deleted since
      open = lost.filter((task) => !answers.has(task));
    }
    return tasks.map((task) => answers.get(task) as WrittenTask);
  }

  async #insert(
    client: Queries,
    stored: StoredTemplate,
    tasks: readonly TaskRecord[],
    at: number,
    { fleet = DEFAULT_FLEET, notify = true }: WriteTasksOptions,
  ): Promise<Map<TaskRecord, WrittenTask>> {
    const { positions, template, arrays } = preparedOf(stored);
    const taskIds = await this.#taskIds.draw(client, tasks.length);
    const firsts = await this.#stepIds.take(client, tasks.length, template.steps.length);
    const stepId = (task: number, name: string): bigint =>
      (firsts[task] as bigint) + BigInt(positions.get(name) as number);
    const bypassed = tasks.flatMap(({ bypassSteps, correlationId }, index) =>
      bypassSteps.map((name) => ({
        taskId: taskIds[index],
        stepId: stepId(index, name),
        metadata: JSON.stringify({ actor: 'bypass', correlation_id: correlationId }),
      })),
    );
    const inputs = tasks.flatMap((task, index) =>
      [...(task.inputs ?? [])].map(([name, value]) => ({ stepId: stepId(index, name), value })),
    );
    const { name, text, parameters } = statementOf({
      bypassed: bypassed.length > 0,
      inputs: inputs.length > 0,
      notify,
    });
    const encoded: Record<string, unknown> = {
      at: formatNaive(at),
      fleet,
      ...arrays,
      task_id: int8Array(taskIds),
      first_step: int8Array(firsts),
      ...encodeTasks(tasks),
      bypass_task: int8Array(bypassed.map((step) => step.taskId)),
      bypass_step: int8Array(bypassed.map((step) => step.stepId)),
      bypass_id: int8Array(await this.#transitionIds.draw(client, bypassed.length)),
      bypass_event: uuidArray(bypassed.map(() => this.#eventIds.next(at))),
      bypass_metadata: jsonbArray(bypassed.map(({ metadata }) => metadata)),
      input_step: int8Array(inputs.map((step) => step.stepId)),
      input_value: jsonbArray(inputs.map(({ value }) => value)),
    };
    const values = parameters.map((parameter) => encoded[parameter]);
    const { rows } = await client
      .query<{ made: string | null }>({ name, text, values })
      .catch(refused);
    const made = new Set(rows[0]?.made?.split(','));
    return new Map(
      tasks.flatMap((task, index) => {
        const taskId = taskIds[index] as bigint;
        if (!made.has(String(taskId))) return [];
        return [[task, { created: true, taskId, firstStepId: firsts[index] as bigint }]];
      }),
    );
  }
}

function refused(error: unknown): never {
  const table = error instanceof Error && 'table' in error ? String(error.table) : undefined;
  throw rowError(error, table ?? 'tasker_tasks');
}

interface PreparedTemplate {
  readonly template: StorableTemplate;
  readonly positions: ReadonlyMap<string, number>;
  readonly arrays: Readonly<Record<string, unknown>>;
}

const preparedTemplates = new WeakMap<StoredTemplate, PreparedTemplate>();

/** What all statements for a template share. */
function preparedOf(stored: StoredTemplate): PreparedTemplate {
  const known = preparedTemplates.get(stored);
  if (known !== undefined) return known;
  const { template, namedTaskId, namedStepIds } = stored;
  const { steps, graph } = template;
  const children: number[] = [];
  for (let step = 0; step < graph.steps; step++) {
    const end = graph.parentOffsets[step + 1] as number;
    while (children.length < end) children.push(step);
  }
  const prepared = {
    template,
    positions: new Map(steps.map(({ name }, position) => [name, position])),
    arrays: {
      named_task: namedTaskId,
      template_hash: template.hash,
      named_step: int4Array([...namedStepIds]),
      retry_limit: int4Array(steps.map(({ retryLimit }) => retryLimit)),
      retryable: boolArray(steps.map(({ retryable }) => retryable)),
      skippable: boolArray(steps.map(({ skippable }) => skippable)),
      parent: int4Array([...graph.parents]),
      child: int4Array(children),
    },
  };
  preparedTemplates.set(stored, prepared);
  return prepared;
}

function encodeTasks(tasks: readonly TaskRecord[]): Record<string, Buffer> {
  return {
    context: jsonbArray(tasks.map(({ context }) => context)),
    identity_hash: textArray(tasks.map(({ identityHash }) => identityHash)),
    requested_at: timestampArray(tasks.map(({ requestedAt }) => requestedAt)),
    initiator: textArray(tasks.map(({ initiator }) => initiator)),
    source_system: textArray(tasks.map(({ sourceSystem }) => sourceSystem)),
    reason: textArray(tasks.map(({ reason }) => reason)),
    tags: jsonbArray(tasks.map(({ tags }) => JSON.stringify(tags))),
    bypass_steps: textArray(tasks.map(({ bypassSteps }) => JSON.stringify(bypassSteps))),
    priority: int4Array(tasks.map(({ priority }) => priority)),
    correlation_id: textArray(tasks.map(({ correlationId }) => correlationId)),
    parent_task_id: int8Array(tasks.map(({ parentTaskId }) => parentTaskId)),
    run_at: timestampArray(tasks.map(({ runAt }) => runAt)),
    trace_context: textArray(tasks.map(({ traceContext }) => traceContext)),
  };
}

/** The tasks that hold the identities of these, as a new statement sees them. */
async function holdersOf(
  client: Queries,
  tasks: readonly TaskRecord[],
): Promise<Map<string, bigint>> {
  if (tasks.length === 0) return new Map();
  const { rows } = await client.query<{ task_id: string; identity_hash: string }>({
    name: 'tasker_identity_holders',
    text: `SELECT task_id::text, identity_hash FROM tasker_tasks
            WHERE identity_hash = ANY ($1::text[])`,
    values: [textArray(tasks.map(({ identityHash }) => identityHash))],
  });
  return new Map(rows.map((row) => [row.identity_hash, BigInt(row.task_id)]));
}

const statementOf = shapedStatements<TaskStatementShape>({
  name: 'tasker_tasks',
  parameters: taskParametersOf,
  text: taskStatement,
});
