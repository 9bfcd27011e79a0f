/* FreeRTOS's heap over teaspoon, in place of heap_4.c or heap_5.c (FreeRTOS 10.4 and 11).
 *
 * Copy this file into your program and give its path to the kernel's CMake as FREERTOS_HEAP, or compile it instead of
 * heap_4.c. Compile it, teaspoon and all that uses teaspoon with -DTSP_LOCK=2, with teaspoon.h on the include path.
 * The heap is configTOTAL_HEAP_SIZE bytes, made by the first call (in ucHeap of yours with
 * configAPPLICATION_ALLOCATED_HEAP), or what vPortDefineHeapRegions is told, as for heap_5.c, in any order.
 * -DheapTEASPOON=tsp16m for regions of more than 262,136 bytes; its index bounds the time of a call.
 *
 * The scheduler is suspended while a call works, as in heap_4.c, and interrupts stay enabled; other heaps of teaspoon
 * are locked so too. Handlers may call pvPortMallocFromISR and vPortFreeFromISR (and any V_try_ function, which tasks
 * must not), once the heap has been made, and on one core: these give up while a task is in the heap (NULL; pdFAIL).
 * A bad free is reported to tsp_misuse. SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#define MPU_WRAPPERS_INCLUDED_FROM_API_FILE
#include "FreeRTOS.h"
#include "task.h"
#undef MPU_WRAPPERS_INCLUDED_FROM_API_FILE

#include "teaspoon.h"

#if configSUPPORT_DYNAMIC_ALLOCATION == 0
#error "heap_teaspoon.c is of no use where configSUPPORT_DYNAMIC_ALLOCATION is 0"
#endif
#if TSP_LOCK != TSP_LOCK_HOOKS
#error "compile teaspoon and all that uses it with -DTSP_LOCK=2, since the lock is the scheduler's"
#endif

#ifndef heapTEASPOON
#define heapTEASPOON tsp128k
#endif
typedef char heap_is_too_large_for_heapTEASPOON
    [sizeof(heapTEASPOON) >= sizeof(tsp16m) || (configTOTAL_HEAP_SIZE) <= 270000 ? 1 : -1];

#define V_(name) HEAP_JOIN(heapTEASPOON, _##name)
#define HEAP_JOIN(a, b) HEAP_JOIN2(a, b)
#define HEAP_JOIN2(a, b) a##b

/* A region's handle is in its first bytes. */
typedef struct region {
    heapTEASPOON heap;
    struct region *next;
} region;

#if configAPPLICATION_ALLOCATED_HEAP == 1
extern uint8_t ucHeap[configTOTAL_HEAP_SIZE];
#else
PRIVILEGED_DATA static uint8_t ucHeap[configTOTAL_HEAP_SIZE];
#endif

PRIVILEGED_DATA static region *regions;
PRIVILEGED_DATA static size_t frees;

/* -- The lock ------------------------------------------------------------------------------------------------------ */

static volatile unsigned holders; /* sections of tasks, which nest; written with the scheduler suspended */

unsigned long tsp_lock(const void *heap) {
    (void)heap;
    vTaskSuspendAll();
    holders = holders + 1;
    return 0;
}

int tsp_try_lock(const void *heap, unsigned long *state) { /* in a handler: tasks do not run, other handlers may */
    (void)heap;
#if defined(configNUMBER_OF_CORES) && configNUMBER_OF_CORES > 1
    (void)state;
    return 0;
#else
    if (holders) return 0;
    *state = (unsigned long)taskENTER_CRITICAL_FROM_ISR() + 1; /* so that it is not 0, which is a task's */
    return 1;
#endif
}

void tsp_unlock(const void *heap, unsigned long state) {
    (void)heap;
    if (state) {
        taskEXIT_CRITICAL_FROM_ISR((UBaseType_t)(state - 1));
        return;
    }
    holders = holders - 1;
    (void)xTaskResumeAll();
}

/* -- Regions ------------------------------------------------------------------------------------------------------- */

/* Behind those that are there, unless it is too small for one object. */
static void add_region(uint8_t *start, size_t size) {
    region **end = &regions, *r;
    const size_t lost = (size_t)(0 - (portPOINTER_SIZE_TYPE)start) % sizeof(void *);
    if (start == NULL || size < lost + sizeof(region)) return;
    r = (region *)(void *)(start + lost);
    while (*end) end = &(*end)->next;
    memset(r, 0, sizeof *r);
    if (V_(init)(&r->heap, r + 1, size - lost - sizeof *r)) *end = r;
}

static region *first_region(void) {
    if (regions == NULL) {
        const unsigned long state = tsp_lock(NULL);
        if (regions == NULL) add_region(ucHeap, sizeof ucHeap);
        tsp_unlock(NULL, state);
    }
    return regions;
}

static region *region_of(const void *object) {
    region *r = regions;
    while (r && !V_(contains)(&r->heap, object)) r = r->next;
    return r;
}

void vPortDefineHeapRegions(const HeapRegion_t *const pxHeapRegions) {
    const HeapRegion_t *r;
    configASSERT(regions == NULL);
    for (r = pxHeapRegions; r->xSizeInBytes; ++r) add_region(r->pucStartAddress, r->xSizeInBytes);
    configASSERT(regions);
}

