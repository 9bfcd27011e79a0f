/* Other runs that a program might have had: variations of the one that was recorded, and the heap that serves them. */
#ifndef VARY_H
#define VARY_H

#include "command.h"

enum { MOST_VARIATIONS = 10000 };

/* The heaps in which 99 % and all of the variations pass, and a round number above both and the trace's own fit. The
 * last is 0 if this family cannot hold them. */
typedef struct margin {
    size_t most, all, give;
} margin;

margin find_margin(const trace *t, const fit *least, const options *how);

/* The n-th variation of a trace, with IDs used again; always the same. */
trace vary(const trace *t, uint32_t n);

#endif
