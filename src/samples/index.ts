/**
 * Sample workflows, as data and as templates that run, and a seed of tasks in mixed states.
 *
 * @example
 * ```ts
 * import { Tasker } from 'tasker-core';
 * import { sampleTemplates } from 'tasker-core/samples';
 *
 * const samples = sampleTemplates();
 * const { template, context } = samples.find((each) => each.template.name === 'dummy_task')!;
 * await using tasker = new Tasker({ database: process.env['DATABASE_URL'] });
 * tasker.register(template);
 * await tasker.start();
 * const task = await tasker.createTask(template, { context });
 * await task.result();
 * console.log(samples.length, await task.state()); // 17 complete
 * ```
 *
 * @packageDocumentation
 */

export { sampleTemplates } from './templates/sample-templates.ts';
export type { SampleTemplate } from './templates/sample-templates.ts';
export { BENCHMARK_WORKFLOWS, parseMix, SAMPLE_WORKFLOWS } from './workflows/sample-workflows.ts';
export type { WeightedWorkflow } from './workflows/sample-workflows.ts';
export type { InjectedFailure, SampleStep, SampleWorkflow } from './workflows/sample-workflow.ts';
export { seedDatabase } from './seed/seed-database.ts';
export type { SeedOptions, SeedShare } from './seed/seed-database.ts';
export type { FillOptions, SeedProgress, SeedReport } from '../database/seed/seed.ts';
export type { SeedStep, SeedWorkflow } from '../database/seed/seed-workflow.ts';
