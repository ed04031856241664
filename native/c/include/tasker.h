/*
 * The resolver of tasker-core for C. Generated from native/c/src by cbindgen; do not edit.
 *
 * A handle belongs to whoever got it and is given back to the function that ends in _free; NULL may be
 * given back, too. Inputs are read in place while a call lasts and are not kept. A function that fails
 * returns its code and, where `error` is not NULL, leaves there what tasker_error_free takes back; after
 * one that does not fail *error is NULL. What a failed function was to return is left as it was.
 *
 * Threads: functions that take `const tasker_snapshot *` may be called by any number of threads at once,
 * but not while another thread is in tasker_resolve or tasker_snapshot_free with the same snapshot. All
 * other functions touch nothing but what is given to them. None keeps a thread to itself for longer than
 * the call.
 *
 * Where the system has no memory left, the process ends.
 */

#ifndef TASKER_H
#define TASKER_H

#include <stddef.h>
#include <stdint.h>

// Raised with every change that a caller compiled against an older header would not survive.
#define TASKER_ABI_VERSION 1

// What became of a call; but for TASKER_CANCELLED and TASKER_INTERNAL, docs/errors.md has the names, too.
enum tasker_code
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // The call did what it was asked for.
    TASKER_CODE_OK = 0,
    // An argument has a value outside of its documented range.
    TASKER_CODE_BAD_ARGUMENT = 1,
    // A column cannot be read; tasker_error_place says which, and often the row.
    TASKER_CODE_BAD_INPUT = 2,
    // A row contradicts another one (of row problems only).
    TASKER_CODE_BAD_ROW = 3,
    // A snapshot contradicts itself, which no input leads to.
    TASKER_CODE_BAD_SNAPSHOT = 4,
    // The word that tasker_question points to was set.
    TASKER_CODE_CANCELLED = 5,
    // The steps of the task depend on each other in a circle.
    TASKER_CODE_CYCLE = 6,
    // An edge names a step that does not exist (of row problems only).
    TASKER_CODE_DANGLING_EDGE = 7,
    // A defect of this library.
    TASKER_CODE_INTERNAL = 8,
    // More rows than one snapshot numbers (2^31 - 1 of a kind), or more than 32 GiB.
    TASKER_CODE_TOO_LARGE = 9,
    // There is no such task.
    TASKER_CODE_UNKNOWN_TASK = 10,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum tasker_code tasker_code;
#else
typedef uint32_t tasker_code;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// A table of the input.
enum tasker_table
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // Tasks.
    TASKER_TABLE_TASKS = 0,
    // Workflow steps.
    TASKER_TABLE_STEPS = 1,
    // Edges.
    TASKER_TABLE_EDGES = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum tasker_table tasker_table;
#else
typedef uint32_t tasker_table;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// Element types of a column.
enum tasker_type
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // The column is absent.
    TASKER_TYPE_ABSENT = 0,
    // uint8_t: state codes, or booleans as 0 and 1.
    TASKER_TYPE_U8 = 1,
    // int32_t.
    TASKER_TYPE_I32 = 2,
    // int64_t; INT64_MIN is null in a column of instants.
    TASKER_TYPE_I64 = 3,
    // double.
    TASKER_TYPE_F64 = 4,
    // Booleans, one bit each, the lowest of a byte first.
    TASKER_TYPE_BITS = 5,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum tasker_type tasker_type;
#else
typedef uint32_t tasker_type;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// How a column says which elements are null.
enum tasker_validity_type
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // None is.
    TASKER_VALIDITY_TYPE_ALL = 0,
    // Those whose byte is 0.
    TASKER_VALIDITY_TYPE_BYTES = 1,
    // Those whose bit is 0, the lowest of a byte first.
    TASKER_VALIDITY_TYPE_BITS = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum tasker_validity_type tasker_validity_type;
#else
typedef uint32_t tasker_validity_type;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// Which rules decide.
enum tasker_rules
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // Answers as the Rails engine's SQL does.
    TASKER_RULES_RAILS = 0,
    // Corrects what strands tasks.
    TASKER_RULES_ENGINE = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum tasker_rules tasker_rules;
