/* teaspoon look: a heap in a memory dump of any machine. SPDX-License-Identifier: BSD-3-Clause
 *
 * A reader of its own, which shares no code with the engine: links of 16 or 32 bits, pointers of 16 to 64, both byte
 * orders. It believes no byte: whatever is in the dump, a heap that it calls sound has all that DESIGN.md lists, and all
 * else has a fault with a name and a place. */
#define _POSIX_C_SOURCE 200809L

#include "command.h"
#include "picture.h"
#include "say.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- The dump -------------------------------------------------------------------------------------------------------- */

typedef struct piece {
    const unsigned char *bytes;
    uint64_t at, size; /* addresses */
} piece;

typedef struct dump {
    unsigned char **files;
    piece *pieces;
    size_t file_count, count;
    unsigned pointer; /* bytes; 0: the files do not say */
    int order;        /* 'l', 'b'; 0: likewise */
} dump;

/* The bytes [at, at + size), or NULL. */
static const unsigned char *bytes_at(const dump *d, uint64_t at, uint64_t size) {
    for (size_t i = 0; i < d->count; i++) {
        const piece *p = &d->pieces[i];
        if (at >= p->at && at - p->at <= p->size && size <= p->size - (at - p->at)) return p->bytes + (at - p->at);
    }
    return NULL;
}

static uint64_t number(const unsigned char *at, unsigned bytes, int order) {
    uint64_t n = 0;
    for (unsigned i = 0; i < bytes; i++) n = n << 8 | at[order == 'b' ? i : bytes - 1 - i];
    return n;
}

/* One that goes on where the last ended, in memory and in the file, is part of it: a core file has a segment for each
 * mapping, and a heap may lie in two. */
static void add_piece(dump *d, const unsigned char *bytes, uint64_t at, uint64_t size) {
    piece *last = d->count ? &d->pieces[d->count - 1] : NULL;
    if (last && last->at + last->size == at && last->bytes + last->size == bytes) {
        last->size += size;
        return;
    }
    d->pieces = need(realloc(d->pieces, (d->count + 1) * sizeof *d->pieces));
    d->pieces[d->count++] = (piece){bytes, at, size};
}

/* Where things are in ELF files of 32 and 64 bits, whose words have 4 and 8 bytes. */
static const struct elf {
    unsigned word, header, table, entry_size, entries, entry, offset, at, size;
} elves[] = {{4, 52, 28, 42, 44, 32, 4, 8, 16}, {8, 64, 32, 54, 56, 56, 8, 16, 32}};

/* The segments of a core file or a program. Returns 0 if it is damaged. */
static int add_elf(dump *d, const unsigned char *x, size_t size) {
    const struct elf *e = &elves[x[4] == 2];
    const int order = x[5] == 2 ? 'b' : 'l';
    uint64_t table, entry, entries;
    if (size < e->header) return 0;
    table = number(x + e->table, e->word, order);
    entry = number(x + e->entry_size, 2, order);
    entries = number(x + e->entries, 2, order);
    if (entry < e->entry || table > size || entries > (size - table) / entry) return 0;
    for (uint64_t i = 0; i < entries; i++) {
        const unsigned char *p = x + table + i * entry;
        const uint64_t offset = number(p + e->offset, e->word, order), n = number(p + e->size, e->word, order);
        if (number(p, 4, order) != 1 || n == 0) continue; /* not to be loaded */
        if (offset > size || n > size - offset) return 0;
        add_piece(d, x + offset, number(p + e->at, e->word, order), n);
    }
    d->pointer = e->word;
    d->order = order;
    return 1;
}

static unsigned char *slurp(const char *file, size_t *size) {
    FILE *in = fopen(file, "rb");
    char *bytes = read_all(in, size);
    if (bytes == NULL) complain(BAD_INPUT, "cannot read %s: %s", file, strerror(errno));
    if (in) fclose(in);
    return (unsigned char *)bytes;
}

/* FILE or FILE@ADDRESS: where its first byte was. */
static int add_file(dump *d, char *name) {
    char *at_sign = strrchr(name, '@'), *end = NULL;
    uint64_t at = 0;
    size_t size;
    unsigned char *bytes;
    if (at_sign && at_sign[1] >= '0' && at_sign[1] <= '9') at = strtoull(at_sign + 1, &end, 0);
    if (end && *end == '\0') *at_sign = '\0';
    else at = 0;
    if ((bytes = slurp(name, &size)) == NULL) return 0;
    d->files = need(realloc(d->files, (d->file_count + 1) * sizeof *d->files));
    d->files[d->file_count++] = bytes;
    if (size > 5 && memcmp(bytes, "\177ELF", 4) == 0) {
        if (add_elf(d, bytes, size)) return 1;
        complain(BAD_INPUT, "%s: a damaged or truncated ELF file", name);
        return 0;
    }
    add_piece(d, bytes, at, size);
    return 1;
}

