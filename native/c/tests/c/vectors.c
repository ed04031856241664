/*
 * vectors FILE...: every case of test/vectors/columns against its recorded answers, all columns of all
 * tables, under both rule sets. Exits with 1 at the first difference.
 */
#include "lines.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tasker.h>

/* Memory of a column: what is null has a byte 0 in `valid`. */
typedef struct {
    void *values;
    uint8_t *valid;
} memory;

static tasker_column column_of(const line *from, uint32_t type, memory *kept)
{
    static const size_t SIZES[] = {0, 1, 4, 8, 8};
    kept->values = allocate(from->count, SIZES[type]);
    kept->valid = allocate(from->count, 1);
    for (size_t at = 0; at < from->count; at++) {
        const char *word = from->words[at];
        kept->valid[at] = !is_null(word);
        if (is_null(word))
            continue;
        if (type == TASKER_TYPE_F64)
            ((double *)kept->values)[at] = strtod(word, NULL);
        else if (type == TASKER_TYPE_I64)
            ((int64_t *)kept->values)[at] = strtoll(word, NULL, 10);
        else if (type == TASKER_TYPE_I32)
            ((int32_t *)kept->values)[at] = (int32_t)strtoll(word, NULL, 10);
        else
            ((uint8_t *)kept->values)[at] = (uint8_t)strtoll(word, NULL, 10);
    }
    return (tasker_column){
        .values = kept->values,
        .validity = kept->valid,
        .length = from->count,
        .type = type,
        .validity_type = TASKER_VALIDITY_TYPE_BYTES,
    };
}

static tasker_snapshot *build(const lines *from)
{
    tasker_input input = {.size = sizeof(tasker_input)};
    const struct {
        const char *name;
        tasker_column *column;
        uint32_t type;
    } columns[] = {
        {"tasks.task_id", &input.task_id, TASKER_TYPE_I64},
        {"tasks.named_task_id", &input.task_named_task_id, TASKER_TYPE_I32},
        {"tasks.state", &input.task_state, TASKER_TYPE_U8},
        {"steps.workflow_step_id", &input.step_id, TASKER_TYPE_I64},
        {"steps.task_id", &input.step_task_id, TASKER_TYPE_I64},
        {"steps.named_step_id", &input.step_named_step_id, TASKER_TYPE_I32},
        {"steps.state", &input.step_state, TASKER_TYPE_U8},
        {"steps.transitioned_at", &input.step_transitioned_at, TASKER_TYPE_F64},
        {"steps.attempts", &input.step_attempts, TASKER_TYPE_I32},
        {"steps.retry_limit", &input.step_retry_limit, TASKER_TYPE_I32},
        {"steps.retryable", &input.step_retryable, TASKER_TYPE_U8},
        {"steps.in_process", &input.step_in_process, TASKER_TYPE_U8},
        {"steps.processed", &input.step_processed, TASKER_TYPE_U8},
        {"steps.skippable", &input.step_skippable, TASKER_TYPE_U8},
        {"steps.backoff_request_seconds", &input.step_backoff_request_seconds, TASKER_TYPE_I32},
        {"steps.last_attempted_at", &input.step_last_attempted_at, TASKER_TYPE_F64},
        {"steps.next_attempt_at", &input.step_next_attempt_at, TASKER_TYPE_F64},
        {"edges.from_step_id", &input.edge_from_step_id, TASKER_TYPE_I64},
        {"edges.to_step_id", &input.edge_to_step_id, TASKER_TYPE_I64},
    };
    enum { COLUMNS = sizeof(columns) / sizeof(columns[0]) };
    memory kept[COLUMNS];
    for (size_t at = 0; at < COLUMNS; at++)
        *columns[at].column = column_of(find(from, columns[at].name), columns[at].type, &kept[at]);
    tasker_snapshot *snapshot = NULL;
    tasker_error *error = NULL;
    CHECK(tasker_snapshot_build(&input, &snapshot, &error) == TASKER_CODE_OK);
    CHECK(error == NULL && snapshot != NULL);
    for (size_t at = 0; at < COLUMNS; at++) {
        free(kept[at].values);
        free(kept[at].valid);
    }
    return snapshot;
}

