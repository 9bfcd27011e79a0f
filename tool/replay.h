/* A trace's operations, done on a real heap. */
#ifndef REPLAY_H
#define REPLAY_H

#include "family.h"
#include "trace.h"

#include <stdio.h>

typedef struct object {
    unsigned char *at; /* NULL: not alive */
    size_t size;
    uint32_t align;
} object;

typedef struct replay {
    const trace *trace;
    const family *family;
    int sized;
    spoon spoon;
    unsigned char *memory; /* the heap's first byte too, since it is aligned to 64 bytes at least */
    size_t room, bytes;    /* that memory has; that the heap was given */
    size_t usable;         /* that the heap can hand out */
    object *objects;       /* by ID */
} replay;

void replay_open(replay *r, const trace *t, const family *f, int sized);
void replay_close(replay *r);

/* Begins anew, in an empty heap of so many bytes. */
void replay_begin(replay *r, size_t bytes);

/* Does one operation: TSP_OK, TSP_NO_MEMORY, or what the heap has against it, which would be the heap's fault. */
tsp_status replay_do(replay *r, const op *o);

/* "line 7 (operation 6 of 9): object 3, resized from 16 to 99 bytes aligned to 8" */
void replay_describe(const replay *r, const op *o, FILE *out);

/* The heap as it is now, in rows of cells. See picture.c. */
void picture(replay *r, FILE *out);

/* -- verify.c: the same, taking nothing on trust ------------------------------------------------------------------ */

enum { NOW_AND_THEN = 1000 }; /* operations between two checks where not every one is checked */

/* What is wrong: "" if nothing is. */
typedef char reason[160];

/* replay_do, with everything around it that can be verified: fills objects with patterns and looks for them. The answer
 * is TSP_OK, TSP_NO_MEMORY, or TSP_CORRUPT with a reason. check: let the heap check itself too. */
tsp_status replay_verified(replay *r, const op *o, int check, reason why);

/* Whether the heap checks itself and finds nothing; whether every live object has kept its pattern. */
int replay_checks(replay *r, reason why);
int replay_survivors_kept(const replay *r, reason why);

/* "lua_sensor in a heap of 1,000 bytes (4k, sized): ", on stdout. */
void replay_title(const replay *r);

/* Tell what happened at this operation. Return the exit code. */
int replay_does_not_fit(replay *r, const op *o);
int replay_is_broken(const replay *r, const op *o, const reason why);

/* -- fail.c: a whole replay in a heap of so many bytes, in which requests are made to fail. Returns the exit code. --
 */
int replay_failing(replay *r, size_t bytes, size_t first, size_t step, int check_all);

#endif
