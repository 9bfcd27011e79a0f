/* teaspoon replay: does everything that a trace asks for once, and takes nothing on trust. Every object is filled with
 * a pattern of its own, which is looked for again when the object is resized or freed, or has survived. An object that
 * another one overlaps, or that a resize garbles, does not keep its pattern.
 * SPDX-License-Identifier: BSD-3-Clause */
#define _POSIX_C_SOURCE 200809L

#include "command.h"
#include "pins.h"
#include "replay.h"
#include "say.h"

#include <stdlib.h>
#include <string.h>

/* Byte i of the object `id`: no other object's, nor another of the same. */
static unsigned char pattern(uint32_t id, size_t i) {
    return (unsigned char)((((id + 1) * 2654435761u) ^ (uint32_t)i) * 2246822519u >> 24);
}

static void fill(const replay *r, uint32_t id, size_t from) {
    const object *x = &r->objects[id];
    for (size_t i = from; i < x->size; i++) x->at[i] = pattern(id, i);
}

/* Where the pattern is broken; `size` if it is not. */
static size_t broken(const replay *r, uint32_t id, size_t size) {
    const unsigned char *at = r->objects[id].at;
    size_t i = 0;
    while (i < size && at[i] == pattern(id, i)) i++;
    return i;
}

static int kept(const replay *r, uint32_t id, size_t size, reason why) {
    size_t at = broken(r, id, size);
    if (at < size) snprintf(why, sizeof(reason), "byte %zu of object %u has changed", at, id);
    return at == size;
}

static int well_placed(const replay *r, uint32_t id, reason why) {
    const object *x = &r->objects[id];
    size_t from = (size_t)((uintptr_t)x->at - (uintptr_t)r->memory);
    if ((uintptr_t)x->at % x->align)
        snprintf(why, sizeof(reason), "object %u is not aligned to %u bytes", id, x->align);
    else if (x->size && (from >= r->usable || x->size > r->usable - from))
        snprintf(why, sizeof(reason), "object %u is not inside the heap", id);
    return *why == '\0';
}

int replay_checks(replay *r, reason why) {
    tsp_report report = r->family->check(&r->spoon);
    if (report.status != TSP_OK)
        snprintf(why, sizeof(reason), "the heap is damaged at byte %zu: %s", report.at, report.what);
    return report.status == TSP_OK;
}

tsp_status replay_verified(replay *r, const op *o, int check, reason why) {
    const object *x = &r->objects[o->id];
    size_t keep = o->kind == 'r' ? (x->size < o->size ? x->size : o->size) : 0;
    tsp_status status;
    if (o->kind != 'a' && !kept(r, o->id, x->size, why)) return TSP_CORRUPT;
    status = replay_do(r, o);
    if (status == TSP_NO_MEMORY) return status;
    if (status != TSP_OK) {
        snprintf(why, sizeof(reason), "the heap refuses it: %s", tsp_status_text(status));
        return TSP_CORRUPT;
    }
    if (o->kind != 'f') {
        if (!well_placed(r, o->id, why) || !kept(r, o->id, keep, why)) return TSP_CORRUPT;
        fill(r, o->id, keep);
    }
    return !check || replay_checks(r, why) ? TSP_OK : TSP_CORRUPT;
}

int replay_survivors_kept(const replay *r, reason why) {
    for (uint32_t id = 0; id < r->trace->ids; id++)
        if (r->objects[id].at && !kept(r, id, r->objects[id].size, why)) return 0;
    return 1;
}

void replay_title(const replay *r) {
    printf("%s in a heap of %s bytes (%s, %s): ", r->trace->name, COMMAS(r->bytes), r->family->name,
           r->sized ? "sized" : "malloc");
}

static void print_usage(const tsp_usage *u) {
    printf("total %s, used %s, free %s, objects %s, largest %s, low_free %s, failed %s\n", COMMAS(u->total),
           COMMAS(u->used), COMMAS(u->free), COMMAS(u->objects), COMMAS(u->largest), COMMAS(u->low_free),
           COMMAS(u->failed));
}