/* -- The handle ------------------------------------------------------------------------------------------------------ */

/* What differs between the families. */
static const struct shape {
    const char *name;
    unsigned link, pointers;
} shapes[] = {{"4k", 2, 1}, {"128k", 2, 2}, {"16m", 4, 2}};

typedef struct heap {
    const struct shape *shape;
    unsigned pointer, granule; /* bytes */
    int order, remembers, indexed;
    uint64_t round; /* bytes */
    uint64_t handle, base, index, gap, granules, objects, used, peak; /* as the handle has them */
    unsigned failed, state;
    const unsigned char *bytes;
} heap;

static uint64_t field(const unsigned char **at, unsigned bytes, int order) {
    *at += bytes;
    return number(*at - bytes, bytes, order);
}

static uint64_t word_at(const heap *h, const unsigned char *at) {
    return number(at, 4, h->order);
}

static uint64_t map_bytes(const heap *h) {
    return h->remembers ? (h->granules + 7) / 8 : 0;
}

enum { CHUNK = 128, INDEX_FROM = 8192, EXACT = 32 };

static uint64_t words(uint64_t bits) {
    return (bits + 31) / 32;
}

/* Of holes' bins: units of 8 bytes, exact up to EXACT, then two an octave. */
static unsigned bin_of(const heap *h, uint64_t size) {
    uint64_t units = size * h->granule / 8;
    unsigned e = 5;
    if (units < EXACT) return (unsigned)units;
    while (units >> e >= 2) e++;
    return EXACT + 2 * (e - 5) + (units >> (e - 1) & 1);
}

static unsigned bins(const heap *h) {
    return bin_of(h, h->shape->link == 2 ? 0xFFFF : 0xFFFFFFFF) + 1;
}

static uint64_t heads_at(const heap *h) {
    return 4 * words(bins(h)) + 4;
}

static uint64_t lasts_at(const heap *h) {
    return (heads_at(h) + bins(h) * h->shape->link + 3) / 4 * 4;
}

static uint64_t index_at(const heap *h) {
    return h->granules * h->granule + (map_bytes(h) + 3) / 4 * 4;
}

static uint64_t all_bytes(const heap *h) {
    uint64_t n = (h->granules + CHUNK - 1) / CHUNK, bytes;
    if (!h->indexed) return h->granules * h->granule + map_bytes(h);
    bytes = index_at(h) + lasts_at(h) + (n + 3) / 4 * 4;
    do bytes += 4 * (n = words(n));
    while (n > 1);
    return bytes;
}

/* Reads a handle. Returns what is wrong with it; NULL: there is a heap where it says. */
static const char *read_handle(const dump *d, heap *h) {
    const unsigned link = h->shape->link, bytes = h->shape->pointers * h->pointer + 5 * link + 2;
    const unsigned char *at = bytes_at(d, h->handle, bytes);
    unsigned expected;
    if (at == NULL) return "the handle is not in the dump";
    h->base = field(&at, h->pointer, h->order);
    h->index = h->shape->pointers > 1 ? field(&at, h->pointer, h->order) : 0;
    h->objects = field(&at, link, h->order);
    h->used = field(&at, link, h->order);
    h->peak = field(&at, link, h->order);
    h->gap = field(&at, link, h->order);
    h->granules = field(&at, link, h->order);
    h->failed = *at++;
    h->state = *at;
    h->granule = 2 * link;
    h->remembers = h->state & 1;
    h->round = h->state & 16 ? 16 : h->state & 8 ? 8 : h->granule;
    h->indexed = h->shape->pointers > 1 && h->granules >= INDEX_FROM;
    expected = 64u * (1u + (h->shape->pointers > 1) + (link > 2));
    if (h->state == 0) return "there is no heap: the handle has not been made";
    if ((h->state & (2 + 64 + 128)) != expected) return "the handle's state is not one of this family";
    if ((h->state & 24) == 16) return "the handle's state says that sizes are rounded to 16, but not to 8";
    if (h->state & 4) return "the heap was being made";
    if (h->granules == 0) return NULL;
    if (h->base % h->granule) return "the heap's address is not a multiple of a granule";
    if ((h->bytes = bytes_at(d, h->base, all_bytes(h))) == NULL) return "the heap is not in the dump";
    return NULL;
}

