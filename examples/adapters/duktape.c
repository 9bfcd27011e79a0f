/* Duktape in a heap of 144 KiB. */
#include <stdio.h>
#include <stdlib.h>

#include <duktape.h>

#include "tsp_duktape.h"

TSP_DUKTAPE(tsp128k);

static const char script[] =
    "var sieve = [], primes = [];\n"
    "for (var i = 2; i < 200; i++) {\n"
    "  if (!sieve[i]) { primes.push(i); for (var j = i * i; j < 200; j += i) sieve[j] = true; }\n"
    "}\n"
    "var text = JSON.stringify({ primes: primes.slice(-5), sum: primes.reduce(function (a, b) {\n"
    "  return a + b; }, 0), words: 'a teaspoon of memory'.split(/\\s+/).sort() });\n"
    "text + ' ' + JSON.parse(text).words.length;\n";

enum { ROOM = 110 * 1024 }; /* duk_create_heap does not survive in less */

static void fatal(void *context, const char *message) {
    (void)context;
    printf("fatal: %s\n", message);
    abort();
}

/* Whatever may need memory runs inside a protected call, and that is nearly everything: showing an error, too. */
static duk_ret_t work(duk_context *ctx, void *context) {
    (void)context;
    duk_eval_string(ctx, script);
    puts(duk_safe_to_string(ctx, -1));
    return 0;
}

static duk_ret_t show(duk_context *ctx, void *context) {
    (void)context;
    puts(duk_safe_to_string(ctx, -1));
    return 0;
}

int main(void) {
    static unsigned char bytes[144 * 1024];
    static tsp128k spoon;
    tsp128k_init(&spoon, bytes, sizeof bytes);

    duk_context *ctx = NULL;
    if (tsp128k_largest(&spoon, 8) >= ROOM) {
        ctx = duk_create_heap(tsp128k_duk_alloc, tsp128k_duk_realloc, tsp128k_duk_free, &spoon, fatal);
    }
    int failed = 1;
    if (ctx) {
        failed = duk_safe_call(ctx, work, NULL, 0, 1) != DUK_EXEC_SUCCESS;
        if (failed && duk_safe_call(ctx, show, NULL, 1, 1) != DUK_EXEC_SUCCESS) puts("alloc failed, even to say so");
        duk_destroy_heap(ctx);
    } else {
        puts("no heap: alloc failed");
    }

    tsp_usage usage = tsp128k_usage(&spoon);
    printf("heap: at most %zu of %zu bytes in use, %zu now\n", usage.total - usage.low_free, usage.total, usage.used);
    return failed;
}
