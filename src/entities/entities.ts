import { AnnotationTypeSchema } from './annotation-type.ts';
import { CoreAuditSchema } from './core-audit.ts';
import { CoreEngineSchema } from './core-engine.ts';
import { CoreEventSchema } from './core-event.ts';
import { CoreGraphSchema } from './core-graph.ts';
import { CoreStepSchema } from './core-step.ts';
import { CoreTaskSchema } from './core-task.ts';
import { DependentSystemObjectMapSchema } from './dependent-system-object-map.ts';
import { DependentSystemSchema } from './dependent-system.ts';
import { NamedStepSchema } from './named-step.ts';
import { NamedTaskNamedStepSchema } from './named-task-named-step.ts';
import { NamedTaskSchema } from './named-task.ts';
import { StepDagRelationshipSchema } from './step-dag-relationship.ts';
import { TaskAnnotationSchema } from './task-annotation.ts';
import { TaskNamespaceSchema } from './task-namespace.ts';
import { TaskTransitionSchema } from './task-transition.ts';
import { TaskSchema } from './task.ts';
import { WorkflowStepEdgeSchema } from './workflow-step-edge.ts';
import { WorkflowStepTransitionSchema } from './workflow-step-transition.ts';
import { WorkflowStepSchema } from './workflow-step.ts';

// Named, because the compiler would write every schema out in full wherever the type appears.
type Entities = readonly [
  typeof AnnotationTypeSchema,
  typeof DependentSystemObjectMapSchema,
  typeof DependentSystemSchema,
  typeof NamedStepSchema,
  typeof NamedTaskNamedStepSchema,
  typeof NamedTaskSchema,
  typeof StepDagRelationshipSchema,
  typeof TaskAnnotationSchema,
  typeof TaskNamespaceSchema,
  typeof TaskTransitionSchema,
  typeof TaskSchema,
  typeof WorkflowStepEdgeSchema,
  typeof WorkflowStepTransitionSchema,
  typeof WorkflowStepSchema,
  typeof CoreAuditSchema,
  typeof CoreEngineSchema,
  typeof CoreEventSchema,
  typeof CoreGraphSchema,
  typeof CoreStepSchema,
  typeof CoreTaskSchema,
];

/** Every entity, in the form in which `MikroORM.init` and typed queries want them. */
export const ENTITIES: Entities = [
  AnnotationTypeSchema,
  DependentSystemObjectMapSchema,
  DependentSystemSchema,
  NamedStepSchema,
  NamedTaskNamedStepSchema,
  NamedTaskSchema,
  StepDagRelationshipSchema,
  TaskAnnotationSchema,
  TaskNamespaceSchema,
  TaskTransitionSchema,
  TaskSchema,
  WorkflowStepEdgeSchema,
  WorkflowStepTransitionSchema,
  WorkflowStepSchema,
  CoreAuditSchema,
  CoreEngineSchema,
  CoreEventSchema,
  CoreGraphSchema,
  CoreStepSchema,
  CoreTaskSchema,
];