#else
typedef uint32_t tasker_rules;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// A table of answers.
enum tasker_rows
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // Every step of the answered tasks, by task, then step.
    TASKER_ROWS_READINESS = 0,
    // Every answered task, by task.
    TASKER_ROWS_CONTEXTS = 1,
    // Every step of the answered tasks that has a level, by task, then level, then step.
    TASKER_ROWS_LEVELS = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum tasker_rows tasker_rows;
#else
typedef uint32_t tasker_rows;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// A column of an answer, with the function that reads it.
enum tasker_field
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // Id of the step: tasker_read_i64.
    TASKER_FIELD_READINESS_WORKFLOW_STEP_ID = 0,
    // Id of its task: tasker_read_i64.
    TASKER_FIELD_READINESS_TASK_ID = 1,
    // Its named step: tasker_read_i32.
    TASKER_FIELD_READINESS_NAMED_STEP_ID = 2,
    // State code: tasker_read_u8.
    TASKER_FIELD_READINESS_CURRENT_STATE = 3,
    // 1 where every parent is done, else 0: tasker_read_u8.
    TASKER_FIELD_READINESS_DEPENDENCIES_SATISFIED = 4,
    // 1 where an attempt is left, else 0: tasker_read_u8.
    TASKER_FIELD_READINESS_RETRY_ELIGIBLE = 5,
    // 1 where it may run now, else 0: tasker_read_u8.
    TASKER_FIELD_READINESS_READY_FOR_EXECUTION = 6,
    // When it fell into its present error, µs, NaN for null: tasker_read_f64.
    TASKER_FIELD_READINESS_LAST_FAILURE_AT = 7,
    // When its wait ends or ended, µs, NaN for null: tasker_read_f64.
    TASKER_FIELD_READINESS_NEXT_RETRY_AT = 8,
    // Edges that lead to it: tasker_read_i32.
    TASKER_FIELD_READINESS_TOTAL_PARENTS = 9,
    // Those of them that come from done steps: tasker_read_i32.
    TASKER_FIELD_READINESS_COMPLETED_PARENTS = 10,
    // Attempts made, null as 0: tasker_read_i32.
    TASKER_FIELD_READINESS_ATTEMPTS = 11,
    // Attempts allowed, null as 3: tasker_read_i32.
    TASKER_FIELD_READINESS_RETRY_LIMIT = 12,
    // Explicit wait, seconds, null as 0: tasker_read_i32.
    TASKER_FIELD_READINESS_BACKOFF_REQUEST_SECONDS = 13,
    // 1 where there is an explicit wait, 0 for null: tasker_read_u8.
    TASKER_FIELD_READINESS_HAS_BACKOFF_REQUEST = 14,
    // Last attempt, µs, NaN for null: tasker_read_f64.
    TASKER_FIELD_READINESS_LAST_ATTEMPTED_AT = 15,
    // Id of the task: tasker_read_i64.
    TASKER_FIELD_CONTEXT_TASK_ID = 100,
    // Its named task: tasker_read_i32.
    TASKER_FIELD_CONTEXT_NAMED_TASK_ID = 101,
    // State code: tasker_read_u8.
    TASKER_FIELD_CONTEXT_STATUS = 102,
    // Its steps: tasker_read_i64.
    TASKER_FIELD_CONTEXT_TOTAL_STEPS = 103,
    // Those that are pending: tasker_read_i64.
    TASKER_FIELD_CONTEXT_PENDING_STEPS = 104,
    // Those that run: tasker_read_i64.
    TASKER_FIELD_CONTEXT_IN_PROGRESS_STEPS = 105,
    // Those that are done: tasker_read_i64.
    TASKER_FIELD_CONTEXT_COMPLETED_STEPS = 106,
    // Those in error: tasker_read_i64.
    TASKER_FIELD_CONTEXT_FAILED_STEPS = 107,
    // Those that may run now: tasker_read_i64.
    TASKER_FIELD_CONTEXT_READY_STEPS = 108,
    // Code of tasker_execution_status_name and tasker_recommended_action_name: tasker_read_u8.
    TASKER_FIELD_CONTEXT_EXECUTION_STATUS = 109,
    // Done steps of a hundred, rounded half up to two digits: tasker_read_f64.
    TASKER_FIELD_CONTEXT_COMPLETION_PERCENTAGE = 110,
    // Code of tasker_health_status_name: tasker_read_u8.
    TASKER_FIELD_CONTEXT_HEALTH_STATUS = 111,
    // Id of the step: tasker_read_i64.
    TASKER_FIELD_LEVEL_WORKFLOW_STEP_ID = 200,
    // Id of its task: tasker_read_i64.
    TASKER_FIELD_LEVEL_TASK_ID = 201,
    // Longest path from a root of the task, in edges: tasker_read_i32.
    TASKER_FIELD_LEVEL_DEPENDENCY_LEVEL = 202,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum tasker_field tasker_field;
