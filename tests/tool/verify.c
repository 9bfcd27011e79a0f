/* What a verified replay notices, of a family that does what it is told: each object's pattern, place and alignment, what
 * the heap says and what it finds in itself. Ends in "N passed, N failed". SPDX-License-Identifier: BSD-3-Clause */
#include "replay.h"
#include "say.h"
#include "unit.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { USABLE = 4000, ROOM = 5000, OBJECTS = 400, MOST = 700 };

static unsigned char *memory, *place;
static size_t garbled = SIZE_MAX; /* the byte that the next call changes, of the heap's */
static tsp_status answer;
static tsp_report report;
static unsigned calls, checks;

static size_t init(spoon *s, void *bytes, size_t size, int sized) {
    (void)s, (void)size, (void)sized;
    memory = bytes;
    return USABLE;
}
static void *answers(void *pointer) {
    calls++;
    if (garbled != SIZE_MAX) memory[garbled] ^= 1;
    garbled = SIZE_MAX;
    return pointer;
}
static void *alloc(spoon *s, size_t size, size_t align) {
    (void)s, (void)size, (void)align;
    return answers(place);
}
static tsp_status dealloc(spoon *s, void *pointer, size_t size, size_t align) {
    (void)s, (void)size, (void)align;
    answers(pointer);
    return answer;
}
static void *resize(spoon *s, void *pointer, size_t old_size, size_t new_size, size_t align) {
    (void)s, (void)align;
    if (place != NULL) memmove(place, pointer, old_size < new_size ? old_size : new_size);
    return answers(place);
}
static tsp_report check(spoon *s) {
    (void)s;
    checks++;
    return report;
}
static const family told = {.name = "told", .init = init, .alloc = alloc, .dealloc = dealloc, .resize = resize,
                            .check = check};

static op one;
static trace t = {.name = "told", .ops = &one, .count = 1, .ids = OBJECTS, .largest_align = 64};
static replay r;
static reason why;

static tsp_status does(char kind, uint32_t id, size_t size, uint32_t align, size_t at) {
    one = (op){size, id, 1, align, kind};
    place = at == SIZE_MAX ? NULL : memory + at;
    *why = '\0';
    return replay_verified(&r, &one, 0, why);
}
static void fine(char kind, uint32_t id, size_t size, uint32_t align, size_t at) {
    const tsp_status status = does(kind, id, size, align, at);
    ok(status == TSP_OK && *why == '\0', "nothing wrong", why);
}
static void wrong(const char *expected, char kind, uint32_t id, size_t size, uint32_t align, size_t at) {
    const tsp_status status = does(kind, id, size, align, at);
    ok(status == TSP_CORRUPT && strcmp(why, expected) == 0, expected, why);
}

/* No object's bytes are another's, nor its own some bytes further on. */
static void patterns(void) {
    static unsigned char of[OBJECTS][MOST];
    size_t alike = 0, shifted = 0;
    for (uint32_t id = 0; id < OBJECTS; id++) {
        fine('a', id, MOST, 1, 0);
        memcpy(of[id], memory, MOST);
        for (uint32_t other = 0; other < id; other++) alike += memcmp(of[id], of[other], 6) == 0;
        for (size_t by = 1; by + 16 <= MOST; by++) shifted += memcmp(of[id], of[id] + by, 16) == 0;
    }
    ok(alike == 0, "each object has a pattern of its own", "some are alike");
    ok(shifted == 0, "that tells where its bytes belong", "some do not");
}

