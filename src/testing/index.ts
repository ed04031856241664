export { createTestTasker } from './create-test-tasker.ts';
export type { TestTaskerOptions } from './create-test-tasker.ts';
export type { StoredEvent } from '../database/task-events.ts';
export type { StoredStep } from '../database/task-steps.ts';
export type { TestClock } from './test-clock.ts';
export type { IdleReport, RunOptions, TaskView, TestProblem, TestTasker } from './test-tasker.ts';
