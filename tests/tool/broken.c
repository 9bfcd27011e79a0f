/* A heap that breaks its promises, to see that `teaspoon replay` notices. Linked with --wrap, so that the command's
 * calls come here; FAULT in the environment chooses what goes wrong, from the hundredth call on. */
#include "teaspoon.h"

#include <stdlib.h>
#include <string.h>

void *__real_tsp4k_alloc(tsp4k *spoon, size_t size, size_t align);
void *__wrap_tsp4k_alloc(tsp4k *spoon, size_t size, size_t align);
tsp_status __real_tsp4k_dealloc(tsp4k *spoon, void *pointer, size_t size, size_t align);
tsp_status __wrap_tsp4k_dealloc(tsp4k *spoon, void *pointer, size_t size, size_t align);
void *__real_tsp4k_resize(tsp4k *spoon, void *pointer, size_t old_size, size_t new_size, size_t align);
void *__wrap_tsp4k_resize(tsp4k *spoon, void *pointer, size_t old_size, size_t new_size, size_t align);

tsp_usage __real_tsp4k_usage(tsp4k *spoon);
tsp_usage __wrap_tsp4k_usage(tsp4k *spoon);

tsp_report __real_tsp4k_check(tsp4k *spoon);
tsp_report __wrap_tsp4k_check(tsp4k *spoon);

static int fault(const char *name) {
    const char *chosen = getenv("FAULT");
    return chosen && strcmp(chosen, name) == 0;
}

void *__wrap_tsp4k_alloc(tsp4k *spoon, size_t size, size_t align) {
    static int calls;
    static unsigned char *last;
    unsigned char *p = fault("stingy") && align == 1 ? NULL : __real_tsp4k_alloc(spoon, size, align);
    if (++calls >= 100 && size >= 8) {
        if (fault("overlap")) return last;
        if (fault("misaligned")) return p + 1;
        if (fault("outside")) return p + 1024 * 1024;
        if (fault("scribble")) memset(p, 0x55, size + 8);
    }
    if (p == NULL && last && fault("generous")) return last;
    if (p == NULL && last && fault("careless")) last[0] ^= 1;
    if (size >= 8) last = p;
    return p;
}

tsp_status __wrap_tsp4k_dealloc(tsp4k *spoon, void *pointer, size_t size, size_t align) {
    static int calls;
    if (++calls >= 100 && fault("refusal")) return TSP_FOREIGN;
    if (calls == 20 && fault("hoarding")) return TSP_OK;
    if (align == 1 && fault("keeping")) return TSP_FOREIGN; /* only what fills a heap is aligned to 1 */
    if (align == 1 && fault("leaking")) return TSP_OK;
    return __real_tsp4k_dealloc(spoon, pointer, size, align);
}

void *__wrap_tsp4k_resize(tsp4k *spoon, void *pointer, size_t old_size, size_t new_size, size_t align) {
    unsigned char *p = __real_tsp4k_resize(spoon, pointer, old_size, new_size, align);
    if (p == NULL && fault("lost")) __real_tsp4k_dealloc(spoon, pointer, old_size, 1);
    if (p && old_size && new_size && fault("resize")) p[(old_size < new_size ? old_size : new_size) - 1] ^= 1;
    return p;
}

tsp_usage __wrap_tsp4k_usage(tsp4k *spoon) {
    tsp_usage u = __real_tsp4k_usage(spoon);
    if (fault("uncounted")) u.failed = 0;
    return u;
}

/* check7: the seventh check finds damage. */
tsp_report __wrap_tsp4k_check(tsp4k *spoon) {
    static int calls;
    const char *chosen = getenv("FAULT");
    tsp_report r = __real_tsp4k_check(spoon);
    if (chosen && strncmp(chosen, "check", 5) == 0 && ++calls == atoi(chosen + 5)) {
        r.status = TSP_CORRUPT;
        r.at = 24;
        r.what = "a crumb";
    }
    return r;
}
