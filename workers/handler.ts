/** Entry point of the handlers' pool: one attempt of a step. */
export { runThreadStep as default } from '../src/orchestration/thread-step.ts';