/* -- The validator --------------------------------------------------------------------------------------------------- */

typedef struct fault {
    uint64_t at; /* byte of the heap */
    const char *what;
} fault;

typedef struct run {
    uint64_t from, to; /* granules */
    int live;          /* one object; in a sized heap, one or more */
} run;

typedef struct runs {
    run *all;
    size_t count, room;
    uint64_t free, largest, holes, binned, objects; /* granules; holes; holes of two granules or more */
} runs;

static uint64_t link_at(const heap *h, uint64_t granule, unsigned which) {
    return number(h->bytes + granule * h->granule + which * h->shape->link, h->shape->link, h->order);
}

static void add_run(runs *r, uint64_t from, uint64_t to, int live) {
    if (from == to) return;
    if (r->count == r->room) r->all = need(realloc(r->all, (r->room = r->room * 2 + 64) * sizeof *r->all));
    r->all[r->count++] = (run){from, to, live};
}

static int is_mark(const heap *h, uint64_t granule) {
    return h->bytes[h->granules * h->granule + granule / 8] >> granule % 8 & 1;
}

/* The live granules [a, b): in a heap that remembers sizes, its objects. */
static const char *read_objects(const heap *h, uint64_t a, uint64_t b, runs *r) {
    uint64_t begin = a;
    if (!h->remembers) return add_run(r, a, b, 1), NULL;
    for (uint64_t i = a; i < b; i++) {
        const uint64_t size = (i + 1 - begin) * h->granule;
        if (!is_mark(h, i)) continue;
        if (size >= h->round && size % h->round) return "[6] an object has a size that is not rounded";
        add_run(r, begin, i + 1, 1);
        r->objects++;
        begin = i + 1;
    }
    return begin == b ? NULL : "[6] no mark where the last object before a hole or the heap's end ends";
}

static fault read_holes(const heap *h, runs *r) {
    uint64_t end = 0, gap = h->gap;
    const char *what;
    while (gap < h->granules - end) {
        const uint64_t before = end;
        uint64_t size;
        end += gap + 1;
        gap = link_at(h, end - 1, 0);
        size = link_at(h, end - 1, 1);
        if (size == 0 || size > end - before)
            return (fault){end * h->granule, "[2] a hole's size is zero, or reaches into the hole before it"};
        if (size == end - before && before) return (fault){end * h->granule, "[3] two holes touch"};
        what = read_objects(h, before, end - size, r);
        if (what) return (fault){(end - size) * h->granule, what};
        for (uint64_t i = end - size; h->remembers && i < end; i++)
            if (is_mark(h, i)) return (fault){(end - size) * h->granule, "[6] a mark inside a hole"};
        add_run(r, end - size, end, 0);
        r->free += size;
        r->holes++;
        r->binned += size > 1;
        if (size > r->largest) r->largest = size;
    }
    if (gap != h->granules - end) return (fault){end * h->granule, "[1] a gap link leads out of the heap"};
    what = read_objects(h, end, h->granules, r);
    if (what) return (fault){h->granules * h->granule, what};
    for (uint64_t i = h->granules; h->remembers && i % 8; i++)
        if (is_mark(h, i)) return (fault){h->granules * h->granule, "[6] marks beyond the last granule"};
    return (fault){0, NULL};
}

/* The hole that ends at this granule. */
static const run *hole_ending(const runs *r, uint64_t end) {
    size_t low = 0, high = r->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (r->all[middle].to < end) low = middle + 1;
        else high = middle;
    }
    return low < r->count && r->all[low].to == end && !r->all[low].live ? &r->all[low] : NULL;
}

/* What chunk c has of the end of the object that it begins with: six bits, if the object covers so many chunks that all
 * of its end finds room; else 0. */
static unsigned end_of_long(const heap *h, const run *object, uint64_t c) {
    const uint64_t first = (object->from + CHUNK - 1) / CHUNK, span = h->shape->link > 2 ? 6 : 3;
    if (!h->remembers || !object->live || c < first || c >= first + span || object->to / CHUNK < first + span) return 0;
    return (unsigned)(192 + (object->to >> 6 * (c - first)) % 64);
}

