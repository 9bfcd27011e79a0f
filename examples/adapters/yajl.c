/* YAJL in a heap of 8 KiB: a message is made. */
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <yajl/yajl_gen.h>

#include "tsp_yajl.h"

static jmp_buf out;

static void give_up(size_t size) {
    printf("no memory for %zu bytes\n", size);
    longjmp(out, 1);
}

TSP_YAJL(tsp128k, give_up);

static void text(yajl_gen gen, const char *word) {
    yajl_gen_string(gen, (const unsigned char *)word, strlen(word));
}

static tsp128k spoon;
static unsigned char bytes[8 * 1024];

static int make(void) {
    yajl_alloc_funcs functions = tsp128k_yajl(&spoon);
    const unsigned char *json;
    size_t size;
    if (setjmp(out)) {
        tsp128k_reset(&spoon);
        return 1;
    }
    yajl_gen gen = yajl_gen_alloc(&functions);
    yajl_gen_map_open(gen);
    text(gen, "device");
    text(gen, "kitchen-scale");
    text(gen, "grams");
    yajl_gen_array_open(gen);
    for (int i = 0; i < 12; i++) yajl_gen_integer(gen, i * i * i);
    yajl_gen_array_close(gen);
    yajl_gen_map_close(gen);
    yajl_gen_get_buf(gen, &json, &size);
    printf("%s\n", (const char *)json);
    yajl_gen_free(gen);
    return 0;
}

int main(void) {
    tsp128k_init(&spoon, bytes, sizeof bytes);
    int failed = make();

    tsp_usage usage = tsp128k_usage(&spoon);
    printf("heap: at most %zu of %zu bytes in use, %zu now\n", usage.total - usage.low_free, usage.total, usage.used);
    return failed;
}
