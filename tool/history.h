/* A whole replay, operation by operation: where each object was, and what holes there were. */
#ifndef HISTORY_H
#define HISTORY_H

#include "command.h"
#include "pins.h"
#include "replay.h"
#include "sites.h"

typedef struct history {
    const trace *trace;
    replay replay;
    sites sites;       /* by their bytes at the peak */
    size_t count;      /* operations that were done: all, or those before the one that found no memory */
    uint32_t *places;  /* by operation: the granule where the object of an a or r begins */
    uint32_t *holes;   /* after it */
    uint32_t *largest; /* hole after it, in granules */
    pins pins;         /* if count < trace->count */
} history;

/* In a heap as `how` says, or the smallest. Returns an exit code, after saying what is wrong. A heap that is too small
 * is nothing wrong. */
int history_make(history *h, const trace *t, const options *how);
void history_drop(history *h);

/* Granules that the object of an a or r takes. */
size_t history_takes(const history *h, const op *o);

/* svg.c: a picture for documents. */
void svg(const history *h, FILE *out);

#endif