static fault check_chunks(const heap *h, const runs *r) {
    const unsigned char *lasts = h->bytes + index_at(h) + lasts_at(h), *level;
    const uint64_t n = (h->granules + CHUNK - 1) / CHUNK;
    uint64_t bits = n;
    size_t i = 0;
    level = lasts + (n + 3) / 4 * 4;
    for (uint64_t c = 0; c < n; c++) {
        const unsigned end = end_of_long(h, &r->all[i], c); /* the runs are all of the heap, so there is one here */
        uint64_t last = 0;
        if (end && lasts[c] != end)
            return (fault){c * CHUNK * h->granule, "[4] the index does not have where a long object ends"};
        for (; i < r->count && r->all[i].to <= (c + 1) * CHUNK; i++)
            if (!r->all[i].live) last = r->all[i].to - c * CHUNK;
        if (!end && lasts[c] != last)
            return (fault){c * CHUNK * h->granule, "[4] a chunk's last hole is not what the index has"};
        if ((word_at(h, level + c / 32 * 4) >> c % 32 & 1) != (last != 0))
            return (fault){c * CHUNK * h->granule, "[4] a chunk's bit is not what the index has"};
    }
    for (;; bits = words(bits)) {
        const unsigned char *above = level + 4 * words(bits);
        if (bits % 32 && word_at(h, level + bits / 32 * 4) >> bits % 32)
            return (fault){0, "[4] the index has bits for chunks that are not there"};
        if (words(bits) == 1) return (fault){0, NULL};
        for (uint64_t w = 0; w < words(bits); w++)
            if ((word_at(h, above + w / 32 * 4) >> w % 32 & 1) != (word_at(h, level + 4 * w) != 0))
                return (fault){0, "[4] a bit over bits is not what the index has"};
        level = above;
    }
}

static fault check_bins(const heap *h, const runs *r) {
    const unsigned char *index = h->bytes + index_at(h);
    const unsigned link = h->shape->link;
    uint64_t left = r->binned;
    for (unsigned c = 0; c < 32 * words(bins(h)); c++) {
        uint64_t end = c < bins(h) ? number(index + heads_at(h) + c * link, link, h->order) : 0, before = 0;
        if ((word_at(h, index + c / 32 * 4) >> c % 32 & 1) != (end != 0))
            return (fault){0, "[5] a bin's bit does not say whether it is empty"};
        while (end) {
            const run *hole = hole_ending(r, end);
            if (hole == NULL || hole->to - hole->from < 2 || left-- == 0)
                return (fault){0, "[5] a bin leads to what is no hole"};
            if (bin_of(h, hole->to - hole->from) != c || link_at(h, hole->from, 1) != before)
                return (fault){hole->from * h->granule, "[5] a hole is not where its bin has it"};
            before = end;
            end = link_at(h, hole->from, 0);
        }
    }
    return (fault){0, left ? "[5] a hole is in no bin" : NULL};
}

static fault check(const heap *h, runs *r) {
    fault f;
    if (h->granules == 0)
        return (fault){0, h->used || h->objects || h->gap ? "[7] objects in a heap without granules" : NULL};
    f = read_holes(h, r);
    if (f.what) return f;
    if (h->indexed) {
        f = check_chunks(h, r);
        if (f.what == NULL) f = check_bins(h, r);
        if (f.what) return f;
    }
    if (h->shape->pointers > 1 && h->index != h->base + index_at(h))
        return (fault){0, "[7] the handle has the index at another address"};
    if (h->remembers && r->objects != h->objects) return (fault){0, "[7] the number of objects is wrong"};
    if (r->free + h->used != h->granules) return (fault){0, "[7] used and free do not add up"};
    if (h->objects > h->used) return (fault){0, "[7] more objects than granules"};
    if ((h->objects == 0) != (h->used == 0)) return (fault){0, "[7] granules in use without objects, or the reverse"};
    if (h->peak < h->used || h->peak > h->granules) return (fault){0, "[7] the peak is wrong"};
    return (fault){0, NULL};
}

/* -- Which heap it is ------------------------------------------------------------------------------------------------ */

static const char *order_text(int order) {
    return order == 'b' ? "big-endian" : "little-endian";
}

/* How much a reading of the bytes says for itself: an empty handle is soon seen where there is none. */
static int credit(const heap *h, const fault *f) {
    return h->granules == 0 ? 1 : f->what ? 2 : 3;
}

