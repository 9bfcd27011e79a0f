/* The smallest heap that a trace needs, and what else replays a trace again and again. */
#ifndef SEARCH_H
#define SEARCH_H

#include "command.h"
#include "replay.h"

enum { MOST_THREADS = 64 };

typedef enum outcome { UNKNOWN, FAILS, SUCCEEDS } outcome;

/* Does the whole trace succeed in so many bytes? UNKNOWN: `needless` says that nobody wants to know any more. */
outcome attempt(replay *r, size_t size, int (*needless)(const void *, size_t), const void *context);

/* The same operations, where IDs are used again: then the table of objects is as small as the program's most objects
 * at once, and stays in the processor's cache. */
trace renumbered(const trace *t);

/* How many there are. */
size_t processors(void);

fit fit_in_threads(const trace *t, const options *how, size_t threads);

#endif
