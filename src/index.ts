/**
 * The engine and everything around it.
 *
 * @example
 * ```ts
 * import { defineTask, Tasker } from 'tasker-core';
 *
 * const order = defineTask<{ items: string[] }>({ namespace: 'shop', name: 'order' })
 *   .step('reserve', ({ context }) => ({ held: context.items.length }))
 *   .step('ship', { after: ['reserve'] }, ({ results }) => `${results.reserve.held} parcels`);
 *
 * // on an embedded server where no database is named
 * await using tasker = new Tasker({ database: process.env['DATABASE_URL'] });
 * tasker.register(order);
 * await tasker.start();
 * const task = await tasker.createTask(order, { context: { items: ['tea', 'cup'] } });
 * console.log(await task.result()); // { reserve: { held: 2 }, ship: '2 parcels' }
 * ```
 *
 * @packageDocumentation
 */

// The engine as one object.
export { Tasker } from './tasker.ts';
export type {
  AdaptiveConcurrency,
  CircuitBreakerOptions,
  ConcurrencyOptions,
  CountedFailure,
  EventLogOptions,
  TaskerOptions,
} from './options.ts';
export { TaskHandle } from './orchestration/task-handle.ts';
export type { ResultOptions, TaskStatus } from './orchestration/task-handle.ts';
export type { TaskIdentity } from './orchestration/task-identity.ts';
export type { CreatedTask, CreateTaskOptions, TaskRequest } from './orchestration/task-request.ts';
// Resolution: graphs, backends, sources. `tasker-core/resolver` has these alone, without a database.
export {
  analyzeTask,
  analyzeTaskAsync,
  blastRadiusOf,
  blastRadiusOfAsync,
  createReadyIndex,
  createReadyIndexAsync,
  createResolver,
  directorySource,
  ERROR_CODES,
  estimateFinish,
  estimateFinishAsync,
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
  ResidentView,
  resolveTasks,
  RESULT_BITS,
  rowsSource,
  STATE_CODES,
  stateText,
  STEP_FLAGS,
  TASK_FLAGS,
  TaskerError,
  templateDifference,
  templateOfTask,
} from './resolver/index.ts';
export type {
  AddRefusal,
  AnalysisOptions,
  AnalyzedStep,
  AnalyzeOptions,
  AnswerCounts,
  BackendName,
  BlastRadius,
  BlockingReason,
  CallerColumnKind,
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
  NewTasks,
  Outcome,
  ReadinessRow,
  ReadyIndex,
  ReadyIndexGroups,
  ReadyIndexOptions,
  ResidentDifference,
  ResidentGraphOptions,
  ResidentMemory,
  ResidentRow,
  ResidentShape,
  ResidentTaskStatus,
  Resolution,
  ResolveOptions,
  Resolver,
  ResolverOptions,
  ResolverReport,
  ResolveRun,
  ResolveTasksOptions,
  RowId,
  RowProblem,
  RowsInput,
  Rules,
  RunSummary,
  SettingChange,
  SettleBatch,
  SettleReport,
  ShapeDefinition,
  ShapedRows,
  SharedTemplate,
  SnapshotCounts,
  SnapshotSource,
  SnapshotStream,
  SnapshotTexts,
  SnapshotViews,
  SourceTotals,
  StateName,
  StatusChange,
  StepChange,
  StepExplanation,
  StepInput,
  StepOutlook,
  StepReference,
  StepTransitionInput,
  TaskAnalysis,
  TaskerErrorOptions,
  TaskInput,
  TaskPlacing,
  TaskTransitionInput,
  TemplateDifference,
  TemplateGraph,
  TemplateStep,
} from './resolver/index.ts';
// The database: connections, schema, snapshots, compatible calls, one repository for each table.
export { connect, redactUrl } from './database/connection.ts';
export type { ConnectOptions } from './database/connection.ts';
export { startEmbeddedServer } from './database/embedded/embedded-server.ts';
export type { EmbeddedServer, EmbeddedServerOptions } from './database/embedded/embedded-server.ts';
export { migrate } from './database/schema/migrate.ts';
export type { MigrateOptions, MigrateProgress, MigrateReport } from './database/schema/migrate.ts';
export { createOrm } from './database/repositories/orm.ts';
export type { OrmOptions, TaskerEntityManager, TaskerOrm } from './database/repositories/orm.ts';
export { createReadinessRepository } from './database/repositories/readiness-repository.ts';
export type {
  ReadinessRepository,
  ReadinessRepositoryOptions,
} from './database/repositories/readiness-repository.ts';
export { createRepositories } from './database/repositories/index.ts';
export type { Repositories } from './database/repositories/index.ts';
export { schemaState } from './database/schema/schema-state.ts';
export type { SchemaState } from './database/schema/schema-state.ts';
export { databaseSource } from './database/snapshot/snapshot-loader.ts';
export type { TaskSelection } from './database/snapshot/snapshot-queries.ts';
export type { SnapshotTarget } from './database/snapshot/snapshot-session.ts';
// Orchestration: what handlers throw and use, and options of how steps are held back.
export type { ApiConfig, ApiParam, ApiParams, ApiSsl } from './orchestration/api-config.ts';
export type { ApiConnection, ApiRequest } from './orchestration/api-connection.ts';
export type { ApiResponse, ResponseLike } from './orchestration/api-response.ts';
export { apiStepHandler, callApi } from './orchestration/api-step-handler.ts';
export type { ApiStepOptions } from './orchestration/api-step-handler.ts';
export type { JsonObject, JsonValue } from './policies/bounded-json.ts';
export type { CircuitCause, CircuitChange, CircuitState } from './policies/circuit-breaker.ts';
export type { CircuitBreakersOptions, KeyedCircuitChange } from './policies/circuit-breakers.ts';
export type { Failure } from './policies/failure.ts';
export { stopOnSignals } from './orchestration/stop-on-signals.ts';
export { PermanentError, RetryableError } from './policies/step-errors.ts';
export type { PermanentErrorOptions, RetryableErrorOptions } from './policies/step-errors.ts';
// Operating tasks: what an operator does by hand, and what is kept of it.
export {
  cancelStep,
  cancelTask,
  handBackTask,
  pauseTask,
  redriveTask,
  resolveStepByHand,
  resolveTaskByHand,
  resumeTask,
  retryStep,
} from './orchestration/operator-actions.ts';
export type { ResolveStepRequest } from './orchestration/operator-actions.ts';
export type { OperatorAction, OperatorRequest } from './orchestration/operator-request.ts';
export type { OperatorChange, OperatorResult } from './orchestration/operator-transaction.ts';
export { auditOf } from './database/audit-log.ts';
export type { AuditEntry, AuditPage, AuditQuery } from './database/audit-log.ts';
export { taskStateAt } from './database/repositories/state-at.ts';
export type { StepStateAt, TaskStateAt } from './database/repositories/state-at.ts';
export { stepHistory, taskHistory } from './database/repositories/task-history.ts';
export type {
  TaskHistoryRow,
  TaskHistoryPage,
  TaskHistoryQuery,
} from './database/repositories/task-history.ts';
// Analytics: how tasks are and were.
export { systemHealthCounts } from './database/repositories/analytics-health.ts';
export type { StateCounts, SystemHealthCounts } from './database/repositories/analytics-health.ts';
export { slowestSteps, slowestTasks } from './database/repositories/analytics-slowest.ts';
export type {
  SlowestQuery,
  SlowStep,
  SlowTask,
} from './database/repositories/analytics-slowest.ts';
// Retention: finished tasks are removed, with an archive.
export { purgeTasks } from './database/purge.ts';
export type { PurgeRequest, PurgeSummary } from './database/purge.ts';
export type { PurgeArchive } from './database/purge-archive.ts';
export type { PurgeReport } from './database/repositories/purge-task.ts';
// Events: what `tasker.events` takes and gives, and the catalogue.
export { EVENT_CATALOG } from './events/catalog.ts';
export type { EventName, EventPayload } from './events/catalog.ts';
export type { RegisteredEvent, RegisterEventOptions } from './events/event-registry.ts';
export type { CatalogEvent, CustomEventOf, EventReference } from './events/event-types.ts';
export type { InProcessEvent } from './events/in-process.ts';
export type { ClassSubscriber } from './events/in-process-names.ts';
export type { EventFacts } from './events/prepare-event.ts';
export type {
  EventToPublish,
  OnOptions,
  PublishedEvent,
  PublishOptions,
  PublishTarget,
  TaskerEvents,
} from './events/tasker-events.ts';
// Events outside: webhooks, notices, retention, a task rebuilt from its events.
export { NotifyBridge, notifyBridge } from './events/notify-bridge.ts';
export type { NotifyBridgeOptions } from './events/notify-bridge.ts';
export { rebuildTask } from './events/rebuild.ts';
export type { RebuiltStep, RebuiltTask } from './events/rebuild.ts';
export { retainEvents } from './events/retention.ts';
export type {
  HeldPartition,
  PartitioningOptions,
  RetentionOptions,
  RetentionReport,
} from './events/retention.ts';
export type { EventHolder } from './database/event-store/event-expiry.ts';
export type { EventPartition } from './database/event-store/event-partitions.ts';
export { signWebhook, verifyWebhook, webhookKeys } from './events/webhook-signature.ts';
export type {
  ReceivedWebhook,
  VerifyWebhookOptions,
  WebhookHeaders,
  WebhookSecret,
} from './events/webhook-signature.ts';
export { WebhookError, webhookHandler } from './events/webhook.ts';
export type { WebhookOptions } from './events/webhook.ts';
// Durable subscribers: what `tasker.events.subscribe` takes and gives.
export type { DurableSubscription, LiveSubscriberHealth } from './events/durable-subscribers.ts';
export type { AuditRequest } from './database/audit-request.ts';
export type {
  DeadLetter,
  DeadLetterFilter,
  DeadLetterReason,
  DeadLetterWithPayload,
} from './database/event-store/dead-letter-rows.ts';
export type { EventCount, LogPartition } from './database/event-store/event-stats.ts';
export type { Replay } from './database/event-store/replay-requests.ts';
export type { ReplayFilter } from './database/event-store/replays.ts';
export {
  deadLetter,
  discardDeadLetters,
  listDeadLetters,
  redriveDeadLetters,
} from './events/dead-letters.ts';
export type {
  DeadLetterPage,
  DeadLetterQuery,
  DeadLetterRequest,
  DeadLetterResult,
} from './events/dead-letters.ts';
export { eventStats } from './events/event-stats.ts';
export type { EventStats } from './events/event-stats.ts';
export { cancelReplay, listReplays, replay, replayEvents } from './events/replay.ts';
export type {
  ReplayCancellation,
  ReplayPage,
  ReplayQuery,
  ReplayRequest,
} from './events/replay.ts';
export type { StoredEvent } from './events/stored-event.ts';
export type {
  Delivery,
  EventHandler,
  EventHandlers,
  StoredEventOf,
  SubscriberOptions,
} from './events/subscriber-definition.ts';
export {
  oneSubscriber,
  pauseSubscriber,
  resumeSubscriber,
  subscriberHealth,
} from './events/subscriptions.ts';
export type {
  SubscriberHealth,
  SubscriberPart,
  SubscriberStateResult,
} from './events/subscriptions.ts';
// Templates of tasks: builder, checks, handlers.
export { adjustTemplate } from './templates/adjust-template.ts';
export { createTemplate } from './templates/create-template.ts';
export type { ContextStrictness, JsonSchema } from './templates/context-schema.ts';
export { defineTask } from './templates/define-task.ts';
export type { StepOptions, TaskBuilder, TaskSettings } from './templates/define-task.ts';
export { loadTemplates } from './templates/load-templates.ts';
export type { LoadTemplatesOptions } from './templates/load-templates.ts';
export { parseTemplate } from './templates/yaml-template.ts';
export type { PlacedProblem, YamlTemplateOptions } from './templates/yaml-template.ts';
export { HandlerRegistry } from './templates/handler-registry.ts';
export type {
  HandlerOptions,
  HandlerSetup,
  StepHandlerClass,
} from './templates/handler-registry.ts';
export { packGraph, unpackGraph } from './templates/packed-graph.ts';
export type { PackedStep, UnpackedGraph } from './templates/packed-graph.ts';
export type { BackoffOptions, RetryPolicyOptions } from './policies/retry-policy-options.ts';
export { requireContext } from './templates/require-context.ts';
export { contextType } from './templates/schema-type.ts';
export type { ContextOf, ContextType, SchemaType } from './templates/schema-type.ts';
export type {
  HandlerModule,
  InvokedStep,
  InvokedTask,
  StepFunction,
  StepHandler,
  StepInvocation,
  StepProcessor,
} from './templates/step-handler.ts';
export type { Stored } from './templates/stored-json.ts';
export type {
  CompiledGraph,
  ContextProblem,
  CustomEvent,
  StepTemplate,
  TaskTemplate,
  TemplateSource,
} from './templates/task-template.ts';
export type {
  StepDefinition,
  StepSettings,
  TemplateDefinition,
  TemplateSettings,
} from './templates/template-definition.ts';
export { analyzeTemplate } from './templates/template-analysis.ts';
export type {
  AnalysisEdge,
  AnalysisNode,
  AnalyzableStep,
  TemplateAnalysis,
} from './templates/template-analysis.ts';
export { TemplateRegistry } from './templates/template-registry.ts';
export type { TemplateKey } from './templates/template-registry.ts';
export type {
  CompletedStep,
  TaskAdjustments,
  TaskAnnotation,
  TaskDraft,
  TaskRun,
  TemplateHooks,
} from './templates/template-hooks.ts';