void vPortInitialiseBlocks(void) {
}

void vPortHeapResetState(void) {
    regions = NULL;
    frees = 0;
}

/* -- Objects ------------------------------------------------------------------------------------------------------- */

void *pvPortMalloc(size_t xWantedSize) {
    void *object = NULL;
    region *r = xWantedSize ? first_region() : NULL;
    for (; r && object == NULL; r = r->next) object = V_(aligned_alloc)(&r->heap, portBYTE_ALIGNMENT, xWantedSize);
    traceMALLOC(object, xWantedSize);
#if configUSE_MALLOC_FAILED_HOOK == 1
    if (object == NULL) vApplicationMallocFailedHook();
#endif
    return object;
}

void *pvPortCalloc(size_t xNum, size_t xSize) {
    void *object = NULL;
    if (xSize == 0 || xNum <= (size_t)-1 / xSize) object = pvPortMalloc(xNum * xSize);
    if (object) memset(object, 0, xNum * xSize);
    return object;
}

void vPortFree(void *pv) {
    region *r = region_of(pv);
    unsigned long state;
    if (pv == NULL) return;
    if (r == NULL) {
        tsp_misuse(NULL, pv, TSP_FOREIGN);
        return;
    }
    traceFREE(pv, V_(usable_size)(&r->heap, pv));
#if configHEAP_CLEAR_MEMORY_ON_FREE == 1
    memset(pv, 0, V_(usable_size)(&r->heap, pv));
#endif
    V_(free)(&r->heap, pv);
    state = tsp_lock(NULL);
    ++frees;
    tsp_unlock(NULL, state);
}

void *pvPortMallocFromISR(size_t xWantedSize);
BaseType_t vPortFreeFromISR(void *pv);

void *pvPortMallocFromISR(size_t xWantedSize) {
    void *object = NULL;
    region *r = xWantedSize ? regions : NULL;
    for (; r && object == NULL; r = r->next) object = V_(try_alloc)(&r->heap, xWantedSize, portBYTE_ALIGNMENT);
    return object;
}

BaseType_t vPortFreeFromISR(void *pv) { /* pdFAIL: not now, or it is no object */
    region *r = region_of(pv);
    unsigned long state;
    if (pv == NULL) return pdPASS;
    if (r == NULL || V_(try_free)(&r->heap, pv) != TSP_OK || !tsp_try_lock(NULL, &state)) return pdFAIL;
    ++frees;
    tsp_unlock(NULL, state);
    return pdPASS;
}

/* -- Statistics ---------------------------------------------------------------------------------------------------- */

static int count_hole(void *context, void *start, size_t size, tsp_kind kind) {
    HeapStats_t *stats = (HeapStats_t *)context;
    (void)start;
    if (kind != TSP_HOLE) return 0;
    ++stats->xNumberOfFreeBlocks;
    if (size < stats->xSizeOfSmallestFreeBlockInBytes) stats->xSizeOfSmallestFreeBlockInBytes = size;
    return 0;
}

/* Of several regions the lowest that each has been, which may have been at different times. */
void vPortGetHeapStats(HeapStats_t *pxHeapStats) {
    region *r;
    const unsigned long state = tsp_lock(NULL); /* so that all are of one moment */
    memset(pxHeapStats, 0, sizeof *pxHeapStats);
    pxHeapStats->xSizeOfSmallestFreeBlockInBytes = (size_t)-1;
    for (r = first_region(); r; r = r->next) {
        const tsp_usage usage = V_(usage)(&r->heap);
        pxHeapStats->xAvailableHeapSpaceInBytes += usage.free;
        pxHeapStats->xMinimumEverFreeBytesRemaining += usage.low_free;
        pxHeapStats->xNumberOfSuccessfulAllocations += usage.objects;
        if (usage.largest > pxHeapStats->xSizeOfLargestFreeBlockInBytes)
            pxHeapStats->xSizeOfLargestFreeBlockInBytes = usage.largest;
        (void)V_(walk)(&r->heap, count_hole, pxHeapStats);
    }
    if (pxHeapStats->xNumberOfFreeBlocks == 0) pxHeapStats->xSizeOfSmallestFreeBlockInBytes = 0;
    pxHeapStats->xNumberOfSuccessfulFrees = frees;
    pxHeapStats->xNumberOfSuccessfulAllocations += frees; /* what is live has not been given back */
    tsp_unlock(NULL, state);
}

size_t xPortGetFreeHeapSize(void) {
    size_t bytes = 0;
    region *r = first_region();
    for (; r; r = r->next) bytes += V_(usage)(&r->heap).free;
    return bytes;
}

size_t xPortGetMinimumEverFreeHeapSize(void) {
    size_t bytes = 0;
    region *r = first_region();
    for (; r; r = r->next) bytes += V_(usage)(&r->heap).low_free;
    return bytes;
}

void xPortResetHeapMinimumEverFreeHeapSize(void) {
    region *r = first_region();
    for (; r; r = r->next) V_(reset_low)(&r->heap);
}