static void expect_numbers(const line *expected, const tasker_snapshot *snapshot, uint32_t field,
                           uint32_t type, size_t rows)
{
    CHECK(rows == expected->count);
    void *values = allocate(rows, 8);
    tasker_code code = TASKER_CODE_INTERNAL;
    if (type == TASKER_TYPE_I64)
        code = tasker_read_i64(snapshot, field, values, rows, NULL);
    else if (type == TASKER_TYPE_I32)
        code = tasker_read_i32(snapshot, field, values, rows, NULL);
    else if (type == TASKER_TYPE_U8)
        code = tasker_read_u8(snapshot, field, values, rows, NULL);
    else
        code = tasker_read_f64(snapshot, field, values, rows, NULL);
    CHECK(code == TASKER_CODE_OK);
    for (size_t row = 0; row < rows; row++) {
        const char *word = expected->words[row];
        if (type == TASKER_TYPE_F64) {
            double value = ((double *)values)[row];
            CHECK(is_null(word) ? isnan(value) : value == strtod(word, NULL));
            continue;
        }
        int64_t value = type == TASKER_TYPE_I64   ? ((int64_t *)values)[row]
                        : type == TASKER_TYPE_I32 ? ((int32_t *)values)[row]
                                                  : ((uint8_t *)values)[row];
        /* a null of whole numbers is 0 beside a field that says so */
        CHECK(value == (is_null(word) ? 0 : strtoll(word, NULL, 10)));
    }
    free(values);
}

static void expect_names(const line *expected, const tasker_snapshot *snapshot, uint32_t field,
                         const char *(*name)(uint32_t), size_t rows)
{
    CHECK(rows == expected->count);
    uint8_t *codes = allocate(rows, 1);
    CHECK(tasker_read_u8(snapshot, field, codes, rows, NULL) == TASKER_CODE_OK);
    for (size_t row = 0; row < rows; row++)
        CHECK(strcmp(name(codes[row]), expected->words[row]) == 0);
    free(codes);
}

static size_t rows_of(const tasker_snapshot *snapshot, uint32_t table)
{
    size_t rows = 0;
    CHECK(tasker_row_count(snapshot, table, &rows, NULL) == TASKER_CODE_OK);
    return rows;
}

static void expect_columns(const tasker_snapshot *snapshot, const lines *expected)
{
    static const struct {
        const char *name;
        uint32_t field, type;
    } fields[] = {
        {"readiness.workflow_step_id", TASKER_FIELD_READINESS_WORKFLOW_STEP_ID, TASKER_TYPE_I64},
        {"readiness.task_id", TASKER_FIELD_READINESS_TASK_ID, TASKER_TYPE_I64},
        {"readiness.named_step_id", TASKER_FIELD_READINESS_NAMED_STEP_ID, TASKER_TYPE_I32},
        {"readiness.current_state", TASKER_FIELD_READINESS_CURRENT_STATE, TASKER_TYPE_U8},
        {"readiness.dependencies_satisfied", TASKER_FIELD_READINESS_DEPENDENCIES_SATISFIED,
         TASKER_TYPE_U8},
        {"readiness.retry_eligible", TASKER_FIELD_READINESS_RETRY_ELIGIBLE, TASKER_TYPE_U8},
        {"readiness.ready_for_execution", TASKER_FIELD_READINESS_READY_FOR_EXECUTION, TASKER_TYPE_U8},
        {"readiness.last_failure_at", TASKER_FIELD_READINESS_LAST_FAILURE_AT, TASKER_TYPE_F64},
        {"readiness.next_retry_at", TASKER_FIELD_READINESS_NEXT_RETRY_AT, TASKER_TYPE_F64},
        {"readiness.total_parents", TASKER_FIELD_READINESS_TOTAL_PARENTS, TASKER_TYPE_I32},
        {"readiness.completed_parents", TASKER_FIELD_READINESS_COMPLETED_PARENTS, TASKER_TYPE_I32},
        {"readiness.attempts", TASKER_FIELD_READINESS_ATTEMPTS, TASKER_TYPE_I32},
        {"readiness.retry_limit", TASKER_FIELD_READINESS_RETRY_LIMIT, TASKER_TYPE_I32},
        {"readiness.backoff_request_seconds", TASKER_FIELD_READINESS_BACKOFF_REQUEST_SECONDS,
         TASKER_TYPE_I32},
        {"readiness.last_attempted_at", TASKER_FIELD_READINESS_LAST_ATTEMPTED_AT, TASKER_TYPE_F64},
        {"contexts.task_id", TASKER_FIELD_CONTEXT_TASK_ID, TASKER_TYPE_I64},
        {"contexts.named_task_id", TASKER_FIELD_CONTEXT_NAMED_TASK_ID, TASKER_TYPE_I32},
        {"contexts.status", TASKER_FIELD_CONTEXT_STATUS, TASKER_TYPE_U8},
        {"contexts.total_steps", TASKER_FIELD_CONTEXT_TOTAL_STEPS, TASKER_TYPE_I64},
        {"contexts.pending_steps", TASKER_FIELD_CONTEXT_PENDING_STEPS, TASKER_TYPE_I64},
        {"contexts.in_progress_steps", TASKER_FIELD_CONTEXT_IN_PROGRESS_STEPS, TASKER_TYPE_I64},
        {"contexts.completed_steps", TASKER_FIELD_CONTEXT_COMPLETED_STEPS, TASKER_TYPE_I64},
        {"contexts.failed_steps", TASKER_FIELD_CONTEXT_FAILED_STEPS, TASKER_TYPE_I64},
        {"contexts.ready_steps", TASKER_FIELD_CONTEXT_READY_STEPS, TASKER_TYPE_I64},
        {"contexts.completion_percentage", TASKER_FIELD_CONTEXT_COMPLETION_PERCENTAGE,
         TASKER_TYPE_F64},
    };
    for (size_t at = 0; at < sizeof(fields) / sizeof(fields[0]); at++) {
        uint32_t table = fields[at].field < TASKER_FIELD_CONTEXT_TASK_ID ? TASKER_ROWS_READINESS
                                                                         : TASKER_ROWS_CONTEXTS;
        expect_numbers(find(expected, fields[at].name), snapshot, fields[at].field, fields[at].type,
                       rows_of(snapshot, table));
    }
    size_t tasks = rows_of(snapshot, TASKER_ROWS_CONTEXTS);
    expect_names(find(expected, "contexts.execution_status"), snapshot,
                 TASKER_FIELD_CONTEXT_EXECUTION_STATUS, tasker_execution_status_name, tasks);
    expect_names(find(expected, "contexts.recommended_action"), snapshot,
                 TASKER_FIELD_CONTEXT_EXECUTION_STATUS, tasker_recommended_action_name, tasks);
    expect_names(find(expected, "contexts.health_status"), snapshot,
                 TASKER_FIELD_CONTEXT_HEALTH_STATUS, tasker_health_status_name, tasks);
    const line *waits = find(expected, "readiness.backoff_request_seconds");
    uint8_t *has_wait = allocate(waits->count, 1);
    CHECK(tasker_read_u8(snapshot, TASKER_FIELD_READINESS_HAS_BACKOFF_REQUEST, has_wait, waits->count,
                         NULL) == TASKER_CODE_OK);
    for (size_t row = 0; row < waits->count; row++)
        CHECK(has_wait[row] == !is_null(waits->words[row]));
    free(has_wait);
}

