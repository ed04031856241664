/*
 * Reads the recorded columns of test/vectors/columns: lines of words.
 */
#ifndef LINES_H
#define LINES_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                          \
    do {                                                                          \
        if (!(condition)) {                                                       \
            fprintf(stderr, "%s:%d: %s: not %s\n", __FILE__, __LINE__, where, #condition); \
            exit(1);                                                              \
        }                                                                         \
    } while (0)

enum { MOST_LINES = 400 };

/* Where the run is, for messages. */
static char where[200];

typedef struct {
    char *name;
    char **words;
    size_t count;
} line;

typedef struct {
    line lines[MOST_LINES];
    size_t count;
} lines;

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count == 0 ? 1 : count, size);
    CHECK(memory != NULL);
    return memory;
}

static const line *find(const lines *from, const char *name)
{
    for (size_t at = 0; at < from->count; at++)
        if (strcmp(from->lines[at].name, name) == 0)
            return &from->lines[at];
    fprintf(stderr, "%s: no line %s\n", where, name);
    exit(1);
}

/* Cuts a text line into words, in place. */
static line split(char *text)
{
    line cut = {.name = text};
    size_t blanks = 0;
    for (char *at = text; *at != '\0'; at++)
        blanks += *at == ' ';
    cut.words = allocate(blanks, sizeof(char *));
    for (char *at = strchr(text, ' '); at != NULL; at = strchr(at, ' ')) {
        *at++ = '\0';
        cut.words[cut.count++] = at;
    }
    return cut;
}

static void clear(lines *all)
{
    for (size_t at = 0; at < all->count; at++)
        free(all->lines[at].words);
    all->count = 0;
}

static int is_null(const char *word)
{
    return strcmp(word, "null") == 0;
}

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    CHECK(file != NULL && fseek(file, 0, SEEK_END) == 0);
    long size = ftell(file);
    CHECK(size > 0 && fseek(file, 0, SEEK_SET) == 0);
    char *text = allocate((size_t)size + 1, 1);
    CHECK(fread(text, 1, (size_t)size, file) == (size_t)size);
    fclose(file);
    return text;
}

#endif
