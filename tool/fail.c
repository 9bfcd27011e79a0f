/* teaspoon replay --fail: what happens to a program, and to its heap, when a request finds no memory. Every request
 * that needs memory may be made to fail: the heap is filled to the brim for that moment, so that it is the engine
 * itself that refuses. Then the program goes on without the object, and without what it would have done with it.
 * SPDX-License-Identifier: BSD-3-Clause */
#include "replay.h"
#include "say.h"

#include <stdlib.h>
#include <string.h>

typedef struct filler {
    void *at;
    size_t size;
} filler;

/* A replay as it was at some operation, to come back to; and what fills the heap at another. */
typedef struct injection {
    replay *r;
    spoon spoon;
    unsigned char *bytes;
    object *objects;
    unsigned char *full; /* the heap's bytes when it is full */
    filler *fillers;
    size_t filled;
    size_t operations, refused; /* of all replays: done and verified; without room, but for the first of each */
} injection;

static void save(injection *in) {
    const replay *r = in->r;
    in->spoon = r->spoon;
    memcpy(in->bytes, r->memory, r->bytes);
    memcpy(in->objects, r->objects, r->trace->ids * sizeof *r->objects);
}

static void restore(const injection *in) {
    replay *r = in->r;
    r->spoon = in->spoon;
    memcpy(r->memory, in->bytes, r->bytes);
    memcpy(r->objects, in->objects, r->trace->ids * sizeof *r->objects);
}

/* Whether an operation needs memory: a new object, or more granules than the old one has. */
static int is_request(const replay *r, const op *o) {
    size_t granule = r->family->granule, old = o->kind == 'r' ? r->objects[o->id].size : 0;
    return o->kind != 'f' && TSP_TAKES_(granule, o->size) > TSP_TAKES_(granule, old);
}

/* Where holes and objects are, as one number. */
static int note(void *context, void *start, size_t size, tsp_kind kind) {
    uint64_t *digest = context;
    *digest = (*digest ^ (uintptr_t)start ^ (uint64_t)size << 40 ^ (uint64_t)kind << 32) * 1099511628211u;
    *digest ^= *digest >> 29;
    return 0;
}

static uint64_t layout(replay *r) {
    uint64_t digest = 0;
    r->family->walk(&r->spoon, note, &digest);
    return digest;
}

static int fill_up(injection *in) {
    replay *r = in->r;
    size_t size;
    while ((size = r->family->largest(&r->spoon, 1)) != 0) {
        filler *f = &in->fillers[in->filled++];
        f->size = size;
        f->at = r->family->alloc(&r->spoon, size, 1);
        if (f->at == NULL) return 0;
    }
    return r->family->usage(&r->spoon).free == 0;
}

static int empty_again(injection *in) {
    while (in->filled) {
        const filler *f = &in->fillers[--in->filled];
        if (in->r->family->dealloc(&in->r->spoon, f->at, f->size, 1) != TSP_OK) return 0;
    }
    return 1;
}

/* The operation, in a heap without a free byte. */
static int fail(injection *in, const op *o, reason why) {
    replay *r = in->r;
    const object before = r->objects[o->id];
    const uint64_t was = layout(r);
    const size_t failed = r->family->usage(&r->spoon).failed;
    tsp_status status;
    if (!fill_up(in)) {
        snprintf(why, sizeof(reason), "what largest promises cannot be had");
        return 0;
    }
    memcpy(in->full, r->memory, r->bytes);
    status = replay_do(r, o);
    if (status != TSP_NO_MEMORY)
        snprintf(why, sizeof(reason), "in a full heap, it should find no memory, but: %s", tsp_status_text(status));
    else if (memcmp(in->full, r->memory, r->bytes) != 0)
        snprintf(why, sizeof(reason), "it failed, but has changed the heap");
    else if (memcmp(&before, &r->objects[o->id], sizeof before) != 0 || r->family->usage(&r->spoon).failed <= failed)
        snprintf(why, sizeof(reason), "it failed, and that was not noted");
    else if (!empty_again(in)) snprintf(why, sizeof(reason), "what filled the heap cannot be freed");
    else if (layout(r) != was)
        snprintf(why, sizeof(reason), "after it failed, and what filled the heap was freed, the heap is another");
    return *why == '\0' && replay_checks(r, why);
}