static void expect_levels(const tasker_snapshot *snapshot, const lines *expected)
{
    const line *ids = find(expected, "levels.workflow_step_id");
    const line *levels = find(expected, "levels.dependency_level");
    size_t rows = rows_of(snapshot, TASKER_ROWS_LEVELS);
    CHECK(rows == ids->count);
    int64_t *step_ids = allocate(rows, 8);
    int32_t *level = allocate(rows, 4);
    CHECK(!tasker_read_i64(snapshot, TASKER_FIELD_LEVEL_WORKFLOW_STEP_ID, step_ids, rows, NULL));
    CHECK(!tasker_read_i32(snapshot, TASKER_FIELD_LEVEL_DEPENDENCY_LEVEL, level, rows, NULL));
    /* recorded by step, answered by task and level: each row is looked for */
    for (size_t at = 0; at < rows; at++) {
        size_t row = 0;
        while (row < rows && step_ids[row] != strtoll(ids->words[at], NULL, 10))
            row++;
        CHECK(row < rows && level[row] == strtoll(levels->words[at], NULL, 10));
    }
    free(step_ids);
    free(level);
}

static void expect_cycles(const tasker_snapshot *snapshot, const lines *expected)
{
    tasker_ids *cycles = NULL;
    CHECK(tasker_cycles(snapshot, &cycles, NULL) == TASKER_CODE_OK);
    const int64_t *ids = tasker_ids_data(cycles);
    size_t at = 0;
    for (size_t cycle = 0; cycle < expected->count; cycle++) {
        const line *words = &expected->lines[cycle];
        if (strcmp(words->name, "cycle") != 0)
            continue;
        CHECK(at + 1 + words->count <= tasker_ids_count(cycles));
        CHECK(ids[at] == strtoll(words->words[0], NULL, 10));
        CHECK(ids[at + 1] == (int64_t)words->count - 1);
        for (size_t step = 1; step < words->count; step++)
            CHECK(ids[at + 1 + step] == strtoll(words->words[step], NULL, 10));
        at += 1 + words->count;
    }
    CHECK(at == tasker_ids_count(cycles));
    tasker_ids_free(cycles);
}

static void expect_ready(const tasker_snapshot *snapshot, const lines *expected)
{
    const line *ids = find(expected, "readiness.workflow_step_id");
    const line *ready = find(expected, "readiness.ready_for_execution");
    tasker_ids *found = NULL;
    CHECK(tasker_ready_step_ids(snapshot, &found, NULL) == TASKER_CODE_OK);
    size_t at = 0;
    for (size_t row = 0; row < ids->count; row++)
        if (strcmp(ready->words[row], "1") == 0) {
            CHECK(at < tasker_ids_count(found));
            CHECK(tasker_ids_data(found)[at++] == strtoll(ids->words[row], NULL, 10));
        }
    CHECK(at == tasker_ids_count(found));
    tasker_ids_free(found);
}

