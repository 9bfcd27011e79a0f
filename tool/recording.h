/* What the preloaded library writes and `teaspoon record` reads: one file for each process, a header and then chunks of
 * events. It is an implementation detail, and may change with every version (traces/README.md has its outline). */
#ifndef RECORDING_H
#define RECORDING_H

#include <stdint.h>

#define RECORDING_MAGIC "TSPREC1\n"

/* The library is told by these where to put its files, and how many frames of call stack it is to note. */
#define RECORDING_DIRECTORY "TEASPOON_RECORD"
#define RECORDING_FRAMES "TEASPOON_RECORD_FRAMES"

enum {
    RECORDING_CHUNK =
        1 << 16, /* bytes; the header has one for itself, so that a chunk can be mapped with any page size */
    RECORDING_FRAMES_MOST = 16 /* one more than can be asked for: that of operator new is left out */
};

/* The same bytes in 32-bit and 64-bit programs, in the machine's byte order. */
typedef struct recording_header {
    char magic[8];
    uint32_t pointer_bits, pid;
    uint32_t frames, unused;
    _Alignas(8) uint64_t dropped; /* calls that could not be noted: the disk is full, or the file out of reach */
    uint64_t parent_orders;       /* after fork: how far the parent's recording counts for this process too */
    char parent[64];              /* the file's name; "": not made by fork */
    uint64_t began;               /* milliseconds, to sort the processes by */
    char program[1024];           /* the executable's path */
} recording_header;

typedef enum event_kind {
    EVENT_NEW = 1, /* address, size, align: returned */
    EVENT_FREE,    /* address, and size and align where given back: about to be freed */
    EVENT_RESIZE,  /* address, size: about to be resized by this thread, which */
    EVENT_RESIZED, /* says with this one what came of it: address, or 0; size as before */
    EVENT_FRAME    /* of call stack `site`, innermost first: address, and its place in the stack as size */
} event_kind;

enum { EVENT_SIZE_GIVEN = 1, EVENT_ALIGN_GIVEN = 2 };

/* `order` is written last: as long as it is 0 there is no event here. It counts from 1 over all threads of a process.
 * Memory that is about to be given back is noted before, memory that was received after the call; so no object is
 * received in a recording before the one that was there is gone. That is also why a resize is two events. */
typedef struct event {
    uint32_t order, ms;
    uint64_t address, size;
    uint32_t site;
    uint16_t thread;               /* beyond 65,535 they begin again */
    uint8_t kind_and_given, align; /* kind, and 16 times what was given; the alignment's logarithm to base 2 */
} event;

enum { RECORDING_EVENTS = RECORDING_CHUNK / sizeof(event) }; /* in a chunk */

#endif
