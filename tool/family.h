/* The three families of teaspoon.h behind one table of functions, so that each subcommand is written once. */
#ifndef FAMILY_H
#define FAMILY_H

#include "teaspoon.h"

typedef union spoon {
    tsp4k k4;
    tsp128k k128;
    tsp16m m16;
} spoon;

typedef struct family {
    const char *name;
    size_t round;      /* TSP_ROUND */
    size_t handle;     /* bytes, in this build */
    size_t handle32;   /* bytes, where pointers have 32 bits */
    size_t granule;    /* bytes */
    uint32_t granules; /* at most */
    size_t best_for;   /* the largest peak that `auto` picks it for */
    size_t (*region)(size_t usable, int sized); /* bytes of memory of which the heap uses so many */
    size_t (*init)(spoon *s, void *memory, size_t size, int sized);
    size_t (*extend)(spoon *s, size_t size);
    void *(*alloc)(spoon *s, size_t size, size_t align);
    tsp_status (*dealloc)(spoon *s, void *pointer, size_t size, size_t align);
    void *(*resize)(spoon *s, void *pointer, size_t old_size, size_t new_size, size_t align);
    void *(*aligned_alloc)(spoon *s, size_t align, size_t size);
    void (*free)(spoon *s, void *pointer);
    tsp_usage (*usage)(spoon *s);
    size_t (*largest)(spoon *s, size_t align);
    int (*walk)(spoon *s, tsp_visitor *visitor, void *context);
    tsp_report (*check)(spoon *s);
} family;

/* Smallest first; ends with one whose name is NULL. */
extern const family families[];

/* "4k", "128k" or "16m"; NULL if there is no such family. */
const family *family_named(const char *name);

/* What `auto` tries first for a peak of live bytes. Where it does not do, try the next. */
const family *family_for(size_t peak);

/* The most bytes of memory that a heap can use. */
size_t family_limit(const family *f, int sized);

#endif