/* Tries each family, pointer and byte order that may be. Returns 0 if no heap at all can be seen there; else the best. */
static int find_heap(const dump *d, const options *how, uint64_t handle, heap *best, runs *r, fault *f) {
    static const unsigned pointers[] = {4, 8, 2};
    int found = 0;
    for (size_t i = 0; i < 3 * 3 * 2; i++) {
        heap h = {.shape = &shapes[i % 3], .pointer = pointers[i / 3 % 3], .order = i < 9 ? 'l' : 'b', .handle = handle};
        const unsigned wanted = how->bits ? how->bits / 8 : d->pointer;
        runs mine = {0};
        const char *what;
        fault fault;
        if (how->family && strcmp(how->family->name, h.shape->name)) continue;
        if ((wanted && wanted != h.pointer) || (d->order && d->order != h.order)) continue;
        what = read_handle(d, &h);
        if (what) {
            if (!found) *f = (struct fault){0, what};
            continue;
        }
        fault = check(&h, &mine);
        if (credit(&h, &fault) <= found) {
            free(mine.all);
            continue;
        }
        if (found) free(r->all);
        found = credit(&h, &fault);
        *best = h;
        *r = mine;
        *f = fault;
    }
    return found;
}

static void print_heap(const heap *h, const runs *r, const options *how) {
    static cells c;
    const uint64_t total = h->granules * h->granule;
    printf("tsp%s heap at 0x%" PRIx64 ", %s bytes, %s; handle at 0x%" PRIx64 ", %u bits, %s\n", h->shape->name, h->base,
           COMMAS((size_t)total), h->remembers ? "remembers sizes" : "sized", h->handle, 8 * h->pointer,
           order_text(h->order));
    printf("  sound: used %s, free %s, objects %s, holes %s, largest %s, low_free %s, failed %u\n",
           COMMAS((size_t)(h->used * h->granule)), COMMAS((size_t)(r->free * h->granule)), COMMAS((size_t)h->objects),
           COMMAS((size_t)r->holes), COMMAS((size_t)(r->largest * h->granule)),
           COMMAS((size_t)((h->granules - h->peak) * h->granule)), h->failed);
    if (total == 0) return;
    picture_begin(&c, (size_t)total, h->granule);
    for (size_t i = 0; i < r->count; i++)
        if (r->all[i].live)
            picture_object(&c, (size_t)(r->all[i].from * h->granule), (size_t)(r->all[i].to * h->granule));
    picture_print(&c, stdout);
    if (how->quiet) return;
    for (size_t i = 0; i < r->count; i++)
        printf("  0x%08" PRIx64 " %11s  %s\n", h->base + r->all[i].from * h->granule,
               COMMAS((size_t)((r->all[i].to - r->all[i].from) * h->granule)),
               !r->all[i].live ? "hole" : h->remembers ? "object" : "objects");
}

/* Without --handle: every sound heap that has objects, or had. */
static size_t search_heaps(const dump *d, const options *how) {
    size_t found = 0;
    for (size_t i = 0; i < d->count; i++) {
        for (uint64_t at = (d->pieces[i].at + 3) / 4 * 4; at - d->pieces[i].at + 12 < d->pieces[i].size; at += 4) {
            heap h;
            runs r = {0};
            fault f = {0, NULL};
            if (!find_heap(d, how, at, &h, &r, &f)) continue;
            if (f.what == NULL && h.granules && h.peak) {
                print_heap(&h, &r, how);
                found++;
            }
            free(r.all);
        }
    }
    return found;
}

int look_at(char **files, size_t count, const options *how) {
    dump d = {0};
    heap h;
    runs r = {0};
    fault f = {0, "there is no heap"};
    int code = DONE;
    for (size_t i = 0; i < count && code == DONE; i++)
        if (!add_file(&d, files[i])) code = BAD_INPUT;
    if (code != DONE) {
        /* it has been said why */
    } else if (!how->handle_given) {
        if (search_heaps(&d, how) == 0) code = complain(BROKEN_HEAP, "%s: no sound heap in it", files[0]);
    } else if (!find_heap(&d, how, how->handle, &h, &r, &f)) {
        code = complain(BROKEN_HEAP, "%s: 0x%" PRIx64 ": %s", files[0], how->handle, f.what);
    } else if (f.what) {
        code = complain(BROKEN_HEAP, "%s: tsp%s heap at 0x%" PRIx64 ": damaged at byte %" PRIu64 " (0x%" PRIx64 "): %s",
                        files[0], h.shape->name, h.base, f.at, h.base + f.at, f.what);
    } else {
        print_heap(&h, &r, how);
    }
    free(r.all);
    free(d.pieces);
    for (size_t i = 0; i < d.file_count; i++) free(d.files[i]);
    free(d.files);
    return code;
}
