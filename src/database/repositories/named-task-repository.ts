import type { TaskerEntityManager } from './orm.ts';
import type { Page, PageRequest, Row } from './rows.ts';
import { DEFAULT_NAMESPACE, TaskNamespaceRepository } from './task-namespace-repository.ts';
import { TableRepository } from './table-repository.ts';
import {
  optionalText,
  pageLimit,
  requireObject,
  requireText,
  requireVersion,
} from './validation.ts';

/** Version that is meant where none is given. */
const DEFAULT_VERSION = '0.1.0';

/** A row of `tasker_named_tasks`. */
export type NamedTaskRow = Row<'tasker_named_tasks'>;

/** Values of a new named task. */
export interface NewNamedTask {
  readonly taskNamespaceId: bigint;
  readonly name: string;
  /** Three numbers with dots; default `0.1.0`. */
  readonly version?: string;
  readonly description?: string | null;
  /** A JSON object; default `{}`. */
  readonly configuration?: object | null;
}

/** What names a task: `namespace.name@version`. */
export interface NamedTaskName {
  /** Default `default`. */
  readonly namespace?: string;
  readonly name: string;
  /** Default `0.1.0`. */
  readonly version?: string;
}

/** Kinds of tasks, each in one version. */
export class NamedTaskRepository extends TableRepository<'tasker_named_tasks'> {
  constructor(em: TaskerEntityManager) {
    super(em, 'tasker_named_tasks', 'namedTaskId');
  }

  /** Creates a named task; `TASKER_DUPLICATE` when namespace, name and version are taken. */
  async create(values: NewNamedTask): Promise<NamedTaskRow> {
    requireText('name', values.name, 64);
    validate(values);
    // The column's own default is a JSON string that merely looks like an object.
    return this.insertRow({ version: DEFAULT_VERSION, configuration: {}, ...values });
  }

  /** Changes the columns that are named. */
  async update(id: bigint, changes: Partial<NewNamedTask>): Promise<NamedTaskRow> {
    if (changes.name !== undefined) requireText('name', changes.name, 64);
    validate(changes);
    return this.updateRow(id, changes);
  }

  /** The named task of this full name, or undefined. */
  async findByName(wanted: NamedTaskName): Promise<NamedTaskRow | undefined> {
    const { namespace = DEFAULT_NAMESPACE, name, version = DEFAULT_VERSION } = wanted;
    return this.queries
      .selectFrom('tasker_named_tasks as task')
      .innerJoin(
        'tasker_task_namespaces as namespace',
        'namespace.taskNamespaceId',
        'task.taskNamespaceId',
      )
      .selectAll('task')
      .where('namespace.name', '=', namespace)
      .where('task.name', '=', name)
      .where('task.version', '=', version)
      .executeTakeFirst();
  }

  /** The named task of this full name; it and its namespace are created if they are new. */
  async findOrCreate(wanted: NamedTaskName): Promise<NamedTaskRow> {
    return this.findElseCreate(
      () => this.findByName(wanted),
      async (em) => {
        const namespace = await new TaskNamespaceRepository(em).findOrCreate(wanted.namespace);
        return new NamedTaskRepository(em).create({
          taskNamespaceId: namespace.taskNamespaceId,
          name: wanted.name,
          version: wanted.version ?? DEFAULT_VERSION,
        });
      },
    );
  }

  /** All versions of a named task, the highest first; numbers are compared as numbers. */
  async versions(name: string, namespace: string = DEFAULT_NAMESPACE): Promise<NamedTaskRow[]> {
    const rows = await this.queries
      .selectFrom('tasker_named_tasks as task')
      .innerJoin(
        'tasker_task_namespaces as namespace',
        'namespace.taskNamespaceId',
        'task.taskNamespaceId',
      )
      .selectAll('task')
      .where('namespace.name', '=', namespace)
      .where('task.name', '=', name)
      .execute();
    return rows.sort((left, right) => compareVersions(right.version, left.version));
  }

  /** The highest version of a named task, or undefined. */
  async latest(name: string, namespace?: string): Promise<NamedTaskRow | undefined> {
    return (await this.versions(name, namespace))[0];
  }

  /** Named tasks of one namespace, in the order of their keys. */
  async byNamespace(namespace: string, page: PageRequest = {}): Promise<Page<NamedTaskRow>> {
    const limit = pageLimit(page);
    const rows = await this.queries
      .selectFrom('tasker_named_tasks as task')
      .innerJoin(
        'tasker_task_namespaces as namespace',
        'namespace.taskNamespaceId',
        'task.taskNamespaceId',
      )
      .selectAll('task')
      .where('namespace.name', '=', namespace)
      .where('task.namedTaskId', '>', page.after ?? 0n)
      .orderBy('task.namedTaskId')
      .limit(limit + 1)
      .execute();
    return this.toPage(rows, limit);
  }
}

/** Orders versions by their numbers; text that is no version comes before all that are. */
export function compareVersions(left: string, right: string): number {
  const [a, b] = [numbersOf(left), numbersOf(right)];
  for (let at = 0; at < 3; at++) {
    const difference = (a[at] ?? -1) - (b[at] ?? -1);
    if (difference !== 0) return difference;
  }
  return left < right ? -1 : Number(left > right);
}

function numbersOf(version: string): number[] {
  // Sixteen characters at most, of which no number can have more than twelve: exact.
  return /^\d+\.\d+\.\d+$/.test(version) ? version.split('.').map(Number) : [];
}

function validate(values: Partial<NewNamedTask>): void {
  if (values.version !== undefined) requireVersion('version', values.version);
  optionalText('description', values.description, 255);
  if (values.configuration !== undefined && values.configuration !== null) {
    requireObject('configuration', values.configuration);
  }
}
