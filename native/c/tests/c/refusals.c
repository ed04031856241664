/*
 * What every function says to arguments that are none, and that handles may be shared by threads.
 */
#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tasker.h>

#define CHECK(condition)                                                         \
    do {                                                                         \
        if (!(condition)) {                                                      \
            fprintf(stderr, "%s:%d: not %s\n", __FILE__, __LINE__, #condition);  \
            exit(1);                                                             \
        }                                                                        \
    } while (0)

#define COLUMN(elements, kind)                                                                    \
    (tasker_column)                                                                               \
    {                                                                                             \
        .values = (elements), .length = sizeof(elements) / sizeof((elements)[0]), .type = (kind)  \
    }

static const int64_t TASK_IDS[] = {1, 2};
static const int64_t STEP_IDS[] = {10, 11, 20};
static const int64_t TASKS_OF_STEPS[] = {1, 1, 2};
static const int64_t FROM[] = {10};
static const int64_t TO[] = {11};
static const double DOUBLES[] = {0, NAN, 1};
static const uint8_t BYTES[] = {0, 1, 2};

static tasker_input sound(void)
{
    return (tasker_input){
        .size = sizeof(tasker_input),
        .task_id = COLUMN(TASK_IDS, TASKER_TYPE_I64),
        .step_id = COLUMN(STEP_IDS, TASKER_TYPE_I64),
        .step_task_id = COLUMN(TASKS_OF_STEPS, TASKER_TYPE_I64),
        .edge_from_step_id = COLUMN(FROM, TASKER_TYPE_I64),
        .edge_to_step_id = COLUMN(TO, TASKER_TYPE_I64),
    };
}

static tasker_question question(void)
{
    return (tasker_question){.size = sizeof(tasker_question), .now_micros = 1.8e15};
}

static tasker_snapshot *built(void)
{
    tasker_input input = sound();
    tasker_snapshot *snapshot = NULL;
    CHECK(tasker_snapshot_build(&input, &snapshot, NULL) == TASKER_CODE_OK);
    return snapshot;
}

/* A code with the end of its message; the error is taken back. */
static void expect(tasker_code code, tasker_error *error, tasker_code wanted, const char *end)
{
    const char *message = tasker_error_message(error);
    size_t length = strlen(message), tail = strlen(end);
    if (code != wanted || length < tail || strcmp(message + length - tail, end) != 0) {
        fprintf(stderr, "code %u, \"%s\" instead of %u, \"%s\"\n", (unsigned)code, message,
                (unsigned)wanted, end);
        exit(1);
    }
    CHECK(tasker_error_code(error) == code);
    tasker_error_free(error);
}

static void expect_refusal(const tasker_input *input, tasker_code wanted, const char *end)
{
    tasker_snapshot *snapshot = NULL;
    tasker_error *error = NULL;
    tasker_code code = tasker_snapshot_build(input, &snapshot, &error);
    CHECK(snapshot == NULL && error != NULL);
    expect(code, error, wanted, end);
    /* whoever does not ask for the error gets the code alone */
    CHECK(tasker_snapshot_build(input, &snapshot, NULL) == wanted && snapshot == NULL);
}

static void refuses_columns_that_are_none(void)
{
    const tasker_code argument = TASKER_CODE_BAD_ARGUMENT;
    tasker_input input = sound();
    input.size = 8;
    char size[60];
    snprintf(size, sizeof(size), "input.size is 8, not %zu.", sizeof(tasker_input));
    expect_refusal(&input, argument, size);
    input = sound();
    input.step_id = (tasker_column){.values = NULL};
    expect_refusal(&input, argument, "step_id is absent.");
    input = sound();
    input.task_id.values = NULL;
    expect_refusal(&input, argument, "task_id is NULL and has 2 rows.");
    input = sound();
    input.step_id.values = (const char *)STEP_IDS + 4;
    input.step_id.length = 2;
    expect_refusal(&input, argument, "step_id is not aligned to 8 bytes.");
    input = sound();
    input.edge_from_step_id.type = 77;
    expect_refusal(&input, argument, "edge_from_step_id is of the unknown type 77.");
    input = sound();
    input.edge_from_step_id.validity_type = 3;
    expect_refusal(&input, argument, "edge_from_step_id has a validity of the unknown type 3.");
    input = sound();
    input.task_id.validity_type = TASKER_VALIDITY_TYPE_BYTES;
    expect_refusal(&input, argument, "task_id is NULL and has 2 rows.");
    input.task_id.validity_offset = SIZE_MAX;
    expect_refusal(&input, argument, "task_id has an offset behind all memory.");
    input.task_id.validity_type = TASKER_VALIDITY_TYPE_BITS;
    expect_refusal(&input, argument, "task_id has an offset behind all memory.");
    input = sound();
    input.step_processed = COLUMN(BYTES, TASKER_TYPE_BITS);
    input.step_processed.values_offset = SIZE_MAX - 1;
    expect_refusal(&input, argument, "step_processed has an offset behind all memory.");
}

static void refuses_more_rows_than_there_can_be(void)
{
    const size_t lengths[] = {(size_t)1 << 31, (size_t)1 << 32, SIZE_MAX};
    for (size_t at = 0; at < 3; at++) {
        tasker_input input = sound();
        input.edge_from_step_id.length = lengths[at];
        input.edge_to_step_id.length = lengths[at];
        expect_refusal(&input, TASKER_CODE_TOO_LARGE, "more than one snapshot numbers.");
    }
}

static void names_the_place_of_a_value(void)
{
    tasker_input input = sound();
    tasker_snapshot *snapshot = NULL;
    tasker_error *error = NULL;
    tasker_place place;
    input.step_last_attempted_at = COLUMN(DOUBLES, TASKER_TYPE_F64);
    tasker_code code = tasker_snapshot_build(&input, &snapshot, &error);
    CHECK(tasker_error_place(error, &place) == 1);
    CHECK(place.table == TASKER_TABLE_STEPS && place.row == 1);
    CHECK(strcmp(place.column, "last_attempted_at") == 0);
    CHECK(tasker_error_place(error, NULL) == 0);
    expect(code, error, TASKER_CODE_BAD_INPUT, "steps.last_attempted_at[1] is NaN.");
    input = sound();
    input.step_attempts = COLUMN(BYTES, TASKER_TYPE_U8);
    code = tasker_snapshot_build(&input, &snapshot, &error);
    CHECK(tasker_error_place(error, &place) == 1 && place.row == -1);
    expect(code, error, TASKER_CODE_BAD_INPUT, "is of the type u8, not i32 or i64.");
    input = sound();
    input.step_retryable = COLUMN(BYTES, TASKER_TYPE_U8);
    expect_refusal(&input, TASKER_CODE_BAD_INPUT, "steps.retryable[2] is 2, not 0 or 1.");
    input = sound();
    input.edge_to_step_id.length = 0;
    expect_refusal(&input, TASKER_CODE_BAD_INPUT, "edges.to_step_id has 0 rows instead of 1.");
}

static void takes_null_wherever_a_pointer_goes(void)
{
    const tasker_code argument = TASKER_CODE_BAD_ARGUMENT;
    tasker_input input = sound();
    tasker_question asked = question();
    tasker_snapshot *snapshot = built(), *none = NULL;
    tasker_ids *ids = NULL;
    tasker_row_problem problem;
    double seconds = 0;
    size_t rows = 7;
    tasker_snapshot_free(NULL);
    tasker_error_free(NULL);
    tasker_ids_free(NULL);
    CHECK(tasker_error_code(NULL) == TASKER_CODE_OK && *tasker_error_message(NULL) == '\0');
    CHECK(tasker_error_place(NULL, NULL) == 0);
    CHECK(tasker_ids_count(NULL) == 0 && tasker_ids_data(NULL) == NULL);
    CHECK(tasker_snapshot_counts(NULL).steps == 0 && tasker_snapshot_problem_count(NULL) == 0);
    CHECK(tasker_snapshot_bytes(NULL, &rows) == NULL && rows == 0);
    CHECK(tasker_snapshot_bytes(snapshot, NULL) != NULL);
    CHECK(tasker_snapshot_build(NULL, &none, NULL) == argument);
    CHECK(tasker_snapshot_build(&input, NULL, NULL) == argument);
    CHECK(tasker_snapshot_problem(NULL, 0, &problem, NULL) == argument);
    CHECK(tasker_snapshot_problem(snapshot, 0, &problem, NULL) == argument);
    CHECK(tasker_resolve(NULL, &asked, NULL) == argument);
    CHECK(tasker_resolve(snapshot, NULL, NULL) == argument);
    CHECK(tasker_resolve(snapshot, &asked, NULL) == TASKER_CODE_OK);
    CHECK(tasker_row_count(NULL, TASKER_ROWS_READINESS, &rows, NULL) == argument);
    CHECK(tasker_row_count(snapshot, TASKER_ROWS_READINESS, NULL, NULL) == argument);
    CHECK(tasker_read_i64(NULL, TASKER_FIELD_READINESS_TASK_ID, NULL, 0, NULL) == argument);
    CHECK(tasker_read_i64(snapshot, TASKER_FIELD_READINESS_TASK_ID, NULL, 3, NULL) == argument);
    CHECK(tasker_ready_step_ids(NULL, &ids, NULL) == argument);
    CHECK(tasker_ready_step_ids(snapshot, NULL, NULL) == argument);
    CHECK(tasker_cycles(NULL, &ids, NULL) == argument);
    CHECK(tasker_cycles(snapshot, NULL, NULL) == argument);
    CHECK(tasker_critical_path(NULL, 1, NULL, 0, &seconds, &ids, NULL) == argument);
    CHECK(tasker_critical_path(snapshot, 1, NULL, 0, NULL, &ids, NULL) == argument);
    CHECK(tasker_critical_path(snapshot, 1, NULL, 0, &seconds, NULL, NULL) == argument);
    CHECK(tasker_blast_radius(NULL, NULL, 0, &ids, NULL) == argument);
    CHECK(tasker_blast_radius(snapshot, NULL, 1, &ids, NULL) == argument);
    CHECK(tasker_blast_radius(snapshot, NULL, 0, NULL, NULL) == argument);
    CHECK(ids == NULL);
    tasker_shape *shape = NULL;
    CHECK(tasker_shape_of_task(NULL, 1, NULL, 0, &shape, NULL) == argument);
    CHECK(tasker_shape_of_task(snapshot, 1, NULL, 0, NULL, NULL) == argument);
    CHECK(tasker_shape_columns(NULL).steps == 0 && shape == NULL);
    tasker_shape_free(NULL);
    tasker_snapshot_free(snapshot);
}

static void refuses_questions_that_are_none(void)
{
    const tasker_code argument = TASKER_CODE_BAD_ARGUMENT;
    tasker_snapshot *snapshot = built();
    tasker_error *error = NULL;
    size_t rows = 0;
    tasker_code code = tasker_row_count(snapshot, TASKER_ROWS_READINESS, &rows, &error);
    expect(code, error, argument, "Nothing was resolved yet.");
    tasker_question asked = question();
    asked.size = 1;
    code = tasker_resolve(snapshot, &asked, &error);
    char size[60];
    snprintf(size, sizeof(size), "question.size is 1, not %zu.", sizeof(tasker_question));
    expect(code, error, argument, size);
    asked = question();
    asked.rules = 2;
    code = tasker_resolve(snapshot, &asked, &error);
    expect(code, error, argument, "There are no rules 2.");
    asked = question();
    asked.now_micros = NAN;
    code = tasker_resolve(snapshot, &asked, &error);
    expect(code, error, argument, "The clock is NaN, not µs since the epoch.");
    asked = question();
    asked.cancel = (const uint32_t *)((const char *)STEP_IDS + 1);
    code = tasker_resolve(snapshot, &asked, &error);
    expect(code, error, argument, "question.cancel is not aligned to 4 bytes.");
    asked = question();
    error = (tasker_error *)&asked; /* overwritten by success */
    CHECK(tasker_resolve(snapshot, &asked, &error) == TASKER_CODE_OK && error == NULL);
    code = tasker_row_count(snapshot, TASKER_ROWS_CONTEXTS, &rows, &error);
    expect(code, error, argument, "The contexts were not asked for.");
    code = tasker_row_count(snapshot, TASKER_ROWS_LEVELS, &rows, &error);
    expect(code, error, argument, "The levels were not asked for.");
    code = tasker_row_count(snapshot, 3, &rows, &error);
    expect(code, error, argument, "There is no table 3 of answers.");
    int64_t ids[4];
    code = tasker_read_i64(snapshot, TASKER_FIELD_READINESS_TASK_ID, ids, 4, &error);
    expect(code, error, argument, "There is room for 4 rows instead of 3.");
    code = tasker_read_i64(snapshot, TASKER_FIELD_READINESS_ATTEMPTS, ids, 3, &error);
    expect(code, error, argument, "Field 11 is of another type.");
    code = tasker_read_i64(snapshot, 99, ids, 3, &error);
    expect(code, error, argument, "There is no field 99.");
    code = tasker_read_f64(snapshot, TASKER_FIELD_READINESS_NEXT_RETRY_AT,
                           (double *)((char *)ids + 1), 3, &error);
    expect(code, error, argument, "out is not aligned to 8 bytes.");
    tasker_snapshot_free(snapshot);
}

static void answers_about_shapes(void)
{
    static const int64_t cyclic_from[] = {10, 11}, cyclic_to[] = {11, 10};
    static const double durations[] = {2, 0.5};
    tasker_snapshot *snapshot = built();
    tasker_error *error = NULL;
    tasker_ids *ids = NULL;
    double seconds = 0;
    CHECK(!tasker_critical_path(snapshot, 1, durations, 2, &seconds, &ids, &error));
    CHECK(seconds == 2.5 && tasker_ids_count(ids) == 2 && tasker_ids_data(ids)[1] == 11);
    tasker_ids_free(ids);
    CHECK(!tasker_blast_radius(snapshot, FROM, 1, &ids, &error));
    CHECK(tasker_ids_count(ids) == 1 && tasker_ids_data(ids)[0] == 11);
    tasker_ids_free(ids);
    ids = NULL;
    tasker_shape *shape = NULL;
    CHECK(!tasker_shape_of_task(snapshot, 1, durations, 2, &shape, &error));
    tasker_shape_view columns = tasker_shape_columns(shape);
    CHECK(columns.seconds == 2.5 && columns.steps == 2 && columns.step_ids[1] == 11);
    CHECK(columns.start[0] == 0 && columns.start[1] == 2);
    CHECK(columns.total_slack[0] == 0 && columns.free_slack[1] == 0);
    CHECK(columns.path_steps == 2 && columns.path[0] == 10);
    CHECK(columns.levels == 2 && columns.level_widths[1] == 1);
    CHECK(columns.redundant_edges == 0 && columns.redundant == NULL);
    tasker_shape_free(shape);
    shape = NULL;
    tasker_code code = tasker_shape_of_task(snapshot, 3, NULL, 0, &shape, &error);
    expect(code, error, TASKER_CODE_UNKNOWN_TASK, "There is no task 3.");
    CHECK(shape == NULL);
    code = tasker_critical_path(snapshot, 3, NULL, 0, &seconds, &ids, &error);
    expect(code, error, TASKER_CODE_UNKNOWN_TASK, "There is no task 3.");
    code = tasker_critical_path(snapshot, 1, durations, 1, &seconds, &ids, &error);
    expect(code, error, TASKER_CODE_BAD_ARGUMENT, "There are 1 durations for 2 steps.");
    code = tasker_blast_radius(snapshot, TASK_IDS, 2, &ids, &error);
    expect(code, error, TASKER_CODE_BAD_ARGUMENT, "There is no step 1.");
    tasker_snapshot_free(snapshot);
    tasker_input input = sound();
    input.edge_from_step_id = COLUMN(cyclic_from, TASKER_TYPE_I64);
    input.edge_to_step_id = COLUMN(cyclic_to, TASKER_TYPE_I64);
    CHECK(!tasker_snapshot_build(&input, &snapshot, NULL));
    code = tasker_critical_path(snapshot, 1, NULL, 0, &seconds, &ids, &error);
    expect(code, error, TASKER_CODE_CYCLE, "Task 1 has a cycle and no longest chain.");
    code = tasker_shape_of_task(snapshot, 1, NULL, 0, &shape, &error);
    expect(code, error, TASKER_CODE_CYCLE, "Task 1 has a cycle and no shape.");
    CHECK(ids == NULL);
    tasker_snapshot_free(snapshot);
}

static void counts_what_it_built(void)
{
    static const int64_t tasks_of_steps[] = {1, 3, 2}, from[] = {11, 77}, to[] = {20, 20};
    tasker_input input = sound();
    input.step_task_id = COLUMN(tasks_of_steps, TASKER_TYPE_I64);
    input.edge_from_step_id = COLUMN(from, TASKER_TYPE_I64);
    input.edge_to_step_id = COLUMN(to, TASKER_TYPE_I64);
    input.has_foreign_steps = 1;
    tasker_snapshot *snapshot = NULL;
    CHECK(!tasker_snapshot_build(&input, &snapshot, NULL));
    tasker_counts counts = tasker_snapshot_counts(snapshot);
    CHECK(counts.tasks == 2 && counts.steps == 2 && counts.ghosts == 2 && counts.edges == 2);
    CHECK(tasker_snapshot_problem_count(snapshot) == 1);
    tasker_row_problem problem;
    CHECK(!tasker_snapshot_problem(snapshot, 0, &problem, NULL));
    CHECK(problem.code == TASKER_CODE_DANGLING_EDGE && problem.table == TASKER_TABLE_EDGES);
    size_t length = 0;
    const uint8_t *bytes = tasker_snapshot_bytes(snapshot, &length);
    CHECK(length % 8 == 0 && length > 256 && memcmp(bytes, "TSKG", 4) == 0);
    tasker_snapshot_free(snapshot);
}

static void ends_when_it_is_cancelled(void)
{
    enum { STEPS = 100000 };
    int64_t *ids = malloc(STEPS * sizeof(int64_t)), *tasks = malloc(STEPS * sizeof(int64_t));
    CHECK(ids != NULL && tasks != NULL);
    for (int64_t at = 0; at < STEPS; at++) {
        ids[at] = at;
        tasks[at] = 1;
    }
    tasker_input input = sound();
    input.step_id = (tasker_column){.values = ids, .length = STEPS, .type = TASKER_TYPE_I64};
    input.step_task_id = (tasker_column){.values = tasks, .length = STEPS, .type = TASKER_TYPE_I64};
    tasker_snapshot *snapshot = NULL;
    CHECK(!tasker_snapshot_build(&input, &snapshot, NULL));
    free(ids);
    free(tasks);
    uint32_t cancel = 1;
    tasker_question asked = question();
    tasker_error *error = NULL;
    asked.threads = 2;
    asked.cancel = &cancel;
    tasker_code code = tasker_resolve(snapshot, &asked, &error);
    expect(code, error, TASKER_CODE_CANCELLED, "The work was cancelled.");
    cancel = 0;
    CHECK(!tasker_resolve(snapshot, &asked, &error));
    tasker_snapshot_free(snapshot);
}

static void *read_in_a_thread(void *snapshot)
{
    for (int round = 0; round < 200; round++) {
        int64_t ids[3];
        uint8_t ready[3];
        int32_t level[3];
        tasker_ids *found = NULL;
        CHECK(!tasker_read_i64(snapshot, TASKER_FIELD_READINESS_WORKFLOW_STEP_ID, ids, 3, NULL));
        CHECK(!tasker_read_u8(snapshot, TASKER_FIELD_READINESS_READY_FOR_EXECUTION, ready, 3, NULL));
        CHECK(!tasker_read_i32(snapshot, TASKER_FIELD_LEVEL_DEPENDENCY_LEVEL, level, 3, NULL));
        CHECK(!tasker_ready_step_ids(snapshot, &found, NULL));
        CHECK(ids[2] == 20 && ready[0] == 1 && ready[1] == 0 && ready[2] == 1 && level[1] == 1);
        CHECK(tasker_ids_count(found) == 2);
        tasker_ids_free(found);
    }
    return NULL;
}

static void lets_threads_read_at_once(void)
{
    enum { THREADS = 4 };
    tasker_snapshot *snapshot = built();
    tasker_question asked = question();
    asked.levels = 1;
    CHECK(!tasker_resolve(snapshot, &asked, NULL));
    pthread_t threads[THREADS];
    for (int at = 0; at < THREADS; at++)
        CHECK(pthread_create(&threads[at], NULL, read_in_a_thread, snapshot) == 0);
    for (int at = 0; at < THREADS; at++)
        CHECK(pthread_join(threads[at], NULL) == 0);
    tasker_snapshot_free(snapshot);
}

int main(void)
{
    CHECK(tasker_abi_version() == TASKER_ABI_VERSION);
    refuses_columns_that_are_none();
    refuses_more_rows_than_there_can_be();
    names_the_place_of_a_value();
    takes_null_wherever_a_pointer_goes();
    refuses_questions_that_are_none();
    answers_about_shapes();
    counts_what_it_built();
    ends_when_it_is_cancelled();
    lets_threads_read_at_once();
    printf("every refusal is the one expected\n");
    return 0;
}
