/* See replay.h. SPDX-License-Identifier: BSD-3-Clause */
#include "replay.h"
#include "say.h"

#include <stdlib.h>
#include <string.h>

/* The library tells us here, instead of aborting, that it refused a call. */
static _Thread_local tsp_status refused;

void tsp_misuse(const void *heap, const void *pointer, tsp_status status) {
    (void)heap;
    (void)pointer;
    refused = status;
}

void replay_open(replay *r, const trace *t, const family *f, int sized) {
    *r = (replay){0};
    r->trace = t;
    r->family = f;
    r->sized = sized;
    r->objects = need(malloc(t->ids * sizeof *r->objects));
}

void replay_close(replay *r) {
    free(r->memory);
    free(r->objects);
}

void replay_begin(replay *r, size_t bytes) {
    size_t align = r->trace->largest_align > 64 ? r->trace->largest_align : 64;
    if (bytes > r->room || r->memory == NULL) {
        free(r->memory);
        r->room = (bytes + bytes / 8 + align) / align * align;
        r->memory = aligned_alloc(align, r->room);
        if (r->memory == NULL)
            exit(complain(DOES_NOT_FIT, "%s: this machine has no %s bytes for a heap", r->trace->name, COMMAS(bytes)));
    }
    r->bytes = bytes;
    r->usable = r->family->init(&r->spoon, r->memory, bytes, r->sized);
    memset(r->objects, 0, r->trace->ids * sizeof *r->objects);
}

tsp_status replay_do(replay *r, const op *o) {
    const family *f = r->family;
    object *x = &r->objects[o->id];
    uint32_t align = o->align;
    void *at;
    refused = TSP_OK;
    if (o->kind == 'f') {
        tsp_status status = TSP_OK;
        if (r->sized) status = f->dealloc(&r->spoon, x->at, x->size, x->align);
        else f->free(&r->spoon, x->at);
        x->at = NULL;
        return status != TSP_OK ? status : refused;
    }
    /* For size 0 a heap that remembers gives its handle's address, whose alignment is by chance. */
    if (o->kind == 'a' && o->size == 0 && !r->sized) align = 1;
    if (o->kind == 'r') at = f->resize(&r->spoon, x->at, x->size, o->size, align);
    else if (r->sized) at = f->alloc(&r->spoon, o->size, align);
    else at = f->aligned_alloc(&r->spoon, align, o->size);
    if (at == NULL) return refused != TSP_OK ? refused : TSP_NO_MEMORY;
    x->at = at;
    x->size = o->size;
    x->align = align;
    return TSP_OK;
}

void replay_describe(const replay *r, const op *o, FILE *out) {
    const object *x = &r->objects[o->id];
    fprintf(out, "line %s (operation %s of %s): ", COMMAS(o->line), COMMAS((size_t)(o - r->trace->ops) + 1),
            COMMAS(r->trace->count));
    if (o->kind == 'a') fprintf(out, "object %u, %s bytes aligned to %u", o->id, COMMAS(o->size), o->align);
    if (o->kind == 'r')
        fprintf(out, "object %u, resized from %s to %s bytes aligned to %u", o->id, COMMAS(x->size), COMMAS(o->size),
                o->align);
    if (o->kind == 'f') fprintf(out, "object %u, freed", o->id);
}
