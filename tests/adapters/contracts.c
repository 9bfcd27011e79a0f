/* What libraries ask of their hooks and hardly ever put to use: alignment where the heap has only less at hand, products
 * that are too large, sizes to the byte, no NULL where there must be none. Each adapter's functions are called as its
 * library might. SPDX-License-Identifier: BSD-3-Clause */
#define _POSIX_C_SOURCE 200809L

#include "../test.h"

#include <sys/wait.h>
#include <unistd.h>

#include "teaspoon.h"

/* A heap of which the first object is so small that what comes next is aligned to no more than that. */
static _Alignas(16) unsigned char bytes[4096];
static tsp128k spoon;

static tsp128k *uneven(size_t (*init)(tsp128k *, void *, size_t)) {
    memset(bytes, 0xff, sizeof bytes); /* nothing is 0 that nobody made so */
    init(&spoon, bytes, sizeof bytes);
    CHECK((uintptr_t)tsp128k_alloc(&spoon, 4, 4) % 8 == 0);
    return &spoon;
}

static int aligned(const void *object) {
    return object != NULL && (uintptr_t)object % 8 == 0;
}

#include "tsp_lua.h"
TSP_LUA(tsp128k);

TEST(lua) {
    tsp128k *h = uneven(tsp128k_init_sized);
    void *p = tsp128k_lua(h, NULL, 4, 20), *q; /* 4: the kind of object that it will be */
    CHECK(aligned(p));
    CHECK(tsp128k_alloc(h, 4, 4) && tsp128k_alloc(h, 4, 4)); /* before it and behind it */
    CHECK(aligned(q = tsp128k_lua(h, p, 20, 100)));
    CHECK((p = tsp128k_lua(h, NULL, 4, 1)) != NULL && tsp128k_lua(h, p, 1, 0) == NULL);
    CHECK(tsp128k_lua(h, q, 100, 0) == NULL && tsp128k_lua(h, NULL, 0, 0) == NULL);
    CHECK(tsp128k_usage(h).objects == 3 && tsp128k_usage(h).used == 12);
}
#include "tsp_duktape.h"
TSP_DUKTAPE(tsp128k);

TEST(duktape) {
    tsp128k *h = uneven(tsp128k_init);
    void *p = tsp128k_duk_alloc(h, 20), *q;
    CHECK(aligned(p));
    CHECK(tsp128k_alloc(h, 4, 4) && tsp128k_alloc(h, 4, 4)); /* before it and behind it */
    CHECK(aligned(q = tsp128k_duk_realloc(h, p, 100)));
    tsp128k_duk_free(h, q);
    tsp128k_duk_free(h, NULL);
    CHECK(tsp128k_usage(h).objects == 3 && tsp128k_usage(h).used == 12);
}
#include "tsp_mujs.h"
TSP_MUJS(tsp128k);

TEST(mujs) {
    tsp128k *h = uneven(tsp128k_init);
    void *p = tsp128k_mujs(h, NULL, 1);
    CHECK(p != NULL && tsp128k_usage(h).objects == 2);
    CHECK((p = tsp128k_mujs(h, p, 100)) != NULL && (p = tsp128k_mujs(h, p, 1)) != NULL);
    CHECK(tsp128k_mujs(h, p, 0) == NULL && tsp128k_mujs(h, NULL, 0) == NULL);
    CHECK(tsp128k_usage(h).objects == 1);
}
#include "tsp_hooks.h"
static tsp128k *cellar(void) {
    return &spoon;
}
TSP_HOOKS(tsp128k, cellar);

TEST(hooks) {
    static char long_text[sizeof bytes];
    char *p, *copy;
    memset(long_text, 'x', sizeof long_text - 1);
    uneven(tsp128k_init);
    CHECK(cellar_strdup(long_text) == NULL);
    p = cellar_malloc(3000);
    CHECK(p && cellar_usable_size(p) >= 3000);
    cellar_free(p);
    CHECK((copy = cellar_strdup("123456789012345")) != NULL && strcmp(copy, "123456789012345") == 0);
    CHECK(cellar_usable_size(copy) == 16);
    CHECK((p = cellar_calloc(10, 30)) != NULL && is_filled_with(p, 300, 0));
    CHECK((p = cellar_realloc(p, 600)) != NULL && is_filled_with(p, 300, 0));
    cellar_free(p);
    cellar_free(copy);
    CHECK(tsp128k_usage(&spoon).objects == 1);
}

