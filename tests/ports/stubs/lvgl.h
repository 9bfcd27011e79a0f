/* Stand-in of our own for what lvgl_mem.c uses of LVGL 9. */
#ifndef LVGL_H
#define LVGL_H
#include <stddef.h>
#include <stdint.h>

#define LV_STDLIB_CUSTOM 255
#define LV_USE_STDLIB_MALLOC LV_STDLIB_CUSTOM

typedef void *lv_mem_pool_t;
typedef enum { LV_RESULT_INVALID, LV_RESULT_OK } lv_result_t;
typedef struct {
    size_t total_size, free_cnt, free_size, free_biggest_size, used_cnt, max_used;
    uint8_t used_pct, frag_pct;
} lv_mem_monitor_t;

void lv_mem_init(void);
void lv_mem_deinit(void);
lv_mem_pool_t lv_mem_add_pool(void *mem, size_t bytes);
void lv_mem_remove_pool(lv_mem_pool_t pool);
void *lv_malloc_core(size_t size);
void *lv_realloc_core(void *p, size_t new_size);
void lv_free_core(void *p);
void lv_mem_monitor_core(lv_mem_monitor_t *mon_p);
lv_result_t lv_mem_test_core(void);

#endif
