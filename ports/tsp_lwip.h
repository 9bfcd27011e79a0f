/* lwIP's heap over teaspoon. Copy it into your program, include it in lwipopts.h, and in one source file
 *
 *     tsp128k tsp_lwip;
 *
 *     tsp128k_init(&tsp_lwip, bytes, sizeof bytes);        before lwip_init or tcpip_init
 *
 * Then pbufs (PBUF_RAM) come from that heap and, with MEMP_MEM_MALLOC 1, all else of lwIP too. MEM_SIZE is of no use.
 * This is for lwIP 2.2; for 2.1 define TSP_LWIP_2_1 before. Threads and handlers share the heap as TSP_LOCK in teaspoon.h
 * says; lwIP's own protection is not needed for it. SPDX-License-Identifier: BSD-3-Clause */
#ifndef TSP_LWIP_H
#define TSP_LWIP_H
#include "teaspoon.h"

#ifndef TSP_LWIP
#define TSP_LWIP tsp128k
#endif
#define TSP_LWIP_(name) TSP_LWIP_JOIN_(TSP_LWIP, _##name)
#define TSP_LWIP_JOIN_(a, b) TSP_LWIP_JOIN2_(a, b)
#define TSP_LWIP_JOIN2_(a, b) a##b

extern TSP_LWIP tsp_lwip;

#ifdef TSP_LWIP_2_1 /* in 2.2 these would be the C library's, whatever is said besides */
#define MEM_LIBC_MALLOC 1
#define mem_clib_malloc(size) TSP_LWIP_(malloc)(&tsp_lwip, size)
#define mem_clib_calloc(count, size) TSP_LWIP_(calloc)(&tsp_lwip, count, size)
#define mem_clib_free(object) TSP_LWIP_(free)(&tsp_lwip, object)
#else
#define MEM_CUSTOM_ALLOCATOR 1
#define MEM_CUSTOM_MALLOC(size) TSP_LWIP_(malloc)(&tsp_lwip, size)
#define MEM_CUSTOM_CALLOC(count, size) TSP_LWIP_(calloc)(&tsp_lwip, count, size)
#define MEM_CUSTOM_FREE(object) TSP_LWIP_(free)(&tsp_lwip, object)
#endif

#endif
