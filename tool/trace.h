/* Allocation traces: what a program asked its allocator for, one call a line (traces/README.md has the format). */
#ifndef TRACE_H
#define TRACE_H

#include <stddef.h>
#include <stdint.h>

enum {
    LARGEST_ALIGN = 1 << 20, /* that a trace may ask for */
    MOST_SITES = 1 << 20     /* those with larger numbers are taken for none */
};

typedef struct op {
    size_t size; /* the new one; 0 for f */
    uint32_t id, line, align;
    char kind; /* 'a', 'r' or 'f' */
} op;

typedef struct trace {
    const char *file;
    char name[48]; /* from the trace's first line, or else the file's name */
    uint32_t pointer_size; /* bytes, of the program that was recorded; 0: the first line does not say */
    op *ops;
    size_t count;
    uint32_t ids;           /* every ID is below; as no trace is without operations, there is one */
    uint32_t largest_align; /* of any operation */
    size_t peak;            /* the most bytes that were live at once, as they were asked for */
    uint32_t *sites;        /* of each operation: N of its column site=N, 0 if it has none; NULL if no line has one */
    uint32_t *ms;           /* when: milliseconds since the beginning; NULL if no line says */
    char **site_names;      /* by N, NULL where no line names it */
    uint32_t site_count;    /* every N is below */
} trace;

/* Reads a trace from a file, plain or gzip'ed ("-": standard input). Where the trace names no alignment it becomes the
 * size's natural one: the largest power of two that is at most the size, and at most `natural`. Returns 0 after saying
 * on stderr what is wrong, and where. */
int trace_read(trace *t, const char *file, size_t natural);

void trace_drop(trace *t);

/* For a copy with operations of its own: the same, but without operations and what is known of each. */
trace trace_without_operations(const trace *t);

/* The most bytes live at once with each object rounded up as a heap of such granules and TSP_ROUND does it, and the operation that made it so. */
size_t trace_fullest(const trace *t, size_t granule, size_t round, size_t *at);

#endif
