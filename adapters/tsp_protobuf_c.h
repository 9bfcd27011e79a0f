/* protobuf-c over a heap that remembers sizes. SPDX-License-Identifier: BSD-3-Clause
 *
 *     TSP_PROTOBUF_C(tsp128k);                                                once, outside functions
 *     ProtobufCAllocator allocator = tsp128k_protobuf_c(&spoon);
 *     Order *order = order__unpack(&allocator, size, bytes);
 *     order__free_unpacked(order, &allocator);
 *
 * And as .allocator of a ProtobufCBufferSimple. Exhaustion: unpack returns NULL, and nothing is left behind. */
#ifndef TSP_PROTOBUF_C_H
#define TSP_PROTOBUF_C_H

#include <protobuf-c/protobuf-c.h>

#include "teaspoon.h"

#define TSP_PROTOBUF_C(V)                                                                                              \
    static void *V##_protobuf_c_alloc(void *spoon, size_t size) {                                                      \
        return V##_malloc((V *)spoon, size);                                                                           \
    }                                                                                                                  \
    static void V##_protobuf_c_free(void *spoon, void *pointer) {                                                      \
        V##_free((V *)spoon, pointer);                                                                                 \
    }                                                                                                                  \
    static ProtobufCAllocator V##_protobuf_c(V *spoon) {                                                               \
        ProtobufCAllocator allocator = {V##_protobuf_c_alloc, V##_protobuf_c_free, spoon};                             \
        return allocator;                                                                                              \
    }                                                                                                                  \
    struct V##_pbc /* swallows the semicolon */

#endif
