/* LVGL 9's memory over teaspoon. Copy it into your program, and in lv_conf.h:
 *
 *     #define LV_USE_STDLIB_MALLOC LV_STDLIB_CUSTOM
 *
 * The heap is LV_TEASPOON_SIZE bytes (48 KiB), a static array; -DLV_TEASPOON=tsp16m for more than 262,136. Where threads
 * call LVGL, teaspoon's lock is theirs (TSP_LOCK, see teaspoon.h). A bad free is reported to tsp_misuse.
 * SPDX-License-Identifier: BSD-3-Clause */
#include "lvgl.h"
#include "teaspoon.h"

#if LV_USE_STDLIB_MALLOC == LV_STDLIB_CUSTOM

#ifndef LV_TEASPOON_SIZE
#define LV_TEASPOON_SIZE (48 * 1024)
#endif
#ifndef LV_TEASPOON
#define LV_TEASPOON tsp128k
#endif
#define V_(name) LV_TEASPOON_JOIN(LV_TEASPOON, _##name)
#define LV_TEASPOON_JOIN(a, b) LV_TEASPOON_JOIN2(a, b)
#define LV_TEASPOON_JOIN2(a, b) a##b

static LV_TEASPOON heap;

void lv_mem_init(void) {
    static union {
        unsigned char bytes[LV_TEASPOON_SIZE];
        double aligned;
    } memory;
    (void)V_(init)(&heap, memory.bytes, sizeof memory.bytes);
}

void lv_mem_deinit(void) {
    (void)V_(init)(&heap, NULL, 0);
}

lv_mem_pool_t lv_mem_add_pool(void *mem, size_t bytes) { /* a heap is one piece: make LV_TEASPOON_SIZE larger */
    (void)mem, (void)bytes;
    return NULL;
}

void lv_mem_remove_pool(lv_mem_pool_t pool) {
    (void)pool;
}

void *lv_malloc_core(size_t size) {
    return V_(malloc)(&heap, size);
}

void *lv_realloc_core(void *p, size_t new_size) {
    return V_(realloc)(&heap, p, new_size);
}

void lv_free_core(void *p) {
    V_(free)(&heap, p);
}

static int count_hole(void *context, void *start, size_t size, tsp_kind kind) {
    (void)start, (void)size;
    if (kind == TSP_HOLE) ++*(size_t *)context;
    return 0;
}

void lv_mem_monitor_core(lv_mem_monitor_t *mon_p) {
    const tsp_usage usage = V_(usage)(&heap);
    size_t holes = 0;
    (void)V_(walk)(&heap, count_hole, &holes);
    mon_p->total_size = usage.total;
    mon_p->free_cnt = holes;
    mon_p->free_size = usage.free;
    mon_p->free_biggest_size = usage.largest;
    mon_p->used_cnt = usage.objects;
    mon_p->max_used = usage.total - usage.low_free;
    mon_p->used_pct = (uint8_t)(usage.total ? (uint64_t)usage.used * 100 / usage.total : 0);
    mon_p->frag_pct = (uint8_t)(usage.free ? 100 - (uint64_t)usage.largest * 100 / usage.free : 0);
}

lv_result_t lv_mem_test_core(void) {
    return V_(check)(&heap).status == TSP_OK ? LV_RESULT_OK : LV_RESULT_INVALID;
}

#endif
