/*
 * The floor: what a plain C loop and the memory itself take for the work of the kernels.
 *
 * The snapshot comes on stdin, then commands line by line; each answer is one line. Offsets of the
 * sections are arguments, state codes and flags are defined by the compiler's command line, so that
 * the layout is described in TypeScript only (bench/floor.ts).
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint8_t *memory;
static size_t steps, timed;
static const uint32_t *parent_offsets, *parents, *timed_step;
static const uint8_t *state, *flags;
static const int32_t *attempts, *retry_limit, *backoff_seconds;
static const double *failed_at, *last_attempted_at;
static uint8_t *bits;
static uint32_t *completed_parents;
static int32_t *level;
static double *next_retry_at;
static volatile uint64_t sink;

static double now_ns(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return (double)at.tv_sec * 1e9 + (double)at.tv_nsec;
}

static double failure_wait(int32_t tries, int is_null) {
  int32_t exponent = is_null ? 1 : tries;
  if (exponent >= 5) return 30e6;
  return exponent >= 0 ? 1e6 * (double)(1 << exponent) : rint(ldexp(1e6, exponent));
}

static void readiness(double now) {
  for (size_t step = 0; step < steps; step++) {
    uint32_t edge = parent_offsets[step], last = parent_offsets[step + 1], done = 0;
    uint32_t count = last - edge;
    for (; edge < last; edge++) done += state[parents[edge]] >> 7;
    uint8_t code = state[step], flag = flags[step];
    unsigned satisfied = done == count, eligible = attempts[step] < retry_limit[step];
    unsigned runnable = (code == PENDING) | (code == FAILED);
    unsigned allowed = (flag & (PROCESSED | IN_PROCESS | NOT_RETRYABLE)) == 0;
    unsigned run = satisfied & eligible & runnable & allowed;
    unsigned exhausted = (code == FAILED) & !eligible;
    completed_parents[step] = done;
    bits[step] = (uint8_t)(satisfied | eligible << 1 | run << 2 | exhausted << 7);
  }
  for (size_t at = 0; at < timed; at++) {
    uint32_t step = timed_step[at];
    uint8_t flag = flags[step];
    double explicit_end = flag & BACKOFF_NULL
                              ? NAN
                              : last_attempted_at[step] + (double)backoff_seconds[step] * 1e6;
    double failure_end = failed_at[at] + failure_wait(attempts[step], (flag & ATTEMPTS_NULL) != 0);
    next_retry_at[at] = isnan(explicit_end) ? failure_end : explicit_end;
    if ((explicit_end > now || failure_end > now) && bits[step] & 4)
      bits[step] = (uint8_t)((bits[step] & ~4) | 8);
  }
}

/* For tasks in topological order, whose parents are all their own. */
static void levels(void) {
  for (size_t step = 0; step < steps; step++) {
    int32_t longest = 0;
    for (uint32_t edge = parent_offsets[step]; edge < parent_offsets[step + 1]; edge++) {
      int32_t through = level[parents[edge]] + 1;
      if (through > longest) longest = through;
    }
    level[step] = longest;
  }
}

static void read_bytes(const uint8_t *from, size_t bytes) {
  const uint64_t *words = (const uint64_t *)from;
  uint64_t sum = 0;
  for (size_t at = 0; at < bytes / 8; at++) sum += words[at];
  sink += sum;
}

/* Reads bytes, and copies `copied` bytes of the snapshot to where the answer would stand. */
static void read_and_copy(char *ranges, size_t copied) {
  static uint8_t *copy;
  char *rest = ranges;
  for (;;) {
    char *end;
    size_t from = strtoull(rest, &end, 10);
    if (end == rest) break;
    size_t bytes = strtoull(end, &rest, 10);
    read_bytes(memory + from, bytes);
  }
  if (copied == 0) return;
  if (copy == NULL) copy = malloc(copied);
  memcpy(copy, memory, copied);
  sink += copy[copied / 2];
}

static uint32_t hash(const uint8_t *from, size_t bytes) {
  uint32_t value = 2166136261u;
  for (size_t at = 0; at < bytes; at++) value = (value ^ from[at]) * 16777619u;
  return value;
}

static void work(const char *line) {
  char ranges[256];
  double now;
  size_t copied;
  if (sscanf(line, "readiness %lf", &now) == 1) readiness(now);
  else if (strncmp(line, "levels", 6) == 0) levels();
  else if (sscanf(line, "read %zu %255[0-9 ]", &copied, ranges) == 2) read_and_copy(ranges, copied);
}

int main(int count, char **arguments) {
  if (count != 18) return 64;
  size_t offset[18];
  for (int at = 1; at < count; at++) offset[at] = strtoull(arguments[at], NULL, 10);
  size_t bytes = offset[1];
  memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
  if (memory == NULL || fread(memory, 1, bytes, stdin) != bytes) return 1;
  steps = offset[2];
  timed = offset[3];
  parent_offsets = (uint32_t *)(memory + offset[4]);
  parents = (uint32_t *)(memory + offset[5]);
  state = memory + offset[6];
  flags = memory + offset[7];
  attempts = (int32_t *)(memory + offset[8]);
  retry_limit = (int32_t *)(memory + offset[9]);
  timed_step = (uint32_t *)(memory + offset[10]);
  failed_at = (double *)(memory + offset[11]);
  last_attempted_at = (double *)(memory + offset[12]);
  backoff_seconds = (int32_t *)(memory + offset[13]);
  bits = memory + offset[14];
  completed_parents = (uint32_t *)(memory + offset[15]);
  level = (int32_t *)(memory + offset[16]);
  next_retry_at = (double *)(memory + offset[17]);
  char line[512];
  while (fgets(line, sizeof line, stdin) != NULL) {
    size_t from, length;
    if (sscanf(line, "hash %zu %zu", &from, &length) == 2) {
      printf("%u\n", hash(memory + from, length));
    } else {
      /* as many calls as take two milliseconds make one sample */
      double start = now_ns();
      work(line);
      double once = now_ns() - start;
      size_t calls = once < 2e6 ? (size_t)(2e6 / (once + 1)) + 1 : 1;
      start = now_ns();
      for (size_t call = 0; call < calls; call++) work(line);
      printf("%.1f\n", (now_ns() - start) / (double)calls);
    }
    fflush(stdout);
  }
  return 0;
}