#else
typedef uint32_t tasker_field;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// State codes. 4 to 127 are the caller's to give to texts that are none of these.
enum tasker_state
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // Not started; also what is without a current transition.
    TASKER_STATE_PENDING = 0,
    // A handler is at work.
    TASKER_STATE_IN_PROGRESS = 1,
    // The latest attempt failed.
    TASKER_STATE_ERROR = 2,
    // Given up by an operator.
    TASKER_STATE_CANCELLED = 3,
    // Finished.
    TASKER_STATE_COMPLETE = 128,
    // Finished by an operator.
    TASKER_STATE_RESOLVED_MANUALLY = 129,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum tasker_state tasker_state;
#else
typedef uint32_t tasker_state;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// Why a call failed. Opaque.
typedef struct tasker_error tasker_error;

// Ids that belong to whoever got them. Opaque.
typedef struct tasker_ids tasker_ids;

// Everything about one task's shape. Opaque.
typedef struct tasker_shape tasker_shape;

// Workflows in memory: built once, resolved as often as there are questions. Opaque.
typedef struct tasker_snapshot tasker_snapshot;

// Where in the input an error lies.
typedef struct tasker_place {
    // Name of the column, as in the database; lives as long as the error.
    const char *column;
    // Number of the row, -1 where no single row is to blame.
    int64_t row;
    // The table.
    tasker_table table;
} tasker_place;

// An edge that could go without any step running earlier.
typedef struct tasker_redundant_edge {
    // Id of the parent.
    int64_t from_step_id;
    // Id of the child.
    int64_t to_step_id;
    // 1 where the same edge stands there once more, 0 where a longer way leads there as well.
    uint32_t is_repeated;
} tasker_redundant_edge;

// The columns of a shape, valid for as long as the shape lives; NULL where they have no element.
typedef struct tasker_shape_view {
    // From the first start to the last end, seconds.
    double seconds;
    // Number of steps: of the next four columns.
    size_t steps;
    // Ids of the task's steps, ascending.
    const int64_t *step_ids;
    // Earliest start of each step, seconds from the first.
    const double *start;
    // How much later each step may end without the task ending later, seconds.
    const double *total_slack;
    // How much later each step may end without any child starting later, seconds.
    const double *free_slack;
    // Number of steps of a longest chain.
    size_t path_steps;
    // Their ids, first to last.
    const int64_t *path;
    // Number of dependency levels.
    size_t levels;
    // Steps at each level.
    const uint32_t *level_widths;
    // Number of edges that could go.
    size_t redundant_edges;
    // These edges.
    const struct tasker_redundant_edge *redundant;
} tasker_shape_view;

// A column: elements one behind the other, borrowed for the call. All zero means absent, which counts
// as null throughout.
typedef struct tasker_column {
    // The elements, aligned to their size; may be NULL where there is none.
    const void *values;
    // Bytes or bits that say which elements are null; not read where validity_type says that none is.
    const uint8_t *validity;
    // Number of elements.
    size_t length;
    // Bits of values before the first element (of bits only).
    size_t values_offset;
    // Bytes or bits of validity before that of the first element.
    size_t validity_offset;
    // A tasker_type.
    uint32_t type;
    // A tasker_validity_type.
    uint32_t validity_type;
} tasker_column;

