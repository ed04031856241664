/* The program in C of the scenario `bindings`; see README.md. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tasker.h>
#include <time.h>

enum { STEPS_OF_A_TASK = 10 };

static void require(int condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "%s\n", what);
    exit(1);
}

static void *allocate(size_t count, size_t size)
{
    void *memory = malloc(count * size);
    require(memory != NULL, "no memory");
    return memory;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static tasker_column column(const void *values, size_t length, uint32_t type)
{
    return (tasker_column){.values = values, .length = length, .type = type};
}

static tasker_input make_columns(size_t tasks)
{
    size_t steps = tasks * STEPS_OF_A_TASK, edges = tasks * (9 + 8), edge = 0;
    int64_t *task_ids = allocate(tasks, 8), *ids = allocate(steps, 8), *owners = allocate(steps, 8);
    int64_t *from = allocate(edges, 8), *to = allocate(edges, 8);
    uint8_t *states = allocate(steps, 1);
    int32_t *attempts = allocate(steps, 4);
    for (size_t task = 0; task < tasks; task++)
        task_ids[task] = (int64_t)task;
    for (size_t step = 0; step < steps; step++) {
        size_t task = step / STEPS_OF_A_TASK, place = step % STEPS_OF_A_TASK;
        ids[step] = (int64_t)step;
        owners[step] = (int64_t)task;
        states[step] = place < task % 11 ? TASKER_STATE_COMPLETE : TASKER_STATE_PENDING;
        attempts[step] = (int32_t)(step % 3);
        for (size_t back = 1; back <= 2 && back <= place; back++) {
            from[edge] = (int64_t)(step - back);
            to[edge++] = (int64_t)step;
        }
    }
    return (tasker_input){
        .size = sizeof(tasker_input),
        .task_id = column(task_ids, tasks, TASKER_TYPE_I64),
        .step_id = column(ids, steps, TASKER_TYPE_I64),
        .step_task_id = column(owners, steps, TASKER_TYPE_I64),
        .step_state = column(states, steps, TASKER_TYPE_U8),
        .step_attempts = column(attempts, steps, TASKER_TYPE_I32),
        .edge_from_step_id = column(from, edges, TASKER_TYPE_I64),
        .edge_to_step_id = column(to, edges, TASKER_TYPE_I64),
    };
}

static tasker_snapshot *build(const tasker_input *input)
{
    tasker_snapshot *snapshot = NULL;
    require(!tasker_snapshot_build(input, &snapshot, NULL), "build");
    return snapshot;
}

int main(int count, char **arguments)
{
    require(count == 2, "calls TASKS");
    size_t tasks = strtoull(arguments[1], NULL, 10), steps = tasks * STEPS_OF_A_TASK;
    tasker_input input = make_columns(tasks);
    const tasker_question question = {.size = sizeof(question), .now_micros = 1.8e15, .threads = 1};
    tasker_snapshot *snapshot = build(&input);
    uint8_t *ready = allocate(steps, 1);
    char line[100], what[20];
    while (fgets(line, sizeof(line), stdin) != NULL) {
        uint64_t times = 0;
        require(sscanf(line, "%19s %" SCNu64, what, &times) == 2, "a question and a number");
        double start = now();
        if (strcmp(what, "ready") == 0) {
            size_t found = 0;
            for (size_t step = 0; step < steps; step++)
                found += ready[step];
            printf("%zu\n", found);
            fflush(stdout);
            continue;
        }
        for (uint64_t turn = 0; turn < times; turn++) {
            if (strcmp(what, "build") == 0) {
                tasker_snapshot_free(build(&input));
                continue;
            }
            require(!tasker_resolve(snapshot, &question, NULL), "resolve");
            if (strcmp(what, "call") == 0)
                require(!tasker_read_u8(snapshot, TASKER_FIELD_READINESS_READY_FOR_EXECUTION, ready,
                                        steps, NULL),
                        "read");
        }
        printf("%.0f\n", now() - start);
        fflush(stdout);
    }
    return 0;
}
