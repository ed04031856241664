import type { TaskerEntityManager } from './orm.ts';
import type { Row } from './rows.ts';
import { TableRepository } from './table-repository.ts';
import { requireInteger } from './validation.ts';

/** A row of `tasker_named_tasks_named_steps`. */
export type NamedTaskNamedStepRow = Row<'tasker_named_tasks_named_steps'>;

/** Values of a new pair of named task and named step. */
export interface NewNamedTaskNamedStep {
  readonly namedTaskId: bigint;
  readonly namedStepId: bigint;
  /** Default false. */
  readonly skippable?: boolean;
  /** Default true. */
  readonly defaultRetryable?: boolean;
  /** Default 3. */
  readonly defaultRetryLimit?: number;
}

/** Which named steps a named task has, and what its steps start with. */
export class NamedTaskNamedStepRepository extends TableRepository<'tasker_named_tasks_named_steps'> {
  constructor(em: TaskerEntityManager) {
    super(em, 'tasker_named_tasks_named_steps', 'id');
  }

  /** Creates a pair; `TASKER_DUPLICATE` when there is one already. */
  async create(values: NewNamedTaskNamedStep): Promise<NamedTaskNamedStepRow> {
    validate(values);
    return this.insertRow(values);
  }

  /** Changes what later steps start with; existing steps keep what they have. */
  async update(
    id: bigint,
    changes: Partial<NewNamedTaskNamedStep>,
  ): Promise<NamedTaskNamedStepRow> {
    validate(changes);
    return this.updateRow(id, changes);
  }

  /** All pairs of a named task, in the order of their keys. */
  async byNamedTask(namedTaskId: bigint): Promise<NamedTaskNamedStepRow[]> {
    return this.queries
      .selectFrom('tasker_named_tasks_named_steps')
      .selectAll()
      .where('namedTaskId', '=', namedTaskId)
      .orderBy('id')
      .execute();
  }

  /** The pair of a named task and a step's name, whatever system the step belongs to. */
  async findByStepName(
    namedTaskId: bigint,
    stepName: string,
  ): Promise<NamedTaskNamedStepRow | undefined> {
    return this.queries
      .selectFrom('tasker_named_tasks_named_steps as pair')
      .innerJoin('tasker_named_steps as step', 'step.namedStepId', 'pair.namedStepId')
      .selectAll('pair')
      .where('pair.namedTaskId', '=', namedTaskId)
      .where('step.name', '=', stepName)
      .orderBy('pair.id')
      .executeTakeFirst();
  }

  /** The pair of these two, created with the given defaults if it is new; an old one is not changed. */
  async findOrCreate(values: NewNamedTaskNamedStep): Promise<NamedTaskNamedStepRow> {
    return this.findElseCreate(
      () =>
        this.queries
          .selectFrom('tasker_named_tasks_named_steps')
          .selectAll()
          .where('namedTaskId', '=', values.namedTaskId)
          .where('namedStepId', '=', values.namedStepId)
          .executeTakeFirst(),
      (em) => new NamedTaskNamedStepRepository(em).create(values),
    );
  }
}

function validate(values: Partial<NewNamedTaskNamedStep>): void {
  if (values.defaultRetryLimit !== undefined) {
    requireInteger('defaultRetryLimit', values.defaultRetryLimit);
  }
}
