import type { TaskerEntityManager } from './orm.ts';
import { DependentSystemRepository } from './dependent-system-repository.ts';
import type { Row } from './rows.ts';
import { TableRepository } from './table-repository.ts';
import { optionalText, requireText } from './validation.ts';

/** A row of `tasker_named_steps`. */
export type NamedStepRow = Row<'tasker_named_steps'>;

/** Values of a new named step. */
export interface NewNamedStep {
  readonly dependentSystemId: bigint;
  readonly name: string;
  readonly description?: string | null;
}

/** Kinds of steps. */
export class NamedStepRepository extends TableRepository<'tasker_named_steps'> {
  constructor(em: TaskerEntityManager) {
    super(em, 'tasker_named_steps', 'namedStepId');
  }

  /** Creates a named step; `TASKER_DUPLICATE` when the system has one of this name. */
  async create(values: NewNamedStep): Promise<NamedStepRow> {
    requireText('name', values.name, 128);
    optionalText('description', values.description, 255);
    return this.insertRow(values);
  }

  /** Changes the columns that are named. */
  async update(id: bigint, changes: Partial<NewNamedStep>): Promise<NamedStepRow> {
    if (changes.name !== undefined) requireText('name', changes.name, 128);
    optionalText('description', changes.description, 255);
    return this.updateRow(id, changes);
  }

  /** Named steps of this name, one for each dependent system that has one. */
  async findByName(name: string): Promise<NamedStepRow[]> {
    return this.queries
      .selectFrom('tasker_named_steps')
      .selectAll()
      .where('name', '=', name)
      .orderBy('namedStepId')
      .execute();
  }

  /** The named step of a dependent system, or undefined. */
  async findInSystem(name: string, system: string): Promise<NamedStepRow | undefined> {
    return this.queries
      .selectFrom('tasker_named_steps as step')
      .innerJoin(
        'tasker_dependent_systems as system',
        'system.dependentSystemId',
        'step.dependentSystemId',
      )
      .selectAll('step')
      .where('system.name', '=', system)
      .where('step.name', '=', name)
      .executeTakeFirst();
  }

  /** The named step of a dependent system; both are created if they are new. */
  async findOrCreate(name: string, system: string): Promise<NamedStepRow> {
    return this.findElseCreate(
      () => this.findInSystem(name, system),
      async (em) => {
        const { dependentSystemId } = await new DependentSystemRepository(em).findOrCreate(system);
        return new NamedStepRepository(em).create({ name, dependentSystemId });
      },
    );
  }
}
