/* What the families share: words for a status, and the version. SPDX-License-Identifier: BSD-3-Clause */
#include "teaspoon.h"

const char *tsp_status_text(tsp_status status) {
    switch (status) {
    case TSP_OK: return "all is well";
    case TSP_NO_MEMORY: return "no free bytes that it fits into";
    case TSP_BUSY: return "the heap is locked";
    case TSP_BAD_ALIGNMENT: return "the alignment is not a power of two";
    case TSP_FOREIGN: return "the pointer is not into this heap";
    case TSP_MISALIGNED: return "the pointer is not aligned as an object is";
    case TSP_ALREADY_FREE: return "the bytes are already free";
    case TSP_INTERIOR: return "the pointer is not to the beginning of an object";
    case TSP_WRONG_SIZE: return "the object has a different size";
    case TSP_SIZED_HEAP: return "a sized heap does not remember sizes";
    case TSP_CORRUPT: return "the heap's own data is damaged";
    case TSP_OVERRUN: return "the bytes behind the object were written to";
    }
    return "unknown status";
}

const char *tsp_version(void) {
    return TSP_VERSION;
}
