import { defineEntity } from '@mikro-orm/core';
import type { OptionalProps } from '@mikro-orm/core';

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
export class TaskAnnotation extends TaskAnnotationSchema.class {
  // The type of any JSON hides that these columns may be left out.
  declare [OptionalProps]?: 'annotation';
}

TaskAnnotationSchema.setClass(TaskAnnotation);
