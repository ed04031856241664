import type { TaskerEntityManager } from './orm.ts';
import { typedQueries } from './rows.ts';

/** Rows that a purge deleted. */
export interface PurgeReport {
  readonly stepTransitions: number;
  readonly edges: number;
  readonly steps: number;
  readonly taskTransitions: number;
  readonly annotations: number;
  readonly tasks: number;
}

/** Deletes a task from the leaves up, because no foreign key of these tables cascades; six statements. */
export async function purgeTask(em: TaskerEntityManager, taskId: bigint): Promise<PurgeReport> {
  const queries = typedQueries(em);
  // A step added from now on would have to wait for this lock, and then finds no task.
  await queries
    .selectFrom('tasker_tasks')
    .select('taskId')
    .where('taskId', '=', taskId)
    .forUpdate()
    .execute();
  const steps = queries
    .selectFrom('tasker_workflow_steps')
    .select('workflowStepId')
    .where('taskId', '=', taskId);
  const stepTransitions = await queries
    .deleteFrom('tasker_workflow_step_transitions')
    .where('workflowStepId', 'in', steps)
    .executeTakeFirst();
  // a union, because the planner answers "from here or to here" by reading the whole table
  const touching = queries
    .selectFrom('tasker_workflow_step_edges')
    .select('id')
    .where('fromStepId', 'in', steps)
    .union(
      queries.selectFrom('tasker_workflow_step_edges').select('id').where('toStepId', 'in', steps),
    );
  const edges = await queries
    .deleteFrom('tasker_workflow_step_edges')
    .where('id', 'in', touching)
    .executeTakeFirst();
  const deletedSteps = await queries
    .deleteFrom('tasker_workflow_steps')
    .where('taskId', '=', taskId)
    .executeTakeFirst();
  const taskTransitions = await queries
    .deleteFrom('tasker_task_transitions')
    .where('taskId', '=', taskId)
    .executeTakeFirst();
  const annotations = await queries
    .deleteFrom('tasker_task_annotations')
    .where('taskId', '=', taskId)
    .executeTakeFirst();
  const tasks = await queries
    .deleteFrom('tasker_tasks')
    .where('taskId', '=', taskId)
    .executeTakeFirst();
  return {
    stepTransitions: Number(stepTransitions.numDeletedRows),
    edges: Number(edges.numDeletedRows),
    steps: Number(deletedSteps.numDeletedRows),
    taskTransitions: Number(taskTransitions.numDeletedRows),
    annotations: Number(annotations.numDeletedRows),
    tasks: Number(tasks.numDeletedRows),
  };
}