// Everything that answers follow from. Columns of one table have one length. Instants are µs since the
// epoch, UTC: TASKER_TYPE_I64 of at most 2^53 either way (INT64_MIN is null), or TASKER_TYPE_F64, which
// may be infinite.
typedef struct tasker_input {
    // sizeof(tasker_input).
    size_t size;
    // Not 0 where steps of tasks that are not among these are only there as parents of others. Else each
    // is reported, and so is an edge to a step that is not there.
    uint32_t has_foreign_steps;
    // 0.
    uint32_t reserved;
    // Ids (i64 or i32).
    struct tasker_column task_id;
    // Named tasks (i32, or i64 that fits); 0 where absent.
    struct tasker_column task_named_task_id;
    // State codes of the current transitions (u8, see tasker_state), null for none.
    struct tasker_column task_state;
    // Ids (i64 or i32).
    struct tasker_column step_id;
    // Tasks of the steps (i64 or i32).
    struct tasker_column step_task_id;
    // Named steps (i32, or i64 that fits); 0 where absent.
    struct tasker_column step_named_step_id;
    // State codes of the current transitions (u8, see tasker_state), null for none.
    struct tasker_column step_state;
    // When the current transition was created (instants); read where the state is error.
    struct tasker_column step_transitioned_at;
    // Attempts made (i32, or i64 that fits).
    struct tasker_column step_attempts;
    // Attempts allowed (i32, or i64 that fits); null is 3.
    struct tasker_column step_retry_limit;
    // Whether a failure may be tried again (u8 or bits); null is true.
    struct tasker_column step_retryable;
    // Whether somebody works at the step (u8 or bits); null is false.
    struct tasker_column step_in_process;
    // Whether the step was worked off (u8 or bits); null is false.
    struct tasker_column step_processed;
    // Whether the step may be left out (u8 or bits); null is false. No answer depends on it.
    struct tasker_column step_skippable;
    // Explicit wait, seconds (i32, or i64 that fits).
    struct tasker_column step_backoff_request_seconds;
    // Last attempt (instants).
    struct tasker_column step_last_attempted_at;
    // Stored next attempt (instants), read under TASKER_RULES_ENGINE.
    struct tasker_column step_next_attempt_at;
    // Parents (i64 or i32).
    struct tasker_column edge_from_step_id;
    // Children (i64 or i32).
    struct tasker_column edge_to_step_id;
} tasker_input;

// Sizes of a snapshot.
typedef struct tasker_counts {
    // Tasks.
    size_t tasks;
    // Steps of these tasks.
    size_t steps;
    // Parents that are steps of other tasks, or that do not exist.
    size_t ghosts;
    // Edges that lead to these steps.
    size_t edges;
} tasker_counts;

// A row that contradicts others or leads nowhere. Everything else is answered.
typedef struct tasker_row_problem {
    // One sentence for people, UTF-8; lives as long as the snapshot.
    const char *message;
    // Id of the row, or of the row it is about.
    int64_t id;
    // The task that it concerns, where has_task is 1.
    int64_t task_id;
    // 1 where it concerns a task, else 0.
    uint32_t has_task;
    // 1 where the task is taken out of the answers, else 0.
    uint32_t refused;
    // TASKER_CODE_BAD_ROW, TASKER_CODE_DANGLING_EDGE or TASKER_CODE_UNKNOWN_TASK.
    tasker_code code;
    // The table of the row.
    tasker_table table;
} tasker_row_problem;

// What a resolution depends on besides the snapshot.
typedef struct tasker_question {
    // sizeof(tasker_question).
    size_t size;
    // The clock, µs since the epoch, UTC.
    double now_micros;
    // A tasker_rules.
    uint32_t rules;
    // Not 0 for the contexts of tasks.
    uint32_t contexts;
    // Not 0 for the levels of steps.
    uint32_t levels;
    // Most threads; 0 and 1 stay in the calling one, and so do up to 65,536 steps.
    uint32_t threads;
    // NULL, or a word that any thread may set, atomically, to something else than 0 to end the work; it
    // is noticed within 16,384 steps. Only read.
    const uint32_t *cancel;
} tasker_question;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// The interface that the library has; compare it with TASKER_ABI_VERSION of the header. Any thread.
uint32_t tasker_abi_version(void);

// Writes the number of rows of a tasker_rows into *count. Fails with TASKER_CODE_BAD_ARGUMENT before the
// first resolution and for what it did not ask for. Any number of threads.
tasker_code tasker_row_count(const struct tasker_snapshot *snapshot,
                             uint32_t table,
                             size_t *count,
                             struct tasker_error **error);

