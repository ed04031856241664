import type { TaskerEntityManager } from './orm.ts';
import { AnnotationTypeRepository } from './annotation-type-repository.ts';
import { DependentSystemObjectMapRepository } from './dependent-system-object-map-repository.ts';
import { DependentSystemRepository } from './dependent-system-repository.ts';
import { NamedStepRepository } from './named-step-repository.ts';
import { NamedTaskNamedStepRepository } from './named-task-named-step-repository.ts';
import { NamedTaskRepository } from './named-task-repository.ts';
import { StepDagRepository } from './step-dag-repository.ts';
import { TaskAnnotationRepository } from './task-annotation-repository.ts';
import { TaskNamespaceRepository } from './task-namespace-repository.ts';
import { TaskRepository } from './task-repository.ts';
import { TaskTransitionRepository } from './task-transition-repository.ts';
import { WorkflowStepEdgeRepository } from './workflow-step-edge-repository.ts';
import { WorkflowStepRepository } from './workflow-step-repository.ts';
import { WorkflowStepTransitionRepository } from './workflow-step-transition-repository.ts';

/** One repository for each shared table, and one for the view. */
export interface Repositories {
  readonly taskNamespaces: TaskNamespaceRepository;
  readonly namedTasks: NamedTaskRepository;
  readonly dependentSystems: DependentSystemRepository;
  readonly namedSteps: NamedStepRepository;
  readonly namedTasksNamedSteps: NamedTaskNamedStepRepository;
  readonly tasks: TaskRepository;
  readonly workflowSteps: WorkflowStepRepository;
  readonly workflowStepEdges: WorkflowStepEdgeRepository;
  readonly taskTransitions: TaskTransitionRepository;
  readonly workflowStepTransitions: WorkflowStepTransitionRepository;
  readonly annotationTypes: AnnotationTypeRepository;
  readonly taskAnnotations: TaskAnnotationRepository;
  readonly dependentSystemObjectMaps: DependentSystemObjectMapRepository;
  readonly stepDag: StepDagRepository;
}

/**
 * The repositories over one entity manager: `createRepositories(orm.em.fork())`.
 *
 * Within `em.transactional((em) => …)` make them from the inner one, and all that they do is part of
 * that transaction.
 */
export function createRepositories(em: TaskerEntityManager): Repositories {
  return {
    taskNamespaces: new TaskNamespaceRepository(em),
    namedTasks: new NamedTaskRepository(em),
    dependentSystems: new DependentSystemRepository(em),
    namedSteps: new NamedStepRepository(em),
    namedTasksNamedSteps: new NamedTaskNamedStepRepository(em),
    tasks: new TaskRepository(em),
    workflowSteps: new WorkflowStepRepository(em),
    workflowStepEdges: new WorkflowStepEdgeRepository(em),
    taskTransitions: new TaskTransitionRepository(em),
    workflowStepTransitions: new WorkflowStepTransitionRepository(em),
    annotationTypes: new AnnotationTypeRepository(em),
    taskAnnotations: new TaskAnnotationRepository(em),
    dependentSystemObjectMaps: new DependentSystemObjectMapRepository(em),
    stepDag: new StepDagRepository(em),
  };
}
