/**
 * The resolver alone: graphs and backends, without a database driver or a server.
 *
 * @example
 * ```ts
 * import { resolveTasks, rowsSource } from 'tasker-core/resolver';
 *
 * const source = rowsSource({
 *   now: '2026-01-01T00:00:00Z',
 *   tasks: [{ task_id: 1, named_task_id: 1 }],
 *   steps: [
 *     { workflow_step_id: 10, task_id: 1, named_step_id: 1 },
 *     { workflow_step_id: 11, task_id: 1, named_step_id: 2 },
 *   ],
 *   edges: [{ from_step_id: 10, to_step_id: 11 }],
 * });
 * for await (const chunk of resolveTasks(source)) console.log([...chunk.readyStepIds()]); // [ 10n ]
 * ```
 *
 * @packageDocumentation
 */

export { ERROR_CODES, isTaskerError, TaskerError } from '../errors.ts';
export type { ErrorCode, TaskerErrorOptions } from '../errors.ts';
export type { ContextRow, LevelRow, ReadinessRow } from '../graph/kernels/answer-rows.ts';
export type { Cycle } from '../graph/kernels/cycles.ts';
export type { DurationDistribution } from '../graph/analysis/duration-distribution.ts';
export { formatInstant, formatNaive, parseInstant } from '../graph/snapshot/instants.ts';
export {
  EXECUTION_STATUSES,
  HEALTH_STATUSES,
  LAYOUT_VERSION,
  RESULT_BITS,
  STEP_FLAGS,
  TASK_FLAGS,
} from '../graph/snapshot/layout.ts';
export type { SnapshotCounts, SnapshotViews } from '../graph/snapshot/layout.ts';
export { reachableFrom } from '../graph/kernels/reachability.ts';
export type { StepChange } from '../graph/rules/own-row.ts';
export type { Outcome } from '../graph/resident/handles.ts';
export type { ResidentMemory } from '../graph/resident/store.ts';
export { ResidentGraph } from '../graph/resident/resident-graph.ts';
export type { ResidentShape } from '../graph/resident/resident-graph.ts';
export { ResidentView } from '../graph/resident/resident-view.ts';
export type { ResidentRow } from '../graph/resident/resident-view.ts';
export type { SettleBatch, SettleReport } from '../graph/resident/status.ts';
export type { ResidentGraphOptions, TaskPlacing } from '../graph/resident/options.ts';
export type { NewTasks } from '../graph/resident/options.ts';
export type { ResidentTaskStatus, StatusChange } from '../graph/resident/status.ts';
export type { CallerColumnKind } from '../graph/resident/store.ts';
export type { AddRefusal } from '../graph/resident/tasks.ts';
export type { ShapeDefinition, ShapedRows } from '../graph/resident/template-tasks.ts';
export type { ResidentDifference } from '../graph/resident/status.ts';
export type { Rules } from '../graph/rules/rules.ts';
export type { GraphSnapshot, SnapshotTexts } from '../graph/snapshot/snapshot.ts';
export type { RowProblem } from '../graph/snapshot/row-problem.ts';
export { STATE_CODES, stateText } from '../graph/snapshot/state-codes.ts';
export type { StateName } from '../graph/snapshot/state-codes.ts';
export { templateDifference } from '../graph/analysis/template-difference.ts';
export type {
  ChangedStep,
  SettingChange,
  TemplateDifference,
  TemplateGraph,
  TemplateStep,
} from '../graph/analysis/template-difference.ts';
export type { BlastRadius, FinishEstimate, TaskAnalysis } from './planning/analysis-answer.ts';
export type { AnalyzedStep } from './planning/analysis-question.ts';
export {
  analyzeTask,
  analyzeTaskAsync,
  blastRadiusOf,
  blastRadiusOfAsync,
  estimateFinish,
  estimateFinishAsync,
} from './planning/analyze.ts';
export type { AnalysisOptions, AnalyzeOptions, EstimateOptions } from './planning/analyze.ts';
export type { BackendName } from './backend.ts';
export type { AnswerCounts, ChunkResult, CycleReport } from './chunk-result.ts';
export { explainStep } from './explain/explain.ts';
export type {
  BlockingReason,
  StepExplanation,
  StepOutlook,
  StepReference,
} from './explain/explanation.ts';
export type { NativeAttempt } from './native.ts';
export { directorySource } from './sources/ndjson-source.ts';
export { openSnapshotBuffer } from './open-snapshot.ts';
export { createReadyIndex, createReadyIndexAsync } from './planning/ready-index.ts';
export type {
  ReadyIndex,
  ReadyIndexGroups,
  ReadyIndexOptions,
  SharedTemplate,
} from './planning/ready-index.ts';
export { resolveTasks } from './resolve-tasks.ts';
export type { ResolveRun, ResolveTasksOptions, RunSummary } from './resolve-tasks.ts';
export { createResolver } from './resolver.ts';
export type {
  Resolution,
  ResolveOptions,
  Resolver,
  ResolverOptions,
  ResolverReport,
} from './resolver.ts';
export { rowsSource } from './sources/rows-source.ts';
export { templateOfTask } from './planning/task-template.ts';
export type {
  EdgeInput,
  RowId,
  RowsInput,
  StepInput,
  StepTransitionInput,
  TaskInput,
  TaskTransitionInput,
} from './sources/rows-source.ts';
export type {
  LoadOptions,
  LoadProgress,
  SnapshotSource,
  SnapshotStream,
  SourceTotals,
} from '../graph/snapshot/snapshot-source.ts';