/* "teaspoon: lua_sensor: line 7 (operation 6 of 9): object 3, freed" */
static void print_where(const replay *r, const op *o, FILE *out) {
    progress_end();
    fflush(stdout);
    fprintf(out, "teaspoon: %s: ", r->trace->name);
    replay_describe(r, o, out);
}

int replay_does_not_fit(replay *r, const op *o) {
    size_t usable = r->family->largest(&r->spoon, o->align);
    pins in_the_way = pins_find(r, o);
    tsp_usage u = r->family->usage(&r->spoon);
    print_where(r, o, stderr);
    fprintf(stderr, ": no room; %s bytes are free, but at most %s in one piece\n", COMMAS(u.free), COMMAS(usable));
    replay_title(r);
    printf("too small\n  then: ");
    print_usage(&u);
    picture(r, stdout);
    pins_print(&in_the_way, r, o, stdout);
    pins_drop(&in_the_way);
    return DOES_NOT_FIT;
}

int replay_is_broken(const replay *r, const op *o, const reason why) {
    print_where(r, o, stderr);
    fprintf(stderr, ": %s\n", why);
    return BROKEN_HEAP;
}

/* All operations in turn; what the heap looks like after one of them, for the caller to free. */
static int verify_each(replay *r, int check_all, size_t fullest, char **drawn) {
    const trace *t = r->trace;
    reason why = "";
    for (size_t i = 0; i < t->count; i++) {
        int check = check_all || i % NOW_AND_THEN == 0 || i + 1 == t->count;
        tsp_status status = replay_verified(r, &t->ops[i], check, why);
        if (status == TSP_NO_MEMORY) return replay_does_not_fit(r, &t->ops[i]);
        if (status != TSP_OK) return replay_is_broken(r, &t->ops[i], why);
        if (i == fullest) {
            size_t length;
            FILE *memory = need(open_memstream(drawn, &length));
            picture(r, memory);
            fclose(memory);
        }
        if (i % NOW_AND_THEN == 0) progress("replay", t->name, i, "operations");
    }
    return replay_survivors_kept(r, why) ? DONE : replay_is_broken(r, &t->ops[t->count - 1], why);
}

static int verify(replay *r, size_t bytes, int check_all) {
    const trace *t = r->trace;
    size_t fullest;
    char *at_fullest = NULL;
    int code;
    trace_fullest(t, r->family->granule, r->family->round, &fullest);
    replay_begin(r, bytes);
    code = verify_each(r, check_all, fullest, &at_fullest);
    progress_end();
    if (code == DONE) {
        const tsp_usage u = r->family->usage(&r->spoon);
        replay_title(r);
        printf("%s operations, every byte verified\n  at the end: ", COMMAS(t->count));
        print_usage(&u);
        printf("  low-water mark: %s bytes were free at every moment, and no more than %s in use\n", COMMAS(u.low_free),
               COMMAS(u.total - u.low_free));
        printf("  at its fullest, after operation %s (line %s):\n%s", COMMAS(fullest + 1), COMMAS(t->ops[fullest].line),
               at_fullest);
    }
    free(at_fullest);
    return code;
}

/* With the family that was asked for, or the first that is made for this trace and such a heap. */
static const family *choose(const trace *t, const options *how) {
    const family *f = how->family ? how->family : family_for(t->peak);
    while (!how->family && how->heap > family_limit(f, how->sized) && f[1].name) f++;
    return f;
}

static int replay_trace(const trace *t, const options *how) {
    const family *f;
    size_t heap = how->heap;
    replay r;
    int code;
    if (how->heap_least) {
        fit least = find_fit(t, how);
        if (*least.why) return complain(DOES_NOT_FIT, "%s", least.why);
        f = least.family;
        heap = least.heap;
    } else {
        f = choose(t, how);
    }
    replay_open(&r, t, f, how->sized);
    if (how->fail) code = replay_failing(&r, heap, how->fail, how->fail_step, how->check);
    else code = verify(&r, heap, how->check);
    replay_close(&r);
    return code;
}

int replay_traces(const trace *traces, size_t count, const options *how) {
    int worst = DONE;
    for (size_t i = 0; i < count; i++) {
        int code;
        if (i) putchar('\n');
        code = replay_trace(&traces[i], how);
        if (code > worst) worst = code;
    }
    return worst;
}
