/* Allocation traces: what a program asked its allocator for, one call a line (traces/README.md has the format). */
#ifndef TRACE_H
#define TRACE_H

#include <stddef.h>
#include <stdint.h>

enum { LARGEST_ALIGN = 1 << 20 }; /* that a trace may ask for */

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
    uint32_t ids;           /* every ID is below */
    uint32_t largest_align; /* of any operation */
    size_t peak;            /* the most bytes that were live at once, as they were asked for */
} trace;

/* Reads a trace from a file, plain or gzip'ed ("-": standard input). Where the trace names no alignment it becomes the
 * size's natural one: the largest power of two that is at most the size, and at most `natural`. Returns 0 after saying
 * on stderr what is wrong, and where. */
int trace_read(trace *t, const char *file, size_t natural);

void trace_drop(trace *t);

/* The most bytes live at once with each object rounded up as the heap does it, and the operation that made it so. */
size_t trace_fullest(const trace *t, size_t granule, size_t *at);

#endif