#if __has_include(<zlib.h>)
#include "tsp_zlib.h"
TSP_ZLIB(tsp128k);

TEST(zlib) {
    tsp128k *h = uneven(tsp128k_init);
    void *p = tsp128k_zalloc(h, 10, 30);
    CHECK(p != NULL && tsp128k_usable_size(h, p) >= 300);
    CHECK(tsp128k_zalloc(h, 0x10000001, 16) == NULL); /* modulo 2^32 it would be 16 */
    tsp128k_zfree(h, p);
    CHECK(tsp128k_usage(h).objects == 1);
}
#endif

#if __has_include(<sqlite3.h>)
#include "tsp_sqlite.h"
static tsp128k *kitchen(void) {
    return &spoon;
}
TSP_SQLITE(tsp128k, kitchen);

TEST(sqlite) {
    uneven(tsp128k_init);
    for (int size = 1; size < 200; size++) {
        void *p = kitchen_sqlite.xMalloc(size), *q;
        const int rounded = kitchen_sqlite.xRoundup(size);
        CHECK(aligned(p) && rounded >= size && rounded % TSP_ROUND == 0 && rounded < size + TSP_ROUND);
        CHECK(kitchen_sqlite.xSize(p) >= size && kitchen_sqlite.xSize(p) <= rounded);
        if (size >= TSP_ROUND) CHECK(kitchen_sqlite.xSize(p) == rounded);
        fill(p, 0, (size_t)size, 1);
        q = kitchen_sqlite.xRealloc(p, 2 * size);
        CHECK(aligned(q) && kitchen_sqlite.xSize(q) >= 2 * size);
        CHECK(q && keeps(q, (size_t)size, 1));
        kitchen_sqlite.xFree(q);
    }
    CHECK(tsp128k_usage(&spoon).objects == 1);
}
#endif

#if __has_include(<gmp.h>)
#include "tsp_gmp.h"
static tsp128k *pantry(void) {
    return &spoon;
}
static void give_up(size_t size) {
    if (size == 100000) _exit(42); /* it need not return */
}
TSP_GMP(tsp128k, pantry, give_up);

static int status_without_memory(size_t size) {
    int status = 0;
    pid_t id = fork();
    if (id == 0) {
        void *p = pantry_gmp_malloc(size);
        _exit(p ? 1 : 2);
    }
    CHECK(waitpid(id, &status, 0) == id);
    return status;
}

TEST(gmp) {
    int status;
    void *p, *q;
    pantry_gmp();
    uneven(tsp128k_init_sized);
    CHECK(aligned(p = pantry_gmp_malloc(17)));
    CHECK(tsp128k_alloc(&spoon, 4, 4) && tsp128k_alloc(&spoon, 4, 4));
    CHECK(aligned(q = pantry_gmp_realloc(p, 17, 97)));
    pantry_gmp_free(q, 97);
    CHECK(tsp128k_usage(&spoon).objects == 3 && tsp128k_usage(&spoon).used == 12);
    status = status_without_memory(100000);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 42); /* it is told what was asked for */
    status = status_without_memory(200000);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT); /* if it does, GMP still gets no NULL */
}
#endif

#if __has_include(<yajl/yajl_common.h>)
#include "tsp_yajl.h"
static size_t given_up;
static void note(size_t size) { /* and return, which one for YAJL must not */
    given_up = size;
}
TSP_YAJL(tsp128k, note);

TEST(yajl) {
    yajl_alloc_funcs functions = tsp128k_yajl(uneven(tsp128k_init));
    void *p = functions.malloc(functions.ctx, 30);
    CHECK(p && (p = functions.realloc(functions.ctx, p, 300)) != NULL && given_up == 0);
    CHECK(functions.malloc(functions.ctx, 10000) == NULL && given_up == 10000);
    CHECK(functions.realloc(functions.ctx, p, 20000) == NULL && given_up == 20000);
    functions.free(functions.ctx, p);
    CHECK(tsp128k_usage(&spoon).objects == 1);
}
#endif
