/* What is at an address of a program that has been recorded. */
#ifndef SYMBOLS_H
#define SYMBOLS_H

#include <stddef.h>
#include <stdint.h>

typedef struct symbols symbols;

/* From copies of /proc/PID/maps, each ended by an empty line. Never NULL: without such a file, nothing has a name. */
symbols *symbols_open(const char *maps);
void symbols_close(symbols *s);

/* "area (shapes.c:12)" with elfutils' libdw and debug information, "area (libshapes.so)" without the latter, or else
 * "libshapes.so+0x1234". The address is one that a call returns to. */
void symbols_name(symbols *s, uint64_t address, char *name, size_t size);

#endif
