/* The library among other sources in one translation unit, before and behind it things of the names it has inside. */
#include <string.h>

typedef int heap, hole, place, extent;
static int node, head, map, get = 1;

static int insert(int x) {
    return x + get;
}

#include "teaspoon.c"

typedef struct byte {
    heap link;
} byte;
enum { SIZED = 7, REMEMBERS };
#define LOCK(x) (x)
#define GRANULE 100
#define V_(name) name

static int set(hole h) {
    place p = h;
    extent e = p;
    return e + node + head + map + LOCK(GRANULE) + SIZED + REMEMBERS;
}

#include "consumer.c" /* its main is the program */

int other_sources(void); /* nobody calls it: it compiles, that is all */
int other_sources(void) {
    byte b;
    b.link = V_(insert)(1);
    return b.link + set(1);
}