static void bytes(void) {
    static const size_t bad[] = {0, 1, 57, 98, 99};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char changed[60];
        snprintf(changed, sizeof changed, "byte %zu of object 3 has changed", bad[i]);
        fine('a', 3, 100, 4, 400);
        memory[400 + bad[i]] ^= 0x10;
        calls = 0;
        wrong(changed, 'f', 3, 0, 0, 0);
        wrong(changed, 'r', 3, 40, 4, 400);
        ok(!replay_survivors_kept(&r, why) && strcmp(why, changed) == 0, changed, why);
        ok(calls == 0, "nothing is asked of a heap that is broken", "a call");
        memory[400 + bad[i]] ^= 0x10;
        *why = '\0';
        ok(replay_survivors_kept(&r, why) && *why == '\0', "the pattern is back", why);
        garbled = 1200 + bad[i]; /* by a resize, that moves it */
        wrong(changed, 'r', 3, 200, 4, 1200);
        fine('a', 3, 100, 4, 400);
        garbled = 400 + bad[i]; /* a smaller object has fewer bytes to lose */
        if (bad[i] < 57) wrong(changed, 'r', 3, 57, 4, 400);
        else fine('r', 3, 57, 4, 400);
    }
    fine('a', 3, 100, 4, 400); /* what is new is filled, what is old is not touched */
    fine('r', 3, 300, 4, 800);
    memory[1099] ^= 1;
    wrong("byte 299 of object 3 has changed", 'f', 3, 0, 0, 0);
    memory[1099] ^= 1;
    memory[1100] ^= 1;
    fine('r', 3, 299, 4, 800);
    memory[1099] ^= 1;
    fine('f', 3, 0, 0, 0);
    ok(replay_survivors_kept(&r, why), "what is freed need not be kept", why);
    fine('a', 399, 8, 4, 0);
    memory[7] ^= 1;
    ok(!replay_survivors_kept(&r, why), "the last object is one too", why);
    memory[7] ^= 1;
    fine('f', 399, 0, 0, 0);
}

static void places(void) {
    fine('a', 5, 8, 8, USABLE - 8);
    fine('a', 5, USABLE, 8, 0);
    fine('a', 5, 0, 8, USABLE + 8); /* nothing may lie anywhere */
    wrong("object 5 is not inside the heap", 'a', 5, 9, 8, USABLE - 8);
    wrong("object 5 is not inside the heap", 'a', 5, 1, 8, USABLE);
    wrong("object 5 is not inside the heap", 'a', 5, USABLE + 1, 8, 0);
    wrong("object 5 is not inside the heap", 'a', 5, 8, 1, (size_t)0 - 8);
    for (uint32_t align = 2; align <= 64; align *= 2) {
        char text[60];
        snprintf(text, sizeof text, "object 5 is not aligned to %u bytes", align);
        fine('a', 5, 8, align, 64 + align);
        wrong(text, 'a', 5, 8, align, 64 + align / 2);
        fine('a', 5, 8, align, 64);
        wrong(text, 'r', 5, 16, align, 64 + align / 2);
        wrong(text, 'a', 5, 0, align, 64 + align / 2);
    }
}

static void answers_of_the_heap(void) {
    fine('a', 6, 16, 8, 64);
    answer = TSP_WRONG_SIZE;
    calls = 0;
    const tsp_status status = does('f', 6, 0, 0, 0);
    ok(status == TSP_CORRUPT && strncmp(why, "the heap refuses it: ", 21) == 0 && strstr(why, tsp_status_text(TSP_WRONG_SIZE)),
       "what it has against it", why);
    ok(calls == 1, "one call", why);
    answer = TSP_OK;
    fine('a', 6, 16, 8, 64);
    ok(does('a', 7, 16, 8, SIZE_MAX) == TSP_NO_MEMORY && *why == '\0', "no room", why);
    ok(does('r', 6, 32, 8, SIZE_MAX) == TSP_NO_MEMORY && *why == '\0', "no room", why);
    fine('r', 6, 24, 8, 64);

    checks = 0;
    report = (tsp_report){.status = TSP_CORRUPT, .what = "a crumb", .at = 17};
    fine('r', 6, 32, 8, 64);
    ok(checks == 0, "not asked to check itself", why);
    *why = '\0';
    ok(replay_verified(&r, &one, 1, why) == TSP_CORRUPT && strcmp(why, "the heap is damaged at byte 17: a crumb") == 0,
       "asked", why);
    ok(!replay_checks(&r, why) && checks == 2, "and once more", why);
    report.status = TSP_OK;
    *why = '\0';
    ok(replay_verified(&r, &one, 1, why) == TSP_OK && *why == '\0' && replay_checks(&r, why), "sound", why);
}

int main(void) {
    replay_open(&r, &t, &told, 1);
    replay_begin(&r, ROOM);
    patterns();
    replay_begin(&r, ROOM);
    bytes();
    places();
    answers_of_the_heap();
    replay_close(&r);
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
