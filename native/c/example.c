/*
 * Which steps of a small workflow may run now, and what holds up the others?
 *
 *   cc example.c $(pkg-config --cflags --libs tasker) -o example
 */
#include <inttypes.h>
#include <stdio.h>
#include <tasker.h>

#define COLUMN(elements, kind) \
    { .values = (elements), .length = sizeof(elements) / sizeof((elements)[0]), .type = (kind) }

static int fail(const char *what, tasker_error *error)
{
    fprintf(stderr, "%s: %s\n", what, tasker_error_message(error));
    tasker_error_free(error);
    return 1;
}

static int print_readiness(const tasker_snapshot *snapshot)
{
    int64_t ids[4];
    uint8_t ready[4];
    int32_t done[4], parents[4];
    size_t rows = 0;
    tasker_error *error = NULL;
    if (tasker_row_count(snapshot, TASKER_ROWS_READINESS, &rows, &error) != TASKER_CODE_OK)
        return fail("row count", error);
    if (rows != 4)
        return fail("there are four steps", NULL);
    if (tasker_read_i64(snapshot, TASKER_FIELD_READINESS_WORKFLOW_STEP_ID, ids, rows, &error) ||
        tasker_read_u8(snapshot, TASKER_FIELD_READINESS_READY_FOR_EXECUTION, ready, rows, &error) ||
        tasker_read_i32(snapshot, TASKER_FIELD_READINESS_COMPLETED_PARENTS, done, rows, &error) ||
        tasker_read_i32(snapshot, TASKER_FIELD_READINESS_TOTAL_PARENTS, parents, rows, &error))
        return fail("readiness", error);
    for (size_t row = 0; row < rows; row++)
        printf("step %" PRId64 ": %s, %d of %d parents done\n", ids[row],
               ready[row] ? "ready" : "not ready", (int)done[row], (int)parents[row]);
    return 0;
}

static int print_path(const tasker_snapshot *snapshot)
{
    double seconds = 0;
    tasker_ids *path = NULL;
    tasker_error *error = NULL;
    if (tasker_critical_path(snapshot, 7, NULL, 0, &seconds, &path, &error) != TASKER_CODE_OK)
        return fail("critical path", error);
    printf("longest chain, %g steps:", seconds);
    for (size_t at = 0; at < tasker_ids_count(path); at++)
        printf(" %" PRId64, tasker_ids_data(path)[at]);
    printf("\n");
    tasker_ids_free(path);
    return 0;
}

int main(void)
{
    /* task 7: steps 1 to 4, of which the first is complete; 1 leads to 2 and 3, both lead to 4 */
    static const int64_t task_ids[] = {7};
    static const int64_t step_ids[] = {1, 2, 3, 4};
    static const int64_t tasks_of_steps[] = {7, 7, 7, 7};
    static const uint8_t states[] = {TASKER_STATE_COMPLETE, TASKER_STATE_PENDING, TASKER_STATE_PENDING,
                                     TASKER_STATE_PENDING};
    static const int64_t parents[] = {1, 1, 2, 3};
    static const int64_t children[] = {2, 3, 4, 4};
    const tasker_input input = {
        .size = sizeof(tasker_input),
        .task_id = COLUMN(task_ids, TASKER_TYPE_I64),
        .step_id = COLUMN(step_ids, TASKER_TYPE_I64),
        .step_task_id = COLUMN(tasks_of_steps, TASKER_TYPE_I64),
        .step_state = COLUMN(states, TASKER_TYPE_U8),
        .edge_from_step_id = COLUMN(parents, TASKER_TYPE_I64),
        .edge_to_step_id = COLUMN(children, TASKER_TYPE_I64),
    };
    const tasker_question question = {
        .size = sizeof(tasker_question),
        .now_micros = 1.8e15,
        .rules = TASKER_RULES_RAILS,
    };
    tasker_snapshot *snapshot = NULL;
    tasker_error *error = NULL;
    if (tasker_abi_version() != TASKER_ABI_VERSION)
        return fail("the library is of another interface", NULL);
    if (tasker_snapshot_build(&input, &snapshot, &error) != TASKER_CODE_OK)
        return fail("build", error);
    int failed = tasker_resolve(snapshot, &question, &error) != TASKER_CODE_OK
                     ? fail("resolve", error)
                     : print_readiness(snapshot) || print_path(snapshot);
    tasker_snapshot_free(snapshot);
    return failed;
}
