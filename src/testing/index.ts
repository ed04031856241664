export { createTestTasker } from './create-test-tasker.ts';
export type { TestTaskerOptions } from './create-test-tasker.ts';
export type { StoredEvent } from '../database/engine/task-events.ts';
export type { StoredStep } from '../database/engine/task-steps.ts';
export type { TestClock } from './test-clock.ts';
export type { IdleReport, RunOptions, TaskView, TestProblem, TestTasker } from './test-tasker.ts';