// Reads a field into `out`, which has room for `length` rows: as many as tasker_row_count says. Fails with
// TASKER_CODE_BAD_ARGUMENT for another length, an unknown field or one of another type. Any number of
// threads.
tasker_code tasker_read_i64(const struct tasker_snapshot *snapshot,
                            uint32_t field,
                            int64_t *out,
                            size_t length,
                            struct tasker_error **error);

// Reads a field into `out`, which has room for `length` rows: as many as tasker_row_count says. Fails with
// TASKER_CODE_BAD_ARGUMENT for another length, an unknown field or one of another type. Any number of
// threads.
tasker_code tasker_read_i32(const struct tasker_snapshot *snapshot,
                            uint32_t field,
                            int32_t *out,
                            size_t length,
                            struct tasker_error **error);

// Reads a field into `out`, which has room for `length` rows: as many as tasker_row_count says. Fails with
// TASKER_CODE_BAD_ARGUMENT for another length, an unknown field or one of another type. Any number of
// threads.
tasker_code tasker_read_u8(const struct tasker_snapshot *snapshot,
                           uint32_t field,
                           uint8_t *out,
                           size_t length,
                           struct tasker_error **error);

// Reads a field into `out`, which has room for `length` rows: as many as tasker_row_count says. Fails with
// TASKER_CODE_BAD_ARGUMENT for another length, an unknown field or one of another type. Any number of
// threads.
tasker_code tasker_read_f64(const struct tasker_snapshot *snapshot,
                            uint32_t field,
                            double *out,
                            size_t length,
                            struct tasker_error **error);

// The ids of the steps that may run now into *step_ids, by task, then step. O(steps). Fails with
// TASKER_CODE_BAD_ARGUMENT before the first resolution. Any number of threads.
tasker_code tasker_ready_step_ids(const struct tasker_snapshot *snapshot,
                                  struct tasker_ids **step_ids,
                                  struct tasker_error **error);

// The cycles into *cycles, by task, at least one for each task that has any: for each the id of the task,
// the number of its steps, their ids; an edge leads from each to the next and from the last to the first.
// Fails with TASKER_CODE_BAD_ARGUMENT before the first resolution. Any number of threads.
tasker_code tasker_cycles(const struct tasker_snapshot *snapshot,
                          struct tasker_ids **cycles,
                          struct tasker_error **error);

// The code of an error; TASKER_CODE_OK for NULL. Any thread.
tasker_code tasker_error_code(const struct tasker_error *error);

// One sentence for people, UTF-8; lives as long as the error. Empty for NULL. Any thread.
const char *tasker_error_message(const struct tasker_error *error);

// Writes where in the input the error lies and returns 1, or returns 0 where it lies nowhere there. Any
// thread.
uint32_t tasker_error_place(const struct tasker_error *error,
                            struct tasker_place *place);

// Takes an error back. Any thread.
void tasker_error_free(struct tasker_error *error);

// Number of ids; 0 for NULL. Any thread.
size_t tasker_ids_count(const struct tasker_ids *ids);

// The ids, one behind the other, for as long as the handle lives; NULL for NULL. Any thread.
const int64_t *tasker_ids_data(const struct tasker_ids *ids);

// Takes ids back. Any thread.
void tasker_ids_free(struct tasker_ids *ids);

// Text of a state code, NULL for one that the contract does not name. Any thread.
const char *tasker_state_name(uint32_t state);

// Text of a code of TASKER_FIELD_CONTEXT_EXECUTION_STATUS, NULL for any other. Any thread.
const char *tasker_execution_status_name(uint32_t status);

// The action recommended for a code of TASKER_FIELD_CONTEXT_EXECUTION_STATUS, NULL for any other. Any
// thread.
const char *tasker_recommended_action_name(uint32_t status);

// Text of a code of TASKER_FIELD_CONTEXT_HEALTH_STATUS, NULL for any other. Any thread.
const char *tasker_health_status_name(uint32_t status);

// Stable name of a tasker_code, `TASKER_BAD_INPUT` and so on; NULL for TASKER_CODE_OK and what is no
// code. Any thread.
const char *tasker_code_name(uint32_t code);

