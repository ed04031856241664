import type { TaskerEntityManager } from './orm.ts';
import type { Row } from './rows.ts';
import { TableRepository } from './table-repository.ts';
import { optionalText, requireText } from './validation.ts';

/** A row of `tasker_dependent_systems`. */
export type DependentSystemRow = Row<'tasker_dependent_systems'>;

/** Values of a new dependent system. */
export interface NewDependentSystem {
  readonly name: string;
  readonly description?: string | null;
}

/** Systems that steps talk to. */
export class DependentSystemRepository extends TableRepository<'tasker_dependent_systems'> {
  constructor(em: TaskerEntityManager) {
    super(em, 'tasker_dependent_systems', 'dependentSystemId');
  }

  /** Creates a system; `TASKER_DUPLICATE` when the name is taken. */
  async create(values: NewDependentSystem): Promise<DependentSystemRow> {
    requireText('name', values.name, 64);
    optionalText('description', values.description, 255);
    return this.insertRow(values);
  }

  /** Changes name or description. */
  async update(id: bigint, changes: Partial<NewDependentSystem>): Promise<DependentSystemRow> {
    if (changes.name !== undefined) requireText('name', changes.name, 64);
    optionalText('description', changes.description, 255);
    return this.updateRow(id, changes);
  }

  /** The system of this name, or undefined. */
  async findByName(name: string): Promise<DependentSystemRow | undefined> {
    return this.queries
      .selectFrom('tasker_dependent_systems')
      .selectAll()
      .where('name', '=', name)
      .executeTakeFirst();
  }

  /** The system of this name, created if it is new. */
  async findOrCreate(name: string): Promise<DependentSystemRow> {
    return this.findElseCreate(
      () => this.findByName(name),
      (em) => new DependentSystemRepository(em).create({ name }),
    );
  }
}
