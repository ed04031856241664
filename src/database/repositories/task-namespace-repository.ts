import type { TaskerEntityManager } from './orm.ts';
import type { Row, RowChanges } from './rows.ts';
import { TableRepository } from './table-repository.ts';
import { optionalText, requireText } from './validation.ts';

/** Name of the namespace that is meant where none is given. */
export const DEFAULT_NAMESPACE = 'default';

/** A row of `tasker_task_namespaces`. */
export type TaskNamespaceRow = Row<'tasker_task_namespaces'>;

/** Values of a new namespace. */
export interface NewTaskNamespace {
  readonly name: string;
  readonly description?: string | null;
}

/** Namespaces of named tasks. */
export class TaskNamespaceRepository extends TableRepository<'tasker_task_namespaces'> {
  constructor(em: TaskerEntityManager) {
    super(em, 'tasker_task_namespaces', 'taskNamespaceId');
  }

  /** Creates a namespace; `TASKER_DUPLICATE` when the name is taken. */
  async create(values: NewTaskNamespace): Promise<TaskNamespaceRow> {
    validate(values);
    return this.insertRow(values);
  }

  /** Changes name or description. */
  async update(id: bigint, changes: Partial<NewTaskNamespace>): Promise<TaskNamespaceRow> {
    if (changes.name !== undefined) requireText('name', changes.name, 64);
    optionalText('description', changes.description, 255);
    return this.updateRow(id, changes satisfies RowChanges<'tasker_task_namespaces'>);
  }

  /** The namespace of this name, or undefined. */
  async findByName(name: string): Promise<TaskNamespaceRow | undefined> {
    return this.queries
      .selectFrom('tasker_task_namespaces')
      .selectAll()
      .where('name', '=', name)
      .executeTakeFirst();
  }

  /** The namespace of this name, created if it is new; safe to call at the same time from many places. */
  async findOrCreate(name: string = DEFAULT_NAMESPACE): Promise<TaskNamespaceRow> {
    return this.findElseCreate(
      () => this.findByName(name),
      (em) => new TaskNamespaceRepository(em).create({ name }),
    );
  }
}

function validate(values: NewTaskNamespace): void {
  requireText('name', values.name, 64);
  optionalText('description', values.description, 255);
}