/* Frees every object: then the heap must be one hole. */
static int tidy_up(replay *r, reason why) {
    tsp_usage u;
    if (!replay_survivors_kept(r, why)) return 0;
    for (uint32_t id = 0; id < r->trace->ids; id++) {
        const op end = {0, id, 0, 0, 'f'};
        if (r->objects[id].at && replay_do(r, &end) != TSP_OK) {
            snprintf(why, sizeof(reason), "at the end, object %u cannot be freed", id);
            return 0;
        }
    }
    u = r->family->usage(&r->spoon);
    if (u.used || u.objects || u.largest != r->usable)
        snprintf(why, sizeof(reason), "at the end everything is freed, but %zu bytes are in use", u.used);
    return *why == '\0' && replay_checks(r, why);
}

/* Fails at the operation o, and goes on to the end. */
static int go_on_without(injection *in, const op *o, int check_all) {
    replay *r = in->r;
    const op *const end = r->trace->ops + r->trace->count;
    reason why = "";
    if (!fail(in, o, why)) return replay_is_broken(r, o, why);
    while (++o < end) {
        tsp_status status;
        if (o->kind != 'a' && r->objects[o->id].at == NULL) continue; /* never came to be */
        status = replay_verified(r, o, check_all || in->operations % NOW_AND_THEN == 0, why);
        in->operations++;
        if (status == TSP_NO_MEMORY) in->refused++;
        else if (status != TSP_OK) return replay_is_broken(r, o, why);
    }
    return tidy_up(r, why) ? DONE : replay_is_broken(r, end - 1, why);
}

static int fail_in_turn(injection *in, size_t first, size_t step, int check_all) {
    replay *r = in->r;
    const trace *t = r->trace;
    size_t requests = 0, replays = 0;
    for (const op *o = t->ops; o < t->ops + t->count; o++) {
        reason why = "";
        tsp_status status;
        if (is_request(r, o) && ++requests >= first && (step ? (requests - first) % step == 0 : requests == first)) {
            int code;
            save(in);
            code = go_on_without(in, o, check_all);
            if (code != DONE) {
                fprintf(stderr, "teaspoon: %s: request %s had been made to fail\n", t->name, COMMAS(requests));
                return code;
            }
            restore(in);
            replays++;
            progress("fail", t->name, requests, "requests");
        }
        status = replay_verified(r, o, 0, why);
        if (status == TSP_NO_MEMORY) return replay_does_not_fit(r, o);
        if (status != TSP_OK) return replay_is_broken(r, o, why);
    }
    progress_end();
    if (replays == 0) return complain(BAD_INPUT, "%s: it makes only %s requests", t->name, COMMAS(requests));
    replay_title(r);
    printf("%s of %s requests failed, each in a replay of its own\n"
           "  %s operations came after them, every byte verified; %s more found no room; each time nothing was lost\n",
           COMMAS(replays), COMMAS(requests), COMMAS(in->operations), COMMAS(in->refused));
    return DONE;
}

int replay_failing(replay *r, size_t bytes, size_t first, size_t step, int check_all) {
    injection in = {0};
    int code;
    replay_begin(r, bytes);
    in.r = r;
    in.bytes = need(malloc(bytes + 1));
    in.full = need(malloc(bytes + 1));
    in.objects = need(malloc(r->trace->ids * sizeof *in.objects));
    in.fillers = need(malloc((r->usable / r->family->granule + 1) * sizeof *in.fillers));
    code = fail_in_turn(&in, first, step, check_all);
    free(in.bytes);
    free(in.full);
    free(in.objects);
    free(in.fillers);
    return code;
}
