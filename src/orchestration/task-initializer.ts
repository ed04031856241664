import { databaseError } from '../database/connection.ts';
import { DEFAULT_FLEET } from '../database/engine/default-fleet.ts';
import { queriesOf } from '../database/repositories/em-queries.ts';
import type { Queries } from '../database/id-block.ts';
import { missingTasks } from '../database/snapshot/missing-tasks.ts';
import { loadTrusted } from '../database/engine/trusted-load.ts';
import { TaskWriter, type TaskRecord, type WrittenTask } from '../database/engine/task-writer.ts';
import { storeTemplate, type StoredTemplate } from '../database/engine/template-catalog.ts';
import { isTaskerError, TaskerError } from '../errors.ts';
import type { TaskTemplate } from '../templates/task-template.ts';
import { badOption, knownKeys, objectOption } from '../policies/bad-option.ts';
import { checkTaskRequest } from './check-task-request.ts';
import type { Clock } from './clock.ts';
import { SessionLane } from './session-lane.ts';
import { adjustTask } from './task-adjustments.ts';
import type { CreatedTask, CreateTaskOptions, TaskRequest } from './task-request.ts';

/** Options of {@link TaskInitializer}. */
export interface TaskInitializerOptions {
  /**
   * Sessions for tasks that are created outside of a caller's transaction. They have none open, and
   * nobody else uses them. Many tasks are spread over all of them; one is enough.
   */
  readonly sessions: readonly (() => Queries | Promise<Queries>)[];
  readonly clock: Pick<Clock, 'nowMicros'>;
  /** Whose engines run the tasks; default `default`. */
  readonly fleet?: string | undefined;
}

/** Steps and edges of one statement; about what is quickest, and what one commit loses at most. */
const ROWS_PER_STATEMENT = 2500;

/** Creates tasks from requests: checks them, then writes many by one statement. */
export class TaskInitializer {
  readonly #clock: TaskInitializerOptions['clock'];
  readonly #fleet: string;
  readonly #lanes: readonly SessionLane[];
  readonly #writer = new TaskWriter();
  /** Templates whose rows are committed. */
  readonly #stored = new WeakMap<TaskTemplate, StoredTemplate>();

  constructor({ sessions, clock, fleet = DEFAULT_FLEET }: TaskInitializerOptions) {
    this.#clock = clock;
    this.#fleet = fleet;
    this.#lanes = sessions.map((session) => new SessionLane(session));
  }

  /** Makes sure that the template's rows are there, which the first task would else do. */
  async prepare(template: TaskTemplate): Promise<StoredTemplate> {
    return freest(this.#lanes).run((client) => this.#storedTemplate(template, client, true));
  }

  /**
   * Creates one task. Pending is implicit: no transition and no event is written, `task.start_requested`
   * states the fact that it started.
   *
   * @throws TaskerError `TASKER_INVALID_CONTEXT`, `TASKER_BAD_ARGUMENT` for anything else in the
   *   request, `TASKER_UNKNOWN_TASK` for a parent that does not exist, `TASKER_DUPLICATE_TASK` when
   *   asked for, those of a lost connection; what the template's hook throws
   */
  async createTask<Context>(
    template: TaskTemplate<Context>,
    request: TaskRequest<Context>,
    options: CreateTaskOptions = {},
  ): Promise<CreatedTask> {
    const [task] = await this.#create(template, [request], () => '', options);
    return task as CreatedTask;
  }

  /**
   * Creates many tasks of one template; all requests are checked before anything is written. In the
   * caller's transaction it is all or nothing; else each statement, some hundred tasks, is committed
   * alone.
   *
   * @returns one answer for each request, in order
   * @throws TaskerError as {@link createTask}; fields begin with `requests[index].`. Where duplicates
   *   are refused, the other tasks are created all the same: `data.duplicates` names index and task
   */
  async createTasks<Context>(
    template: TaskTemplate<Context>,
    requests: readonly TaskRequest<Context>[],
    options: CreateTaskOptions = {},
  ): Promise<CreatedTask[]> {
    if (!Array.isArray(requests)) throw badOption('requests', requests, 'an array');
    return this.#create(template, requests, (index) => `requests[${index}].`, options);
  }

  async #create(
    template: TaskTemplate,
    requests: readonly TaskRequest[],
    path: (index: number) => string,
    options: CreateTaskOptions,
  ): Promise<CreatedTask[]> {
    checkOptions(options);
    const now = this.#clock.nowMicros();
    const records = requests.map((request, index) =>
      checkTaskRequest(template, request, now, path(index)),
    );
    const groups = await groupByGraph(template, records);
    const written: WrittenTask[] = [];
    try {
      const { client, em } = options;
      const callers = em === undefined ? client : queriesOf(em);
      const lanes = callers === undefined ? this.#lanes : [new SessionLane(() => callers)];
      await this.#requireParents(freest(lanes), records, path);
      for (const group of groups.values()) {
        const answers = await this.#write(group, now, lanes, options);
        group.indexes.forEach((index, at) => {
          written[index] = answers[at] as WrittenTask;
        });
      }
    } catch (error) {
      throw databaseError(error);
    }
    if (options.onDuplicate === 'error') refuseDuplicates(template, written);
    return written.map((task, index) => ({
      taskId: task.taskId,
      created: task.created,
      firstStepId: task.created ? task.firstStepId : undefined,
      correlationId: task.created ? records[index]?.correlationId : undefined,
    }));
  }

