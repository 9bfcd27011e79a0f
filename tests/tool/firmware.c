/* Firmware that records its heap by adapters/tsp_record.h, under QEMU: run.sh decodes what it wrote by semihosting, and
 * compares it with what it says here. Also a program of the host, with -DHOST.
 *
 *     HOW    0 a sized teaspoon heap, 1 one that remembers, 2 malloc by --wrap, 3 newlib's _malloc_r
 *     DROP   every so-many-th time the sink has no room; 0: never */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if HOW < 2
#include "teaspoon.h"
#endif
#include "tsp_record.h"

#ifndef DROP
#define DROP 0
#endif

static int file;
extern int write_out(int file, const void *bytes, size_t n), open_out(const char *name);

static int sink(const void *bytes, size_t n) {
    static unsigned times;
    if (DROP && ++times % DROP == 0) return 0;
    return write_out(file, bytes, n) == 0;
}
TSP_RECORD(sink);

#if HOW == 0
TSP_RECORD_SIZED(tsp4k);
TSP4K_STATIC_SIZED(kitchen, 6000);
#define NEW(size) tsp4k_alloc(kitchen(), size, 8)
#define RESIZE(p, old, size) tsp4k_resize(kitchen(), p, old, size, 8)
#define FREE(p, size) tsp4k_dealloc(kitchen(), p, size, 8)
#elif HOW == 1
TSP_RECORD_HEAP(tsp128k);
TSP128K_STATIC(kitchen, 6000);
#define NEW(size) tsp128k_malloc(kitchen(), size)
#define RESIZE(p, old, size) tsp128k_realloc(kitchen(), p, size)
#define FREE(p, size) tsp128k_free(kitchen(), p)
#else
#if HOW == 2
TSP_RECORD_MALLOC();
#else
TSP_RECORD_NEWLIB();
#endif
#define NEW(size) malloc(size)
#define RESIZE(p, old, size) realloc(p, size)
#define FREE(p, size) free(p)
#endif

enum { PLACES = 24, STEPS = 3000 };
static struct {
    void *at;
    size_t size;
} objects[PLACES];

/* The heap's bytes and its handle's, for `teaspoon look`; a debugger may stop here. */
static __attribute__((noinline)) void firmware_ends(void) {
#if HOW == 1
    const size_t bytes = (size_t)kitchen()->granules * 4 + (size_t)(kitchen()->granules + 7) / 8;
    write_out(open_out("handle.bin"), kitchen(), sizeof *kitchen());
    write_out(open_out("memory.bin"), kitchen()->base, bytes);
    printf("look --handle 0x%lx handle.bin@0x%lx memory.bin@0x%lx\n", (unsigned long)(uintptr_t)kitchen(),
           (unsigned long)(uintptr_t)kitchen(), (unsigned long)(uintptr_t)kitchen()->base);
    printf("look %u objects\n", (unsigned)tsp128k_usage(kitchen()).objects);
#endif
}

int main(void) {
    uint32_t random = 1;
    unsigned long operations = 0, live = 0, peak = 0;
    file = open_out("recording.bin");
    for (int i = 0; i < STEPS; i++) {
        unsigned k, size;
        random = random * 1664525 + 1013904223;
        k = random >> 16 & 31;
        size = 1 + (random >> 21) % 150;
        if (k >= PLACES) k -= PLACES;
        if (objects[k].at && random >> 31) {
            void *p = RESIZE(objects[k].at, objects[k].size, size);
            if (p == NULL) continue;
            live = live - objects[k].size + size;
            objects[k].at = p;
            objects[k].size = size;
        } else if (objects[k].at) {
            FREE(objects[k].at, objects[k].size);
            live -= objects[k].size;
            objects[k].at = NULL;
        } else {
            if ((objects[k].at = NEW(size)) == NULL) continue;
            live += objects[k].size = size;
        }
        operations++;
        if (live > peak) peak = live;
    }
    firmware_ends();
    printf("%lu operations, peak %lu, live %lu\n", operations, peak, live);
    return 0;
}

#ifdef HOST
#include <fcntl.h>
#include <unistd.h>

int open_out(const char *name) {
    return open(name, O_WRONLY | O_CREAT | O_TRUNC, 0666);
}
int write_out(int to, const void *bytes, size_t n) {
    return write(to, bytes, n) != (ssize_t)n;
}
#else /* semihosting (Arm's specification): SYS_OPEN 1, mode 5 is "wb"; SYS_WRITE 5 returns what was not written */
static int semihosting(int what, const void *arguments) {
    register int r0 __asm__("r0") = what;
    register const void *r1 __asm__("r1") = arguments;
    __asm__ __volatile__("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}
int open_out(const char *name) {
    const uintptr_t arguments[] = {(uintptr_t)name, 5, strlen(name)};
    return semihosting(1, arguments);
}
int write_out(int to, const void *bytes, size_t n) {
    const uintptr_t arguments[] = {(uintptr_t)to, (uintptr_t)bytes, n};
    return semihosting(5, arguments);
}
#endif
