/**
 * Tests of workflows: an engine on a database of its own, with a clock that stands still.
 *
 * @example
 * ```ts
 * import { defineTask, RetryableError } from 'tasker-core';
 * import { createTestTasker } from 'tasker-core/testing';
 *
 * const greet = defineTask({ name: 'greet' }).step('say', ({ attempt }) => {
 *   if (attempt === 1) throw new RetryableError('hoarse', { retryAfter: '1h' });
 *   return 'hello';
 * });
 *
 * // on an embedded server where none is named
 * const server = process.env['TEST_SERVER'];
 * await using test = await createTestTasker({ templates: [greet], server });
 * const task = await test.createTask(greet, { context: { to: 'world' } });
 * const { waits } = await test.runUntilIdle(); // the hour passes at once
 * console.log(waits, await task.result()); // 1 { say: 'hello' }
 * ```
 *
 * @packageDocumentation
 */

export { createTestTasker } from './create-test-tasker.ts';
export type { TestTaskerOptions } from './create-test-tasker.ts';
export type { StoredEvent } from '../database/engine/task-events.ts';
export type { StoredStep } from '../database/engine/task-steps.ts';
export type { TestClock } from './test-clock.ts';
export type { IdleReport, RunOptions, TaskView, TestProblem, TestTasker } from './test-tasker.ts';
