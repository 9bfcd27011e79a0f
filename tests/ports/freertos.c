/* heap_teaspoon.c under tasks and a tick that are all in the heap, over a scheduler of our own (freertos/), or over the
 * real kernel where run.sh is told of one. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "FreeRTOS.h"
#include "task.h"
#include "teaspoon.h"

void *pvPortMallocFromISR(size_t xWantedSize);
BaseType_t vPortFreeFromISR(void *pv);

#define CHECK(condition) check(!!(condition), #condition, __LINE__)

static void check(int holds, const char *condition, int line) {
    if (holds) return;
    printf("freertos.c:%d: %s\n", line, condition);
    exit(1);
}

static volatile unsigned hooked;
static tsp_status refused;

void vApplicationMallocFailedHook(void) {
    ++hooked;
}

void tsp_misuse(const void *heap, const void *pointer, tsp_status status) {
    (void)heap, (void)pointer;
    refused = status;
}

/* -- The functions of portable.h, before the scheduler runs -- */

static int is_aligned(const void *p) {
    return p && (uintptr_t)p % portBYTE_ALIGNMENT == 0;
}

static void one_heap(void) {
    HeapStats_t stats, after;
    const size_t all = xPortGetFreeHeapSize();
    char *a = pvPortMalloc(1), *b = pvPortMalloc(3), *c = pvPortCalloc(10, 10);
    CHECK(all > configTOTAL_HEAP_SIZE * 96 / 100 && all < configTOTAL_HEAP_SIZE);
    CHECK(is_aligned(a) && is_aligned(b) && is_aligned(c));
    for (int i = 0; i < 100; i++) CHECK(c[i] == 0);
    CHECK(pvPortMalloc(0) == NULL && hooked == 1);
    CHECK(pvPortMalloc(all) == NULL && pvPortCalloc((size_t)-1 / 2, 3) == NULL && hooked == 2);
    vPortFree(b);
    vPortGetHeapStats(&stats);
    CHECK(stats.xAvailableHeapSpaceInBytes == xPortGetFreeHeapSize());
    CHECK(stats.xNumberOfSuccessfulAllocations == 3 && stats.xNumberOfSuccessfulFrees == 1);
    CHECK(stats.xNumberOfFreeBlocks >= 1 && stats.xSizeOfSmallestFreeBlockInBytes > 0);
    CHECK(stats.xSizeOfLargestFreeBlockInBytes <= stats.xAvailableHeapSpaceInBytes);
    CHECK(xPortGetMinimumEverFreeHeapSize() < xPortGetFreeHeapSize());
    xPortResetHeapMinimumEverFreeHeapSize();
    CHECK(xPortGetMinimumEverFreeHeapSize() == xPortGetFreeHeapSize());
    vPortFree(a);
    vPortFree(NULL);
    CHECK(refused == TSP_OK);
    vPortFree(a);
    CHECK(refused == TSP_ALREADY_FREE);
    refused = TSP_OK;
    vPortFree(&stats);
    CHECK(refused == TSP_FOREIGN);
    memset(c, 1, 100);
    vPortFree(c);
    CHECK(c[50] == 0); /* configHEAP_CLEAR_MEMORY_ON_FREE */
    vPortGetHeapStats(&after);
    CHECK(after.xNumberOfFreeBlocks == 1 && after.xAvailableHeapSpaceInBytes == all);
    CHECK(after.xNumberOfSuccessfulAllocations == after.xNumberOfSuccessfulFrees);
}

static void several_regions(void) {
    static uint8_t low[1001], high[3000];
    const HeapRegion_t where[] = {{low + 1, 1000}, {high, 3000}, {NULL, 0}};
    HeapStats_t stats;
    void *large, *small;
    vPortHeapResetState();
    vPortDefineHeapRegions(where);
    CHECK(xPortGetFreeHeapSize() > 3700);
    large = pvPortMalloc(2000);
    small = pvPortMalloc(700);
    CHECK((uint8_t *)large >= high && (uint8_t *)large < high + 3000);
    CHECK((uint8_t *)small >= low && (uint8_t *)small < low + 1001);
    CHECK(pvPortMalloc(2000) == NULL);
    vPortGetHeapStats(&stats);
    CHECK(stats.xNumberOfFreeBlocks == 2 && stats.xNumberOfSuccessfulAllocations == 2);
    vPortFree(large);
    vPortFree(small);
    vPortInitialiseBlocks();
    vPortHeapResetState(); /* ucHeap again */
    CHECK(xPortGetFreeHeapSize() > configTOTAL_HEAP_SIZE * 96 / 100);
}

/* -- Tasks and the tick -- */

enum { TASKS = 3, ROUNDS = 4000, PERIODS = 500, KEPT = 8 };

static volatile unsigned done, periods, given;

typedef struct pocket {
    unsigned char *object[KEPT], size[KEPT];
    unsigned seed;
} pocket;

static unsigned roll(pocket *p) {
    return p->seed = p->seed * 1103515245u + 12345u, p->seed >> 16;
}

/* Keeps or gives back one object, filled with what tells it from others. */
static void turn(pocket *p, unsigned char fill, int in_handler) {
    const unsigned i = roll(p) % KEPT;
    if (p->object[i]) {
        for (unsigned k = 0; k < p->size[i]; k++) CHECK(p->object[i][k] == fill);
        if (in_handler) {
            if (vPortFreeFromISR(p->object[i]) != pdPASS) return;
            given = given + 1;
        } else {
            vPortFree(p->object[i]);
        }
        p->object[i] = NULL;
        return;
    }
    p->size[i] = (unsigned char)(1 + roll(p) % 200);
    p->object[i] = in_handler ? pvPortMallocFromISR(p->size[i]) : pvPortMalloc(p->size[i]);
    if (p->object[i]) memset(p->object[i], fill, p->size[i]);
}

void vApplicationTickHook(void) {
    static pocket handler = {.seed = 99};
    turn(&handler, 0x77, 1);
    periods = periods + 1;
}

static void task(void *parameter) {
    static pocket pockets[TASKS];
    const unsigned me = (unsigned)(uintptr_t)parameter;
    pocket *p = &pockets[me];
    p->seed = me;
    for (int round = 0; round < ROUNDS || periods < PERIODS; round++) turn(p, (unsigned char)(me + 1), 0);
    for (int i = 0; i < KEPT; i++) vPortFree(p->object[i]);
    vTaskSuspendAll();
    done = done + 1;
    (void)xTaskResumeAll();
    if (me) for (;;) vTaskDelay(1000);
    while (done < TASKS) vTaskDelay(1);
    CHECK(refused == TSP_OK && given > PERIODS / 10);
    printf("%u periods, %u objects given back by the handler\n", periods, given);
    fflush(stdout);
    _Exit(0);
}

int main(void) {
    one_heap();
    several_regions();
    refused = TSP_OK;
    for (uintptr_t i = 0; i < TASKS; i++) CHECK(xTaskCreate(task, "task", 1024, (void *)i, 1, NULL) == pdPASS);
    vTaskStartScheduler();
    return 1;
}
