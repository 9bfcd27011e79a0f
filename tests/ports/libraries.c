/* lvgl_mem.c and tsp_lwip.h, called as LVGL and lwIP call them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lvgl.h"
#include "tsp_lwip.h"

#define CHECK(condition) check(!!(condition), #condition, __LINE__)

static void check(int holds, const char *condition, int line) {
    if (holds) return;
    printf("libraries.c:%d: %s\n", line, condition);
    exit(1);
}

tsp128k tsp_lwip;

static void lvgl(void) {
    lv_mem_monitor_t m;
    void *a, *b, *c;
    lv_mem_init();
    a = lv_malloc_core(1000);
    b = lv_malloc_core(2000);
    c = lv_malloc_core(1000);
    CHECK(a && b && c);
    memset(b, 7, 2000);
    b = lv_realloc_core(b, 4000);
    CHECK(b && ((char *)b)[1999] == 7);
    lv_free_core(a);
    lv_mem_monitor_core(&m);
    CHECK(m.total_size > 46000 && m.free_size == m.total_size - 5000 && m.used_cnt == 2);
    CHECK(m.free_cnt >= 2 && m.free_biggest_size < m.free_size && m.frag_pct > 0 && m.used_pct == 10);
    CHECK(m.max_used >= 6000 && m.max_used < 9000);
    CHECK(lv_malloc_core(50000) == NULL && lv_mem_add_pool(&m, sizeof m) == NULL);
    CHECK(lv_mem_test_core() == LV_RESULT_OK);
    memset(a, 0xff, 1000); /* it is free */
    CHECK(lv_mem_test_core() == LV_RESULT_INVALID);
    lv_mem_deinit();
    CHECK(lv_malloc_core(1) == NULL);
}

/* As mem.c of lwIP 2.2 has it, or of 2.1. */
#ifdef TSP_LWIP_2_1
#define MEM_CUSTOM_ALLOCATOR MEM_LIBC_MALLOC
#define MEM_CUSTOM_MALLOC mem_clib_malloc
#define MEM_CUSTOM_CALLOC mem_clib_calloc
#define MEM_CUSTOM_FREE mem_clib_free
#elif defined MEM_LIBC_MALLOC
#error "2.2 would take the C library's malloc"
#endif

static void lwip(void) {
    static unsigned char bytes[2000];
    void *a, *b;
    CHECK(MEM_CUSTOM_ALLOCATOR);
    CHECK(tsp128k_init(&tsp_lwip, bytes, sizeof bytes) > 1900);
    a = MEM_CUSTOM_MALLOC((size_t)100);
    b = MEM_CUSTOM_CALLOC((size_t)1, (size_t)100);
    CHECK(a && b && ((char *)b)[99] == 0 && tsp128k_usage(&tsp_lwip).objects == 2);
    MEM_CUSTOM_FREE(a);
    MEM_CUSTOM_FREE(b);
    CHECK(MEM_CUSTOM_MALLOC((size_t)2000) == NULL && tsp128k_usage(&tsp_lwip).objects == 0);
}

int main(void) {
    lvgl();
    lwip();
    return 0;
}
