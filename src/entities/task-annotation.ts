import { defineEntity } from '@mikro-orm/core';

import { createdAt, json, key, reference, smallReference, updatedAt } from './columns.ts';

/** Schema of {@link TaskAnnotation}. */
export const TaskAnnotationSchema = defineEntity({
  name: 'TaskAnnotation',
  tableName: 'tasker_task_annotations',
  properties: {
    taskAnnotationId: key(),
    taskId: reference(),
    annotationTypeId: smallReference(),
    annotation: json().nullable(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
});

/** Free JSON that someone attached to a task. */
export class TaskAnnotation extends TaskAnnotationSchema.class {}

TaskAnnotationSchema.setClass(TaskAnnotation);
