import { AnnotationTypeRepository } from './annotation-type-repository.ts';
import type { TaskerEntityManager } from './orm.ts';
import type { Row } from './rows.ts';
import { TableRepository } from './table-repository.ts';

/** A row of `tasker_task_annotations`. */
export type TaskAnnotationRow = Row<'tasker_task_annotations'>;

/** Values of a new annotation. */
export interface NewTaskAnnotation {
  readonly taskId: bigint;
  readonly annotationTypeId: bigint;
  /** Any JSON value. */
  readonly annotation?: NonNullable<unknown> | null;
}

/** What was attached to tasks; a task may have any number of annotations of one type. */
export class TaskAnnotationRepository extends TableRepository<'tasker_task_annotations'> {
  constructor(em: TaskerEntityManager) {
    super(em, 'tasker_task_annotations', 'taskAnnotationId');
  }

  /** Creates an annotation; `TASKER_NOT_FOUND` when task or type does not exist. */
  async create(values: NewTaskAnnotation): Promise<TaskAnnotationRow> {
    return this.insertRow(values);
  }

  /** Changes the annotation or its type. */
  async update(
    id: bigint,
    changes: Partial<Omit<NewTaskAnnotation, 'taskId'>>,
  ): Promise<TaskAnnotationRow> {
    return this.updateRow(id, changes);
  }

  /** Annotates a task with a type named by its name, which is created if it is new. */
  async annotate(
    taskId: bigint,
    typeName: string,
    annotation: NonNullable<unknown> | null,
  ): Promise<TaskAnnotationRow> {
    return this.transaction(async (em) => {
      const { annotationTypeId } = await new AnnotationTypeRepository(em).findOrCreate(typeName);
      return new TaskAnnotationRepository(em).create({ taskId, annotationTypeId, annotation });
    });
  }

  /** Annotations of a task, in the order of their keys. */
  async byTask(taskId: bigint): Promise<TaskAnnotationRow[]> {
    return this.queries
      .selectFrom('tasker_task_annotations')
      .selectAll()
      .where('taskId', '=', taskId)
      .orderBy('taskAnnotationId')
      .execute();
  }
}
