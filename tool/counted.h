/* A family once more, compiled so that it counts its steps, and with a TSP_ROUND of its own: what `teaspoon fit
 * --compare` tries. Who includes this has defined ROUND; then follow COUNTED, the family's source under the new name,
 * and its entry.
 *
 * A step is a link or a word of the index that is read or written: the hook below is in all these accesses (src/hole.h,
 * src/chunks.h). It is what time goes with where a heap has many holes, and the same on every machine. Not counted: a
 * byte of the index beside each search, and the scan of an object's bits. */
#undef TSP_LOCK
#define TSP_LOCK 0
#undef TSP_ROUND
#define TSP_ROUND ROUND
#include "wrap.h"

extern _Thread_local unsigned long steps; /* of all calls so far */

/* The same handle as the family's own. */
#define COUNTED(V, name)                                                                                               \
    typedef V name;                                                                                                    \
    TSP_FUNCTIONS(name)

#define TSP_STEP() ((void)steps++)
