/* Requests that are made to fail, in a heap that is a good one but for one thing: what is noticed, and where. Ends in
 * "N passed, N failed". SPDX-License-Identifier: BSD-3-Clause */
#define _POSIX_C_SOURCE 200809L

#include "replay.h"
#include "say.h"
#include "unit.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What is wrong with the heap, and from which call on. */
static const char *wrong = "";
static unsigned from, walks, checks, freed;
static const family *good;

static int is(const char *name, unsigned call) {
    return strcmp(wrong, name) == 0 && call >= from;
}

/* -- The heap's places, told with a difference ------------------------------------------------------------------------ */

typedef struct tale {
    tsp_visitor *visitor;
    void *context;
    unsigned number, call;
} tale;

static int tell(void *context, void *start, size_t size, tsp_kind kind) {
    tale *t = context;
    unsigned char *at = start;
    t->number++;
    if (is("a hole fewer", t->call) && t->number == 2) return 0;
    if (is("one more", t->call) && t->number == 2) t->visitor(t->context, at, 8, TSP_HOLE);
    if (is("another place", t->call) && t->number == 2) at += 8;
    if (is("another size", t->call) && t->number == 2) size += 8;
    if (is("another last size", t->call) && t->number == 4) size += 8;
    if (is("place and size", t->call)) at += 8, size -= 8;
    if (is("another kind", t->call) && t->number == 2) kind = kind == TSP_HOLE ? TSP_LIVE : TSP_HOLE;
    return t->visitor(t->context, at, size, kind);
}
static int walk(spoon *s, tsp_visitor *visitor, void *context) {
    tale t = {visitor, context, 0, ++walks};
    return good->walk(s, tell, &t);
}

static tsp_report check(spoon *s) {
    tsp_report r = good->check(s);
    if (is("damage", ++checks)) r = (tsp_report){.status = TSP_CORRUPT, .at = 8, .what = "a crumb"};
    return r;
}

static tsp_usage usage(spoon *s) {
    tsp_usage u = good->usage(s);
    if (is("bytes in use", freed)) u.used = 8;
    if (is("an object in use", freed)) u.objects = 1;
    if (is("two holes", freed)) u.largest -= 8;
    return u;
}

static unsigned char *first_object, *third_object;
static tsp_status dealloc(spoon *s, void *pointer, size_t size, size_t align) {
    if (++freed == from && strcmp(wrong, "a byte changed") == 0) first_object[3] ^= 1;
    if (freed == from && strcmp(wrong, "one of another's") == 0) third_object[7] ^= 1;
    if (is("no free", freed)) return TSP_FOREIGN;
    return good->dealloc(s, pointer, size, align);
}
static void *alloc(spoon *s, size_t size, size_t align) {
    void *p = good->alloc(s, size, align);
    if (size == 100) first_object = p;
    if (size == 24) third_object = p;
    return p;
}

static size_t largest(spoon *s, size_t align) {
    return is("largest of nothing", 0) ? 0 : good->largest(s, align);
}

/* -- Replays ---------------------------------------------------------------------------------------------------------- */

static op ops[] = {{100, 0, 1, 4, 'a'}, {40, 1, 2, 4, 'a'}, {24, 2, 3, 4, 'a'}, {60, 3, 4, 4, 'a'}, {0, 1, 5, 0, 'f'},
                   {0, 3, 6, 0, 'f'},   {32, 4, 7, 4, 'a'}, {24, 2, 8, 4, 'r'}, {64, 2, 9, 4, 'r'}, {4, 5, 10, 4, 'a'}};
static trace t = {.name = "lunch", .ops = ops, .count = sizeof ops / sizeof *ops, .ids = 6, .largest_align = 4};
static char said[2000];

static int replays(const char *fault, unsigned call, size_t first, size_t step, int check_all) {
    family f = *good;
    replay r;
    int code, before = dup(STDERR_FILENO);
    FILE *file = freopen("fail.err", "w+", stderr);
    f.walk = walk;
    f.check = check;
    f.usage = usage;
    f.dealloc = dealloc;
    f.alloc = alloc;
    f.largest = largest;
    wrong = fault;
    from = call;
    walks = checks = freed = 0;
    replay_open(&r, &t, &f, 1);
    code = replay_failing(&r, 600, first, step, check_all);
    replay_close(&r);
    fflush(stderr);
    if (file) rewind(file);
    said[file ? fread(said, 1, sizeof said - 1, file) : 0] = '\0';
    dup2(before, STDERR_FILENO);
    close(before);
    return code;
}

static void noticed(const char *fault, unsigned call, const char *message) {
    const int code = replays(fault, call, 5, 0, 0);
    ok(code == BROKEN_HEAP, fault, said);
    ok(strncmp(said, "teaspoon: lunch: line ", 22) == 0 && strstr(said, message) != NULL, message, said);
    ok(strstr(said, "\nteaspoon: lunch: request 5 had been made to fail\n") != NULL, "which request", said);
}

int main(void) {
    static const char *const places[] = {"a hole fewer", "one more", "another place", "another size", "another last size",
                                         "place and size", "another kind"};
    unsigned all, some;
    good = family_named("4k");
    ok(replays("", 0, 5, 0, 0) == DONE && *said == '\0', "a good heap", said);
    ok(replays("", 0, 1, 1, 0) == DONE && *said == '\0', "each request", said);
    some = checks;
    ok(replays("", 0, 1, 1, 1) == DONE && *said == '\0', "each request, checked", said);
    all = checks;
    ok(some == 15 && all > 30, "checked at its failure and at the end, or always", said);
    ok(replays("", 0, 8, 0, 0) == BAD_INPUT && strcmp(said, "teaspoon: lunch: it makes only 7 requests\n") == 0, "of 7", said);

    for (size_t i = 0; i < sizeof places / sizeof *places; i++) /* the first walk is before, the second after */
        noticed(places[i], 2, "line 7 (operation 7 of 10): object 4, 32 bytes aligned to 4: after it failed, and what filled the "
                              "heap was freed, the heap is another");
    noticed("largest of nothing", 0, "line 7 (operation 7 of 10): object 4, 32 bytes aligned to 4: what largest promises cannot be had");
    noticed("damage", 1, "line 7 (operation 7 of 10): object 4, 32 bytes aligned to 4: the heap is damaged at byte 8: a crumb");
    noticed("damage", 2, "line 8 (operation 8 of 10): object 2, resized from 24 to 24 bytes aligned to 4: the heap is damaged");
    noticed("damage", 3, "line 10 (operation 10 of 10): object 5, 4 bytes aligned to 4: the heap is damaged at byte 8: a crumb");
    noticed("no free", 3, "what filled the heap cannot be freed");
    replays("", 0, 5, 0, 0); /* all that is freed: two objects, what fills the heap, and three objects at the end */
    all = freed;
    noticed("no free", all - 2, "line 10 (operation 10 of 10): object 5, 4 bytes aligned to 4: at the end, object 0 cannot be freed");
    noticed("no free", all, "at the end, object 5 cannot be freed");
    noticed("a byte changed", all - 3, "line 10 (operation 10 of 10): object 5, 4 bytes aligned to 4: byte 3 of object 0 has changed");
    noticed("one of another's", 3, "line 8 (operation 8 of 10): object 2, resized from 24 to 24 bytes aligned to 4: byte 7 of object 2");
    noticed("bytes in use", all, "at the end everything is freed, but 8 bytes are in use");
    noticed("an object in use", all, "at the end everything is freed, but 0 bytes are in use");
    noticed("two holes", all, "at the end everything is freed, but 0 bytes are in use");
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
