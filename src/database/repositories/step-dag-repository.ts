import type { TaskerEntityManager } from './orm.ts';
import { typedQueries } from './rows.ts';
import type { Row } from './rows.ts';

/** A row of `tasker_step_dag_relationships`. */
export type StepDagRow = Row<'tasker_step_dag_relationships'>;

/** Where steps stand in their graphs; read-only. */
export class StepDagRepository {
  readonly #em: TaskerEntityManager;

  constructor(em: TaskerEntityManager) {
    this.#em = em;
  }

  /** The step's place, or undefined when there is no such step. */
  async find(workflowStepId: bigint): Promise<StepDagRow | undefined> {
    return typedQueries(this.#em)
      .selectFrom('tasker_step_dag_relationships')
      .selectAll()
      .where('workflowStepId', '=', workflowStepId)
      .executeTakeFirst();
  }

  /** The places of all steps of a task, in the order of their keys. */
  async byTask(taskId: bigint): Promise<StepDagRow[]> {
    return typedQueries(this.#em)
      .selectFrom('tasker_step_dag_relationships')
      .selectAll()
      .where('taskId', '=', taskId)
      .orderBy('workflowStepId')
      .execute();
  }
}
