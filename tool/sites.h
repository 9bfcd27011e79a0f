/* Who holds memory: a trace's objects by the sites that asked for them, or by size where the trace names no sites. */
#ifndef SITES_H
#define SITES_H

#include "trace.h"

typedef struct holding {
    size_t bytes, objects; /* bytes as they were asked for */
} holding;

typedef struct site {
    char *name;        /* "parse (json.c:40) < main (main.c:7)", or "40 bytes" */
    size_t calls;      /* allocations and resizes */
    holding peak, end; /* when the most bytes were live; when the trace ends */
    size_t oldest;     /* the operation that made the oldest object of those at the end */
} site;

typedef struct sites {
    const trace *trace;
    site *each;
    size_t count;
    uint32_t *of; /* by operation: the site of an a or r. A resize makes the object its own site's */
    int by_size;
    size_t peak_at; /* the operation after which the peak is reached first */
    holding peak, end;
} sites;

sites sites_of(const trace *t);
void sites_drop(sites *s);

/* The most bytes at the peak, or at the end, first. */
void sites_sort(sites *s, int at_end);

#endif
