/* MuJS in a heap of 192 KiB. */
#include <stdio.h>

#include <mujs.h>

#include "tsp_mujs.h"

TSP_MUJS(tsp128k);

static const char script[] =
    "var sieve = [], primes = [];\n"
    "for (var i = 2; i < 200; i++) {\n"
    "  if (!sieve[i]) { primes.push(i); for (var j = i * i; j < 200; j += i) sieve[j] = true; }\n"
    "}\n"
    "var text = JSON.stringify({ primes: primes.slice(-5), sum: primes.reduce(function (a, b) {\n"
    "  return a + b; }, 0), words: 'a teaspoon of memory'.split(/\\s+/).sort() });\n"
    "print(text + ' ' + JSON.parse(text).words.length);\n";

static void print(js_State *J) {
    puts(js_tostring(J, 1));
    js_pushundefined(J);
}

static int work(js_State *J) {
    if (js_try(J)) {
        puts(js_trystring(J, -1, "out of memory"));
        js_pop(J, 1);
        return 1;
    }
    js_newcfunction(J, print, "print", 1);
    js_setglobal(J, "print");
    js_loadstring(J, "script", script);
    js_pushundefined(J);
    js_call(J, 0);
    js_pop(J, 1);
    js_endtry(J);
    return 0;
}

int main(void) {
    static unsigned char bytes[192 * 1024];
    static tsp128k spoon;
    tsp128k_init(&spoon, bytes, sizeof bytes);

    js_State *J = js_newstate(tsp128k_mujs, &spoon, 0);
    int failed = J == NULL || work(J);
    if (J == NULL) puts("no state: out of memory");
    js_freestate(J);

    tsp_usage usage = tsp128k_usage(&spoon);
    printf("heap: at most %zu of %zu bytes in use, %zu now\n", usage.total - usage.low_free, usage.total, usage.used);
    if (failed) tsp128k_reset(&spoon); /* out of memory, MuJS 1.3.2 leaves objects behind, so the heap is emptied */
    return failed;
}