  async #write(
    { template, records }: GraphGroup,
    now: number,
    lanes: readonly SessionLane[],
    { notify = true, trusted = false }: CreateTaskOptions,
  ): Promise<WrittenTask[]> {
    const isCallers = lanes !== this.#lanes;
    // in the caller's transaction the rows may be gone after it, but not during it
    const own = isCallers
      ? await freest(lanes).run((client) => this.#storedTemplate(template, client, false))
      : undefined;
    const options = { fleet: this.#fleet, notify };
    const write = async (client: Queries, tasks: readonly TaskRecord[]): Promise<WrittenTask[]> => {
      const stored = own ?? (await this.#storedTemplate(template, client, true));
      const insert = (): Promise<WrittenTask[]> =>
        this.#writer.write(client, stored, tasks, now, options);
      return trusted ? loadTrusted(client, stored, insert) : insert();
    };
    const size = chunkSize(template);
    const chunks = Math.ceil(records.length / size);
    const answers: WrittenTask[][] = [];
    let next = 0;
    const work = async (lane: SessionLane): Promise<void> => {
      while (next < chunks) {
        const chunk = next++;
        const part = records.slice(chunk * size, (chunk + 1) * size);
        answers[chunk] = await lane.run(async (client) => {
          try {
            return await write(client, part);
          } catch (error) {
            if (isCallers || !isTaskerError(error, 'TASKER_NOT_FOUND')) throw error;
            // somebody deleted the catalog's rows since they were stored
            this.#stored.delete(template);
            return write(client, part);
          }
        });
      }
    };
    const used = lanes.toSorted((a, b) => a.waiting - b.waiting).slice(0, chunks);
    const ends = await Promise.allSettled(used.map(work));
    const failed = ends.find((end) => end.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    return answers.flat();
  }

  /** @param committed whether the rows are there for good once this returns */
  async #storedTemplate(
    template: TaskTemplate,
    client: Queries,
    committed: boolean,
  ): Promise<StoredTemplate> {
    const known = this.#stored.get(template);
    if (known !== undefined) return known;
    const stored = await storeTemplate(client, template, this.#clock.nowMicros());
    if (committed) this.#stored.set(template, stored);
    return stored;
  }

  async #requireParents(
    lane: SessionLane,
    records: readonly TaskRecord[],
    path: (index: number) => string,
  ): Promise<void> {
    const ids = new Set(records.flatMap(({ parentTaskId }) => parentTaskId ?? []));
    if (ids.size === 0) return;
    const missing = new Set(await lane.run((client) => missingTasks(client, [...ids])));
    const index = records.findIndex(({ parentTaskId }) => missing.has(parentTaskId ?? 0n));
    if (index === -1) return;
    const taskId = String(records[index]?.parentTaskId);
    throw new TaskerError('TASKER_UNKNOWN_TASK', `There is no task ${taskId}.`, {
      data: { field: `${path(index)}parentTaskId`, taskId },
    });
  }
}

/** The lane with the least to do. */
function freest(lanes: readonly SessionLane[]): SessionLane {
  const [first] = lanes.toSorted((a, b) => a.waiting - b.waiting);
  if (first !== undefined) return first;
  throw badOption('client', undefined, 'given: this initializer has no session of its own');
}

/** Tasks of one call that get the same graph. */
interface GraphGroup {
  readonly template: TaskTemplate;
  readonly records: TaskRecord[];
  /** Where each stands in the call. */
  readonly indexes: number[];
}

async function groupByGraph(
  template: TaskTemplate,
  records: readonly TaskRecord[],
): Promise<Map<string, GraphGroup>> {
  const groups = new Map<string, GraphGroup>();
  for (const [index, checked] of records.entries()) {
    const adjusted = await adjustTask(template, checked);
    const key = adjusted.template.hash;
    const group = groups.get(key) ?? { template: adjusted.template, records: [], indexes: [] };
    group.records.push(adjusted.record);
    group.indexes.push(index);
    groups.set(key, group);
  }
  return groups;
}

function chunkSize({ graph }: TaskTemplate): number {
  return Math.max(1, Math.floor(ROWS_PER_STATEMENT / (1 + graph.steps + graph.edges)));
}

const OPTION_KEYS: readonly (keyof CreateTaskOptions)[] = [
  'onDuplicate',
  'client',
  'em',
  'notify',
  'trusted',
];

function checkOptions(options: CreateTaskOptions): void {
  knownKeys('options', objectOption('options', options), OPTION_KEYS);
  const { onDuplicate = 'return', client, em, trusted = false } = options;
  if (onDuplicate !== 'return' && onDuplicate !== 'error') {
    throw badOption('onDuplicate', onDuplicate, "'return' or 'error'");
  }
  if (client !== undefined && em !== undefined) {
    throw badOption('em', '(an entity manager)', 'absent where client is given');
  }
  if (trusted && (client !== undefined || em !== undefined)) {
    throw badOption('trusted', trusted, 'false in a transaction of the caller');
  }
}

function refuseDuplicates(template: TaskTemplate, written: readonly WrittenTask[]): void {
  const duplicates = written.flatMap(({ created, taskId }, index) =>
    created ? [] : [{ index, taskId: String(taskId) }],
  );
  const [first] = duplicates;
  if (first === undefined) return;
  const more = duplicates.length > 1 ? ` (and ${duplicates.length - 1} more)` : '';
  throw new TaskerError(
    'TASKER_DUPLICATE_TASK',
    `Task ${first.taskId} of ${template.namespace}.${template.name} has this identity already${more}.`,
    {
      remedy: "Take that task (onDuplicate: 'return'), or give another key.",
      data: { taskId: first.taskId, duplicates },
    },
  );
}
