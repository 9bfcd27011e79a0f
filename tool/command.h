/* What the command line asks for, and the subcommands that do it. */
#ifndef COMMAND_H
#define COMMAND_H

#include "family.h"
#include "trace.h"

typedef struct options {
    const family *family;     /* NULL: auto */
    int sized;                /* or else remembering */
    const family *variant[4]; /* view: all that were named, and a bit for each kind, 1 << sized */
    size_t variants;
    int kinds;
    int svg;
    const char *to; /* export's format */
    size_t align;
    int tsv, json;
    int all;       /* rows of a table */
    unsigned bits; /* --for: the pointers' of the target; 0: as in this build */
    uint32_t variations;
    int compare;
    int max_given; /* --max BYTES */
    size_t max;
    int heap_given, heap_least; /* --heap BYTES; --heap min */
    size_t heap;
    int check;
    size_t fail, fail_step; /* the first request that is made to fail, and from one to the next; 0: none */
    const char *output;     /* record's file; NULL: by the program's name */
    unsigned frames;        /* of each call stack that record notes */
    int quiet;
    int handle_given; /* look's --handle ADDRESS */
    uint64_t handle;
} options;

/* The smallest heap that a trace needs. */
typedef struct fit {
    const family *family;
    size_t heap;
    char why[160]; /* why there is none; "" when there is */
} fit;

fit find_fit(const trace *t, const options *how);

/* Each returns the exit code. */
int fit_traces(const trace *traces, size_t count, const options *how);
int compare_traces(const trace *traces, size_t count, const options *how);
int replay_traces(const trace *traces, size_t count, const options *how);
int print_top_sites(const trace *traces, size_t count, const options *how);
int print_leaking_sites(const trace *traces, size_t count, const options *how);
int print_difference(const trace *traces, size_t count, const options *how); /* between two */
int export_trace(const trace *traces, size_t count, const options *how);
int view_traces(const trace *traces, size_t count, const options *how);

int look_at(char **files, size_t count, const options *how);
int decode_recording(const char *file, const options *how);

/* The program's own, or BAD_INPUT if it cannot be recorded. */
int record_program(char **words, const options *how);

/* The path of a file that belongs to the command: beside it, where make leaves it, or in lib/teaspoon beside its bin.
 * NULL after saying that there is none. */
char *find_part(const char *name);

#endif
