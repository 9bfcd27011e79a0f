/* A trace's operations, on a family that is none: it notes which of its functions is called with what, and answers as it
 * is told. Ends in "N passed, N failed". SPDX-License-Identifier: BSD-3-Clause */
#include "replay.h"
#include "say.h"
#include "unit.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void tsp_misuse(const void *heap, const void *pointer, tsp_status status); /* replay.c's, which the library calls */

static char called[200]; /* the last call */
static unsigned char *given, places[4];
static size_t given_bytes;
static tsp_status answer, misuse;
static void *place;

static size_t init(spoon *s, void *memory, size_t size, int sized) {
    (void)s;
    given = memory;
    given_bytes = size;
    memset(given, 0xEE, size); /* all of it is there */
    snprintf(called, sizeof called, "init %zu %d", size, sized);
    return size - 1;
}
static size_t index_of(const void *pointer) {
    return (size_t)((const unsigned char *)pointer - places);
}
static void refuse(void) {
    if (misuse != TSP_OK) tsp_misuse(NULL, NULL, misuse);
}
static void *alloc(spoon *s, size_t size, size_t align) {
    (void)s;
    snprintf(called, sizeof called, "alloc %zu %zu", size, align);
    refuse();
    return place;
}
static void *aligned(spoon *s, size_t align, size_t size) {
    (void)s;
    snprintf(called, sizeof called, "aligned_alloc %zu %zu", align, size);
    refuse();
    return place;
}
static tsp_status dealloc(spoon *s, void *pointer, size_t size, size_t align) {
    (void)s;
    snprintf(called, sizeof called, "dealloc %zu %zu %zu", index_of(pointer), size, align);
    refuse();
    return answer;
}
static void freed(spoon *s, void *pointer) {
    (void)s;
    snprintf(called, sizeof called, "free %zu", index_of(pointer));
    refuse();
}
static void *resize(spoon *s, void *pointer, size_t old_size, size_t new_size, size_t align) {
    (void)s;
    snprintf(called, sizeof called, "resize %zu %zu %zu %zu", index_of(pointer), old_size, new_size, align);
    refuse();
    return place;
}
static const family none = {.init = init, .alloc = alloc, .aligned_alloc = aligned, .dealloc = dealloc, .free = freed,
                            .resize = resize};

static op ops[] = {{24, 0, 7, 8, 'a'}, {48, 1, 1008, 16, 'a'}, {4096, 0, 9, 8, 'r'}, {0, 1, 10, 0, 'f'}, {0, 0, 11, 0, 'f'}};
static trace t = {.name = "none", .ops = ops, .count = sizeof ops / sizeof *ops, .ids = 2, .largest_align = 16};

static void does(replay *r, size_t i, tsp_status expected, const char *call) {
    const tsp_status got = replay_do(r, &ops[i]);
    ok(got == expected, "the status", tsp_status_text(got));
    ok(strcmp(called, call) == 0, call, called);
}

static void describes(const replay *r, size_t i, const char *expected) {
    char text[300] = "";
    FILE *f = tmpfile();
    if (f == NULL) return;
    replay_describe(r, &ops[i], f);
    rewind(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    ok(strcmp(text, expected) == 0, expected, text);
}

static void replays(int sized) {
    replay r;
    replay_open(&r, &t, &none, sized);
    replay_begin(&r, 1000);
    ok(strcmp(called, sized ? "init 1000 1" : "init 1000 0") == 0, "init", called);
    ok(r.bytes == 1000 && r.usable == 999 && given == r.memory, "the heap's bytes, and usable ones", called);
    ok(r.objects[0].at == NULL && r.objects[1].at == NULL, "no object is alive", "one is");
    place = &places[1];
    does(&r, 0, TSP_OK, sized ? "alloc 24 8" : "aligned_alloc 8 24");
    describes(&r, 0, "line 7 (operation 1 of 5): object 0, 24 bytes aligned to 8");
    place = &places[2];
    does(&r, 1, TSP_OK, sized ? "alloc 48 16" : "aligned_alloc 16 48");
    describes(&r, 1, "line 1,008 (operation 2 of 5): object 1, 48 bytes aligned to 16");
    place = &places[3];
    describes(&r, 2, "line 9 (operation 3 of 5): object 0, resized from 24 to 4,096 bytes aligned to 8");
    does(&r, 2, TSP_OK, "resize 1 24 4096 8");
    describes(&r, 3, "line 10 (operation 4 of 5): object 1, freed");
    does(&r, 3, TSP_OK, sized ? "dealloc 2 48 16" : "free 2");
    ok(r.objects[1].at == NULL && r.objects[0].at == &places[3], "what is freed is not alive", "it is");

    place = NULL; /* no room, and nothing has changed */
    does(&r, 1, TSP_NO_MEMORY, sized ? "alloc 48 16" : "aligned_alloc 16 48");
    does(&r, 2, TSP_NO_MEMORY, "resize 3 4096 4096 8");
    ok(r.objects[1].at == NULL && r.objects[0].at == &places[3], "an object as before", "another");
    misuse = TSP_CORRUPT; /* what the heap has against it */
    does(&r, 1, TSP_CORRUPT, sized ? "alloc 48 16" : "aligned_alloc 16 48");
    does(&r, 2, TSP_CORRUPT, "resize 3 4096 4096 8");
    does(&r, 4, TSP_CORRUPT, sized ? "dealloc 3 4096 8" : "free 3");
    misuse = TSP_OK;
    place = &places[1];
    does(&r, 0, TSP_OK, sized ? "alloc 24 8" : "aligned_alloc 8 24"); /* the last refusal is forgotten */
    answer = TSP_ALREADY_FREE;
    does(&r, 4, sized ? TSP_ALREADY_FREE : TSP_OK, sized ? "dealloc 1 24 8" : "free 1");
    answer = TSP_OK;
    replay_close(&r);
}

/* Memory for each heap: aligned, large enough, and the same where it will do. */
static void begins(void) {
    replay r;
    for (uint32_t align = 1; align <= 4096; align *= 2) {
        t.largest_align = align;
        replay_open(&r, &t, &none, 1);
        for (size_t bytes = 0; bytes < 9000; bytes += bytes % 100 ? 77 : 23) {
            r.objects[1].at = &places[0];
            replay_begin(&r, bytes);
            ok(given_bytes == bytes && (uintptr_t)given % 64 == 0 && (uintptr_t)given % align == 0, "memory", called);
            ok(r.objects[1].at == NULL, "a new beginning", "an old object");
        }
        for (size_t bytes = r.room; bytes > 1000; bytes -= 500) {
            const unsigned char *before = r.memory;
            replay_begin(&r, bytes);
            ok(r.memory == before, "the same memory for less", called);
        }
        replay_close(&r);
    }
    t.largest_align = 16;
}

int main(void) {
    replays(1);
    replays(0);
    begins();
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
