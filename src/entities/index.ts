/**
 * MikroORM entities of the tables, for programs that read them by an ORM of their own.
 *
 * @example
 * ```ts
 * import { MikroORM } from '@mikro-orm/postgresql';
 * import { migrate } from 'tasker-core';
 * import { Task, TaskSchema } from 'tasker-core/entities';
 * import * as entities from 'tasker-core/entities';
 *
 * const clientUrl = process.env['DATABASE_URL'] ?? 'postgresql://localhost/shop';
 * await migrate({ url: clientUrl });
 * const schemas = Object.entries(entities).flatMap(([name, each]) =>
 *   name.endsWith('Schema') ? [each as typeof TaskSchema] : [],
 * );
 * const orm = await MikroORM.init({ clientUrl, entities: schemas });
 * console.log(await orm.em.fork().count(Task)); // 0
 * await orm.close();
 * ```
 *
 * @packageDocumentation
 */

export { AnnotationType, AnnotationTypeSchema } from './annotation-type.ts';
export { CoreAudit, CoreAuditSchema } from './core-audit.ts';
export { CoreEngine, CoreEngineSchema } from './core-engine.ts';
export { CoreEvent, CoreEventSchema } from './core-event.ts';
export { CoreGraph, CoreGraphSchema } from './core-graph.ts';
export { CoreStep, CoreStepSchema } from './core-step.ts';
export { CoreTask, CoreTaskSchema } from './core-task.ts';
export {
  DependentSystemObjectMap,
  DependentSystemObjectMapSchema,
} from './dependent-system-object-map.ts';
export { DependentSystem, DependentSystemSchema } from './dependent-system.ts';
export { NamedStep, NamedStepSchema } from './named-step.ts';
export { NamedTaskNamedStep, NamedTaskNamedStepSchema } from './named-task-named-step.ts';
export { NamedTask, NamedTaskSchema } from './named-task.ts';
export { StepDagRelationship, StepDagRelationshipSchema } from './step-dag-relationship.ts';
export { TaskAnnotation, TaskAnnotationSchema } from './task-annotation.ts';
export { TaskNamespace, TaskNamespaceSchema } from './task-namespace.ts';
export { TaskTransition, TaskTransitionSchema } from './task-transition.ts';
export { Task, TaskSchema } from './task.ts';
export { WorkflowStepEdge, WorkflowStepEdgeSchema } from './workflow-step-edge.ts';
export {
  WorkflowStepTransition,
  WorkflowStepTransitionSchema,
} from './workflow-step-transition.ts';
export { WorkflowStep, WorkflowStepSchema } from './workflow-step.ts';
export { IdListType } from './id-list-type.ts';
export { InstantType } from './instant-type.ts';
export { JsonValueType } from './json-type.ts';
export { ENTITIES } from './entities.ts';