// When each step of a task starts at the earliest, how much later it may end, a longest chain, the steps
// at each level and the edges that could go, into *shape. O(steps + edges) of the task, but for the last.
// `durations` and `count`: as tasker_critical_path has them.
//
// Fails with TASKER_CODE_UNKNOWN_TASK, TASKER_CODE_CYCLE, TASKER_CODE_BAD_ARGUMENT for durations that do
// not fit. Any number of threads.
tasker_code tasker_shape_of_task(const struct tasker_snapshot *snapshot,
                                 int64_t task_id,
                                 const double *durations,
                                 size_t count,
                                 struct tasker_shape **shape,
                                 struct tasker_error **error);

// The columns of a shape; all of them empty for NULL. Any number of threads.
struct tasker_shape_view tasker_shape_columns(const struct tasker_shape *shape);

// Takes a shape back. Any thread.
void tasker_shape_free(struct tasker_shape *shape);

// Reads every column and builds a snapshot into *snapshot: O(rows) where tasks come in the order of
// their ids and steps in that of task and id, else O(rows log rows). Rows that contradict each other are
// no error, see tasker_snapshot_problem.
//
// Fails with TASKER_CODE_BAD_ARGUMENT for NULL, an unknown type or a misaligned column,
// TASKER_CODE_BAD_INPUT with its place, TASKER_CODE_TOO_LARGE. Any thread.
tasker_code tasker_snapshot_build(const struct tasker_input *input,
                                  struct tasker_snapshot **snapshot,
                                  struct tasker_error **error);

// Takes a snapshot back. Any thread, one at a time.
void tasker_snapshot_free(struct tasker_snapshot *snapshot);

// Sizes of a snapshot; all 0 for NULL. Any number of threads.
struct tasker_counts tasker_snapshot_counts(const struct tasker_snapshot *snapshot);

// The bytes of the snapshot and, in *length, their number; NULL for NULL. They are those that the other
// languages make of the same rows, outputs of the latest resolution included, in the layout of
// src/graph/snapshot/layout.ts; valid until the next tasker_resolve. Any number of threads.
const uint8_t *tasker_snapshot_bytes(const struct tasker_snapshot *snapshot,
                                     size_t *length);

// Number of rows that contradict others or lead nowhere; 0 for NULL. Any number of threads.
size_t tasker_snapshot_problem_count(const struct tasker_snapshot *snapshot);

// Writes the row problem of a number from 0 on. Fails with TASKER_CODE_BAD_ARGUMENT where there is none.
// Any number of threads.
tasker_code tasker_snapshot_problem(const struct tasker_snapshot *snapshot,
                                    size_t at,
                                    struct tasker_row_problem *problem,
                                    struct tasker_error **error);

// Resolves every task: readiness and cycles always, contexts and levels where they are asked for.
// O(steps + edges). The answers stay with the snapshot until the next resolution; one that fails leaves
// none.
//
// Fails with TASKER_CODE_BAD_ARGUMENT for unknown rules or a clock that is NaN, TASKER_CODE_CANCELLED.
// One thread at a time.
tasker_code tasker_resolve(struct tasker_snapshot *snapshot,
                           const struct tasker_question *question,
                           struct tasker_error **error);

// The longest chain of a task: its length into *seconds, its steps into *step_ids, first to last.
// O(steps + edges) of the task. `durations` are seconds of each step of the task in the order of their
// ids, from 0 to 1e15; NULL stands for 1 throughout, and `count` is 0 then.
//
// Fails with TASKER_CODE_UNKNOWN_TASK, TASKER_CODE_CYCLE, TASKER_CODE_BAD_ARGUMENT for durations that do
// not fit. Any number of threads.
tasker_code tasker_critical_path(const struct tasker_snapshot *snapshot,
                                 int64_t task_id,
                                 const double *durations,
                                 size_t count,
                                 double *seconds,
                                 struct tasker_ids **step_ids,
                                 struct tasker_error **error);

// The steps that can no longer run if `count` given ones fail for good, into *affected, by task, then
// step: all that depend on one, directly or through others, unless done or running. O(steps).
//
// Fails with TASKER_CODE_BAD_ARGUMENT for an id that no step has. Any number of threads.
tasker_code tasker_blast_radius(const struct tasker_snapshot *snapshot,
                                const int64_t *step_ids,
                                size_t count,
                                struct tasker_ids **affected,
                                struct tasker_error **error);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* TASKER_H */
