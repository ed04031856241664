// Resolution: graphs, backends, sources. `tasker-core/resolver` has these alone, without a database.
export {
  analyzeTask,
  blastRadiusOf,
  createReadyIndex,
  createResolver,
  directorySource,
  ERROR_CODES,
  estimateFinish,
  EXECUTION_STATUSES,
  explainStep,
  formatInstant,
  formatNaive,
  HEALTH_STATUSES,
  isTaskerError,
  LAYOUT_VERSION,
  openSnapshotBuffer,
  parseInstant,
  reachableFrom,
  ResidentGraph,
  resolveTasks,
  RESULT_BITS,
  rowsSource,
  STATE_CODES,
  stateText,
  STEP_FLAGS,
  TASK_FLAGS,
  TaskerError,
  templateDifference,
} from './resolver/index.ts';
export type {
  AddRefusal,
  AnalyzedStep,
  AnalyzeOptions,
  AnswerCounts,
  BackendName,
  BlastRadius,
  BlockingReason,
  ChangedStep,
  ChunkResult,
  ContextRow,
  Cycle,
  CycleReport,
  DurationDistribution,
  EdgeInput,
  ErrorCode,
  EstimateOptions,
  FinishEstimate,
  GraphSnapshot,
  LevelRow,
  LoadOptions,
  LoadProgress,
  NativeAttempt,
  ReadinessRow,
  ReadyIndex,
  ReadyIndexGroups,
  ResidentGraphOptions,
  ResidentMemory,
  ResidentTaskStatus,
  Resolution,
  ResolveOptions,
  Resolver,
  ResolveRun,
  ResolverOptions,
  ResolverReport,
  ResolveTasksOptions,
  RowId,
  RowProblem,
  RowsInput,
  Rules,
  RunSummary,
  SettingChange,
  SharedTemplate,
  SnapshotCounts,
  SnapshotSource,
  SnapshotStream,
  SnapshotTexts,
  SnapshotViews,
  SourceTotals,
  StateName,
  StepChange,
  StepExplanation,
  StepInput,
  StepOutlook,
  StepReference,
  StepTransitionInput,
  TaskAnalysis,
  TaskerErrorOptions,
  TaskInput,
  TaskTransitionInput,
  TemplateDifference,
  TemplateGraph,
  TemplateStep,
} from './resolver/index.ts';
// The database: connections, schema, snapshots, compatible calls, one repository for each table.
export { connect, redactUrl } from './database/connection.ts';
export type { ConnectOptions } from './database/connection.ts';
export { startEmbeddedServer } from './database/embedded-server.ts';
export type { EmbeddedServer, EmbeddedServerOptions } from './database/embedded-server.ts';
export { migrate } from './database/migrate.ts';
export type { MigrateOptions, MigrateProgress, MigrateReport } from './database/migrate.ts';
export { createOrm } from './database/orm.ts';
export type { OrmOptions, TaskerEntityManager, TaskerOrm } from './database/orm.ts';
export { createReadinessRepository } from './database/readiness-repository.ts';
export type {
  ReadinessRepository,
  ReadinessRepositoryOptions,
} from './database/readiness-repository.ts';
export { createRepositories } from './database/repositories/index.ts';
export type { Repositories } from './database/repositories/index.ts';
export { schemaState } from './database/schema-state.ts';
export type { SchemaState } from './database/schema-state.ts';
export { seedDatabase } from './database/seed.ts';
export type { SeedOptions, SeedProgress, SeedReport } from './database/seed.ts';
export { databaseSource } from './database/snapshot-loader.ts';
export type { TaskSelection } from './database/snapshot-queries.ts';
export type { SnapshotTarget } from './database/snapshot-session.ts';
// Sample workflows, for trying things out.
export { parseMix } from './templates/sample-workflows.ts';
export type { WeightedWorkflow } from './templates/sample-workflows.ts';
