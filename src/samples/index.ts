export { sampleTemplates } from './templates/sample-templates.ts';
export type { SampleTemplate } from './templates/sample-templates.ts';
export { BENCHMARK_WORKFLOWS, parseMix, SAMPLE_WORKFLOWS } from './workflows/sample-workflows.ts';
export type { WeightedWorkflow } from './workflows/sample-workflows.ts';
export type { InjectedFailure, SampleStep, SampleWorkflow } from './workflows/sample-workflow.ts';
export { seedDatabase } from './seed/seed-database.ts';
export type { SeedOptions, SeedShare } from './seed/seed-database.ts';
export type { FillOptions, SeedProgress, SeedReport } from '../database/seed/seed.ts';
export type { SeedStep, SeedWorkflow } from '../database/seed/seed-workflow.ts';
