import type { MoveBatch, StepMove, TaskMove } from '../database/engine/transition-log.ts';
import type { ActiveTask } from './active-task.ts';
import type { Attempt } from './attempt.ts';

/** Why a step is part of a batch. */
export type StepPart = { readonly kind: 'claim' | 'end'; readonly attempt: Attempt };

/** Moves of one statement, each with what it is about. */
export class EngineBatch implements MoveBatch {
  readonly at: number;
  readonly steps: StepMove[] = [];
  readonly tasks: TaskMove[] = [];
  readonly stepParts: StepPart[] = [];
  readonly taskParts: ActiveTask[] = [];
  /** Carries one end and nothing else of steps. */
  alone = false;

  constructor(at: number) {
    this.at = at;
  }

  addStep(part: StepPart, move: StepMove): void {
    this.stepParts.push(part);
    this.steps.push(move);
    part.attempt.task.inFlight++;
    part.attempt.task.moves++;
  }

  addTask(task: ActiveTask, move: TaskMove): void {
    this.taskParts.push(task);
    this.tasks.push(move);
    task.inFlight++;
    task.moves++;
    task.moving = true;
  }
}
