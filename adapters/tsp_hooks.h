/* malloc and its kin over a named heap, for libraries that take functions without a context pointer.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 *     TSP128K_STATIC(kitchen, 8 * 1024);     a heap that remembers sizes
 *     TSP_HOOKS(tsp128k, kitchen);           defines kitchen_malloc, kitchen_calloc, kitchen_realloc, kitchen_free,
 *                                            kitchen_strdup and kitchen_usable_size
 *
 *     cJSON      cJSON_Hooks hooks = {kitchen_malloc, kitchen_free};
 *                cJSON_InitHooks(&hooks);
 *     expat      XML_Memory_Handling_Suite suite = {kitchen_malloc, kitchen_realloc, kitchen_free};
 *                XML_Parser parser = XML_ParserCreate_MM(NULL, &suite, NULL);
 *     jansson    json_set_alloc_funcs(kitchen_malloc, kitchen_free);
 *     libxml2    xmlMemSetup(kitchen_free, kitchen_malloc, kitchen_realloc, kitchen_strdup);
 *     libcurl    curl_global_init_mem(CURL_GLOBAL_DEFAULT, kitchen_malloc, kitchen_free, kitchen_realloc,
 *                                     kitchen_strdup, kitchen_calloc);
 *     libuv      uv_replace_allocator(kitchen_malloc, kitchen_realloc, kitchen_calloc, kitchen_free);
 *     wolfSSL    wolfSSL_SetAllocators(kitchen_malloc, kitchen_free, kitchen_realloc);     with -DTSP_MALLOC_ALIGN=16
 *     mbedTLS    mbedtls_platform_set_calloc_free(kitchen_calloc, kitchen_free);     if built with PLATFORM_MEMORY
 *     QuickJS    JSMallocFunctions wants a state too: three lines over kitchen_..., and kitchen_usable_size as it is
 *
 * Any function that returns the heap will do for the name. Exhaustion: they return NULL, as malloc does. */
#ifndef TSP_HOOKS_H
#define TSP_HOOKS_H

#include <string.h>

#include "teaspoon.h"

#ifdef __GNUC__
#define TSP_UNUSED_ __attribute__((unused)) /* nobody needs all six */
#else
#define TSP_UNUSED_
#endif
#define TSP_HOOKS(V, name)                                                                                             \
    TSP_UNUSED_ static void *name##_malloc(size_t size) {                                                              \
        return V##_malloc(name(), size);                                                                               \
    }                                                                                                                  \
    TSP_UNUSED_ static void *name##_calloc(size_t count, size_t size) {                                                \
        return V##_calloc(name(), count, size);                                                                        \
    }                                                                                                                  \
    TSP_UNUSED_ static size_t name##_usable_size(const void *pointer) {                                                \
        return V##_usable_size(name(), pointer);                                                                       \
    }                                                                                                                  \
    TSP_UNUSED_ static void *name##_realloc(void *pointer, size_t size) {                                              \
        return V##_realloc(name(), pointer, size);                                                                     \
    }                                                                                                                  \
    TSP_UNUSED_ static void name##_free(void *pointer) {                                                               \
        V##_free(name(), pointer);                                                                                     \
    }                                                                                                                  \
    TSP_UNUSED_ static char *name##_strdup(const char *text) {                                                         \
        size_t size = strlen(text) + 1;                                                                                \
        char *copy = (char *)V##_malloc(name(), size);                                                                 \
        return copy ? (char *)memcpy(copy, text, size) : NULL;                                                         \
    }                                                                                                                  \
    struct name##_hooks /* swallows the semicolon */

#endif