static void expect_answer(tasker_snapshot *snapshot, double now, const lines *expected)
{
    const char *rules = find(expected, "rules")->words[0];
    const tasker_question question = {
        .size = sizeof(tasker_question),
        .now_micros = now,
        .rules = strcmp(rules, "rails") == 0 ? TASKER_RULES_RAILS : TASKER_RULES_ENGINE,
        .contexts = 1,
        .levels = 1,
        .threads = 2,
    };
    CHECK(tasker_resolve(snapshot, &question, NULL) == TASKER_CODE_OK);
    expect_columns(snapshot, expected);
    expect_levels(snapshot, expected);
    expect_cycles(snapshot, expected);
    expect_ready(snapshot, expected);
}

/* `problem CODE TABLE ID TASK REFUSED MESSAGE...`: each is looked for among those that were found. */
static void expect_problems(const tasker_snapshot *snapshot, const lines *expected)
{
    size_t count = 0;
    for (size_t at = 0; at < expected->count; at++) {
        const line *words = &expected->lines[at];
        if (strcmp(words->name, "problem") != 0)
            continue;
        count++;
        size_t found = 0;
        for (size_t row = 0; row < tasker_snapshot_problem_count(snapshot); row++) {
            tasker_row_problem problem;
            CHECK(tasker_snapshot_problem(snapshot, row, &problem, NULL) == TASKER_CODE_OK);
            const char *rest = problem.message;
            size_t word = 5;
            for (; word < words->count; word++) {
                size_t length = strlen(words->words[word]);
                if (strncmp(rest, words->words[word], length) != 0)
                    break;
                rest += length + (rest[length] == ' ');
            }
            found += word == words->count && *rest == '\0' &&
                     strcmp(tasker_code_name(problem.code), words->words[0]) == 0 &&
                     problem.id == strtoll(words->words[2], NULL, 10) &&
                     problem.has_task == !is_null(words->words[3]) &&
                     (!problem.has_task || problem.task_id == strtoll(words->words[3], NULL, 10)) &&
                     problem.refused == (words->words[4][0] == '1');
        }
        CHECK(found > 0);
    }
    CHECK(count == tasker_snapshot_problem_count(snapshot));
}

static void expect_path(const tasker_snapshot *snapshot, const line *words)
{
    double seconds = -1;
    tasker_ids *path = NULL;
    int64_t task = strtoll(words->words[0], NULL, 10);
    CHECK(!tasker_critical_path(snapshot, task, NULL, 0, &seconds, &path, NULL));
    CHECK(seconds == strtod(words->words[1], NULL));
    CHECK(tasker_ids_count(path) == words->count - 2);
    for (size_t at = 2; at < words->count; at++)
        CHECK(tasker_ids_data(path)[at - 2] == strtoll(words->words[at], NULL, 10));
    tasker_ids_free(path);
}

/* The cases of a file, one after the other; returns how many there were. */
static size_t run(const char *path)
{
    snprintf(where, sizeof(where), "%s", path);
    char *text = read_file(path);
    static lines input, answer;
    lines *into = &input;
    tasker_snapshot *snapshot = NULL;
    size_t cases = 0;
    for (char *at = text, *next; at != NULL && *at != '\0'; at = next) {
        next = strchr(at, '\n');
        if (next != NULL)
            *next++ = '\0';
        line cut = split(at);
        int begins = strcmp(cut.name, "rules") == 0, ends = strcmp(cut.name, "end") == 0;
        if (begins && into == &input)
            snapshot = build(&input);
        if ((begins || ends) && into == &answer) {
            expect_answer(snapshot, strtod(find(&input, "now")->words[0], NULL), &answer);
            clear(&answer);
        }
        if (begins)
            into = &answer;
        if (strcmp(cut.name, "problem") == 0 || strcmp(cut.name, "critical_path") == 0) {
            if (cut.name[0] == 'c')
                expect_path(snapshot, &cut);
            CHECK(input.count < MOST_LINES);
            input.lines[input.count++] = cut;
            continue;
        }
        CHECK(into->count < MOST_LINES);
        into->lines[into->count++] = cut;
        if (ends) {
            expect_problems(snapshot, &input);
            tasker_snapshot_free(snapshot);
            clear(&input);
            clear(&answer);
            into = &input;
            snprintf(where, sizeof(where), "%s after case %zu", path, cases++);
        }
    }
    free(text);
    return cases;
}

int main(int count, char **paths)
{
    size_t cases = 0;
    for (int at = 1; at < count; at++)
        cases += run(paths[at]);
    CHECK(cases > 0);
    printf("%zu cases agree\n", cases);
    return 0;
}
