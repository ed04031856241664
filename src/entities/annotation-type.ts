import { defineEntity } from '@mikro-orm/core';

import { createdAt, smallKey, text, updatedAt } from './columns.ts';

/** Schema of {@link AnnotationType}. */
export const AnnotationTypeSchema = defineEntity({
  name: 'AnnotationType',
  tableName: 'tasker_annotation_types',
  properties: {
    annotationTypeId: smallKey(),
    name: text(64),
    description: text(255).nullable(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
});

/** A kind of annotation; names are unique. */
export class AnnotationType extends AnnotationTypeSchema.class {}

AnnotationTypeSchema.setClass(AnnotationType);
