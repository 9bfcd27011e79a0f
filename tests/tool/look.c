/* `teaspoon look` on heaps of every family and kind, as other machines would have them in memory, and with every byte
 * changed: what it calls sound is what the heap itself calls sound, all else has a fault with a name. run.sh compiles it
 * with -DTSP_V=..., with the tool's objects but for main. Prints one line per failure; the last is "N passed, N failed". */
#define _POSIX_C_SOURCE 200809L

#include "command.h"
#include "say.h"
#include "teaspoon.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PASTE2(a, b) a##_##b
#define PASTE(a, b) PASTE2(a, b)
#define V(name) PASTE(TSP_V, name)

enum { MOST = 1150000, OBJECTS = 400 }; /* tsp16m has three levels of bits then */
static union {
    unsigned char bytes[MOST];
    long long aligned;
} memory;
static TSP_V kitchen;
static unsigned char dump[MOST + 64];
static size_t passed, failed;
static unsigned long drawn = 1;

static void judge(int ok, const char *what, size_t a, size_t b) {
    if (ok) passed++;
    else if (++failed < 20) printf("FAILED: %s (%zu, %zu)\n", what, a, b);
}

static unsigned long draw(unsigned long below) {
    drawn = (drawn * 1103515245 + 12345) & 0x7FFFFFFF;
    return (drawn >> 8) % below;
}

/* Objects that come and go, and in the end every fourth of them goes. */
static void fill(size_t bytes, int sized, unsigned long seed) {
    void *at[OBJECTS] = {NULL};
    size_t size[OBJECTS];
    drawn = seed;
    if (sized) V(init_sized)(&kitchen, memory.bytes, bytes);
    else V(init)(&kitchen, memory.bytes, bytes);
    for (int i = 0; i < 3000; i++) {
        const size_t k = draw(OBJECTS);
        if (at[k]) {
            V(dealloc)(&kitchen, at[k], size[k], 1);
            at[k] = NULL;
        } else {
            size[k] = 1 + draw(bytes / (i % 7 ? 100 : 10));
            at[k] = V(alloc)(&kitchen, size[k], 1);
        }
    }
    for (size_t k = 0; k < OBJECTS; k += 4)
        if (at[k]) V(dealloc)(&kitchen, at[k], size[k], 1);
}

/* -- As another machine has it ---------------------------------------------------------------------------------------- */

static int order; /* 'l' or 'b' */

static unsigned char *put(unsigned char *to, unsigned long long n, unsigned bytes) {
    for (unsigned i = 0; i < bytes; i++) to[order == 'b' ? bytes - 1 - i : i] = (unsigned char)(n >> 8 * i);
    return to + bytes;
}

static void turn(unsigned char *at, unsigned bytes, size_t count) {
    for (; order == 'b' && count > 0; count--, at += bytes)
        for (unsigned i = 0; i < bytes / 2; i++) {
            unsigned char c = at[i];
            at[i] = at[bytes - 1 - i];
            at[bytes - 1 - i] = c;
        }
}

static const size_t link_bytes = sizeof kitchen.gap, has_index = sizeof(TSP_V) > sizeof(tsp4k);
enum { BASE = 0x4000 };

/* The handle's bytes, and the heap's at BASE, which is all that 16 bits can have of it; in `dump`, one after the other. */
static size_t translate(unsigned pointer, size_t *heap) {
    const size_t granule = 2 * link_bytes, map = kitchen.state & 1 ? ((size_t)kitchen.granules + 7) / 8 : 0;
    const size_t index = kitchen.granules * granule + (map + 3) / 4 * 4;
    const int indexed = has_index && kitchen.granules >= 8192;
    unsigned char *p = put(dump, BASE, pointer), *x;
    size_t n = kitchen.granules * granule + map;
    if (has_index) p = put(p, BASE + index, pointer);
    p = put(p, kitchen.objects, (unsigned)link_bytes);
    p = put(p, kitchen.used, (unsigned)link_bytes);
    p = put(p, kitchen.peak, (unsigned)link_bytes);
    p = put(p, kitchen.gap, (unsigned)link_bytes);
    p = put(p, kitchen.granules, (unsigned)link_bytes);
    *p++ = kitchen.failed;
    *p++ = kitchen.state;
    x = p;
    *heap = (size_t)(x - dump);
    if (indexed) {
        const size_t heads = link_bytes == 2 ? 12 : 16, lasts = link_bytes == 2 ? 116 : 360;
        size_t chunks = ((size_t)kitchen.granules + 127) / 128, level = index + lasts + (chunks + 3) / 4 * 4;
        n = level;
        for (size_t words = (chunks + 31) / 32;; words = (words + 31) / 32) {
            n += 4 * words;
            if (words == 1) break;
        }
        memcpy(x, memory.bytes, n);
        turn(x + index, 4, heads / 4);
        turn(x + index + heads, (unsigned)link_bytes, (lasts - heads) / link_bytes);
        turn(x + level, 4, (n - level) / 4);
    } else {
        memcpy(x, memory.bytes, n);
    }
    for (size_t end = 0, gap = kitchen.gap; gap < kitchen.granules - end;) {
        unsigned char *node = x + (end += gap + 1) * granule - granule;
        size_t size = 0;
        gap = 0;
        memcpy(&gap, memory.bytes + (end - 1) * granule, link_bytes);
        memcpy(&size, memory.bytes + (end - 1) * granule + link_bytes, link_bytes);
        if (indexed && size > 1) turn(x + (end - size) * granule, (unsigned)link_bytes, 2);
        turn(node, (unsigned)link_bytes, 2);
    }
    return *heap + n;
}

/* -- What look says --------------------------------------------------------------------------------------------------- */

static options how;
static uint64_t handle = 0x100;
static int searching;
static char said[4096];

static void save(const char *name, const unsigned char *bytes, size_t n) {
    FILE *file;
    remove(name); /* to write over a file is slow on some file systems */
    file = fopen(name, "wb");
    if (file == NULL || fwrite(bytes, 1, n, file) != n || fclose(file)) exit(9);
}

static int look_into(char **files, size_t count) {
    int code, kept[2];
    FILE *file;
    fflush(stdout);
    for (int i = 0; i < 2; i++) {
        kept[i] = dup(1 + i);
        remove(i ? "err" : "out");
        if (freopen(i ? "err" : "out", "w", i ? stderr : stdout) == NULL) exit(9);
    }
    how.handle = handle;
    how.handle_given = !searching;
    code = look_at(files, count, &how);
    fflush(stdout);
    fflush(stderr);
    for (int i = 0; i < 2; i++) {
        dup2(kept[i], 1 + i);
        close(kept[i]);
    }
    file = fopen(code == DONE ? "out" : "err", "r");
    said[file ? fread(said, 1, sizeof said - 1, file) : 0] = '\0';
    if (file) fclose(file);
    return code;
}

static const family *here(void) {
    return family_named(has_index ? link_bytes == 2 ? "128k" : "16m" : "4k");
}

static int look(size_t heap, size_t size) {
    char handle_file[] = "handle.dump@0x100", heap_file[] = "heap.dump@0x4000", *files[] = {handle_file, heap_file};
    save("handle.dump", dump, heap);
    save("heap.dump", dump + heap, size - heap);
    return look_into(files, 2);
}

/* A core file, as of a program whose heap lies in two mappings; the second may have gone on elsewhere. Where in it its
 * numbers are: */
static const struct where {
    unsigned header, table, entry_size, entries, entry, offset, at, size;
} elf32 = {52, 28, 42, 44, 32, 4, 8, 16}, elf64 = {64, 32, 54, 56, 56, 8, 16, 32};
static unsigned char core[MOST + 1000];
static size_t table; /* where its entries are */

static size_t make_core(unsigned word, size_t heap, size_t size, size_t hole, int table_last) {
    const struct where *w = word == 4 ? &elf32 : &elf64;
    const size_t half = (size - heap) / 2, sizes[] = {heap, 4096, 0, half, size - heap - half}, entries = 5 * w->entry;
    const size_t at[] = {0x100, 0, 0x100, BASE, BASE + half + hole}, content = w->header + (table_last ? 0 : entries);
    size_t offset = content;
    memset(core, 0, w->header + entries + size);
    memcpy(core, "\177ELF", 4);
    core[4] = word == 4 ? 1 : 2;
    core[5] = order == 'b' ? 2 : 1;
    table = table_last ? content + size : w->header;
    put(core + w->table, table, word);
    put(core + w->entry_size, w->entry, 2);
    put(core + w->entries, 5, 2);
    for (size_t i = 0; i < 5; i++) {
        unsigned char *p = core + table + i * w->entry;
        put(p, i == 1 ? 4 : 1, 4);                                          /* a note, which is not to be loaded */
        put(p + w->offset, sizes[i] && i != 1 ? offset : 0xFFFFFFF0, word); /* that, and nothing, may lie anywhere */
        put(p + w->at, at[i], word);
        put(p + w->size, sizes[i], word);
        if (i != 1) offset += sizes[i];
    }
    memcpy(core + content, dump, size);
    return w->header + entries + size;
}

static int look_into_core(size_t n) {
    char *files[] = {"core"};
    save("core", core, n);
    return look_into(files, 1);
}

static void refuses(const char *what, size_t n) {
    judge(look_into_core(n) == BAD_INPUT && strcmp(said, "teaspoon: core: a damaged or truncated ELF file\n") == 0, what, n,
          (size_t)order);
}

/* A number of the core file is another. */
static void damaged(const char *what, size_t n, size_t at, unsigned bytes, unsigned long long number) {
    unsigned char was[8];
    memcpy(was, core + at, bytes);
    put(core + at, number, bytes);
    refuses(what, n);
    memcpy(core + at, was, bytes);
}

static void core_files(unsigned word) {
    const struct where *w = word == 4 ? &elf32 : &elf64;
    size_t heap, size = translate(word, &heap);
    how = (options){.bits = 0};
    for (int table_last = 0; table_last < 2; table_last++) {
        const size_t n = make_core(word, heap, size, 0, table_last), last = table + 4 * w->entry;
        judge(look_into_core(n) == DONE, "a core file", word, (size_t)order);
        judge(strstr(said, word == 4 ? ", 32 bits, " : ", 64 bits, ") != NULL, "its pointers", word, (size_t)order);
        memset(core + n, 0, w->entry); /* behind the last entry */
        put(core + n, 1, 4);
        put(core + n + w->offset, 0xFFFFFFF0, word);
        put(core + n + w->size, 8, word);
        judge(!table_last || look_into_core(n + w->entry) == DONE, "no more entries than it says", n, word);
        judge(look_into_core(5) == BROKEN_HEAP, "five bytes are no ELF file", n, word);
        core[3] ^= 1;
        judge(look_into_core(n) == BROKEN_HEAP, "nor is what begins like one", n, word);
        core[3] ^= 1;
        for (size_t cut = 6; cut < n; cut += cut < 80 || cut + 20 > n ? 1 : 31) refuses("cut short", cut);
        damaged("smaller entries", n, w->entry_size, 2, w->entry - 1);
        damaged("no entries", n, w->entry_size, 2, 0);
        damaged("a table beyond the end", n, w->table, word, n + 1);
        damaged("a table at the end", n, w->table, word, n);
        if (table_last) damaged("one entry more", n, w->entries, 2, 6);
        if (!table_last) damaged("a byte more", n, last + w->size, word, size - heap - (size - heap) / 2 + 1);
        damaged("at the end", n, last + w->offset, word, n);
        damaged("beyond it", n, last + w->offset, word, n + 1);
        damaged("far beyond it", n, last + w->offset, word, 0 - 8ull);
        damaged("far more", n, last + w->size, word, 0 - 8ull);
        put(core + w->entries, 0, 2);
        put(core + w->table, n, word);
        judge(look_into_core(n) == BROKEN_HEAP && strstr(said, "the handle is not in the dump"), "no segments", n, word);
        judge(look_into_core(make_core(word, heap, size, 8, table_last)) == BROKEN_HEAP, "half a heap", size, (size_t)order);
    }
}

/* Files and where their first byte was. */
static void files(void) {
    char names[][40] = {"h.dump@8", "odd@-5", "odd@5x", "odd@", "my@home@0x100", "h.dump@256", "h.dump@0400", "h.dump@96"};
    static const uint64_t at[] = {8, 0, 0, 0, 0x100, 0x100, 0x100, 96};
    static const char *const stored[] = {"h.dump", "odd@-5", "odd@5x", "odd@", "my@home", "h.dump", "h.dump", "h.dump"};
    size_t heap, size, half;
    order = 'l';
    size = translate(4, &heap);
    how = (options){.bits = 0};
    for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
        char heap_file[] = "heap.dump@0x4000", *both[] = {names[i], heap_file};
        save(stored[i], dump, heap);
        save("heap.dump", dump + heap, size - heap);
        handle = at[i];
        judge(look_into(both, 2) == DONE, stored[i], i, 0);
    }
    handle = 0x100;
    how = (options){.bits = 32, .family = here()};
    memset(core, 0, 0x100);
    memcpy(core + 0x100, dump, heap - 1);
    judge(look_into_core(0x100 + heap - 1) == BROKEN_HEAP && strstr(said, "the handle is not in the dump"), "nearly a handle", heap, 0);
    for (size_t i = 0; i < 3; i++) {
        char handle_file[] = "handle.dump@0x100", heap_file[] = "heap.dump@0x4000", rest_file[40];
        char *some[] = {handle_file, heap_file, rest_file};
        half = i < 2 ? size - heap - i : (size - heap) / 2;
        save("handle.dump", dump, heap - (i == 0));
        save("heap.dump", dump + heap, half);
        save("rest.dump", dump + heap + half, size - heap - half);
        snprintf(rest_file, sizeof rest_file, "rest.dump@%zu", BASE + half);
        judge(look_into(some, 3) == BROKEN_HEAP && strstr(said, i ? "the heap is not in the dump" : "the handle is not in the dump"),
              said, i, half);
    }
}

static void every_machine(int sized) {
    static const unsigned pointers[] = {2, 4, 8};
    char expected[200];
    size_t heap, size;
    const tsp_usage u = V(usage)(&kitchen);
    snprintf(expected, sizeof expected, "sound: used %zu,", u.used);
    for (int i = 0; i < 6; i++) {
        order = i < 3 ? 'l' : 'b';
        size = translate(pointers[i % 3], &heap);
        if (kitchen.granules * 2 * link_bytes > 0xB000 && pointers[i % 3] == 2) continue;
        how = (options){.bits = 0};
        judge(look(heap, size) == DONE, "the heap is sound", pointers[i % 3], (size_t)order);
        for (char *comma = said, *to = said;; comma++) /* without the commas between digits */
            if (*comma != ',' || comma[1] == ' ') {
                if ((*to++ = *comma) == '\0') break;
            }
        judge(strstr(said, expected) != NULL, "used is as the heap has it", u.used, (size_t)sized);
        judge(strstr(said, order == 'b' ? "big-endian" : "little-endian") != NULL, "the byte order", (size_t)order, pointers[i % 3]);
        judge(strstr(said, sized ? ", sized;" : "remembers sizes") != NULL, "the kind", (size_t)sized, 0);
        how = (options){.bits = 8 * pointers[i % 3], .family = here()};
        judge(look(heap, size - 1) == BROKEN_HEAP && strstr(said, "the heap is not in the dump"), "all of its bytes", size, 0);
        how = (options){.bits = 0};
        if (pointers[i % 3] != 8) continue;
        judge(look_into_core(make_core(8, heap, size, 0, 0)) == DONE, "a core file", size, (size_t)order);
    }
}

/* Other values of each byte, of the heap's from some on: what look finds, and where, is what the heap itself does. */
static void every_byte(size_t from, size_t step) {
    char expected[200];
    const size_t chunks = ((size_t)kitchen.granules + 127) / 128, map = kitchen.state & 1 ? ((size_t)kitchen.granules + 7) / 8 : 0;
    size_t heap, size, ends, flips = 0, noticed = 0;
    order = 'l';
    size = translate(4, &heap);
    ends = heap + kitchen.granules * 2 * link_bytes + (map + 3) / 4 * 4 + (link_bytes == 2 ? 116 : 360); /* of long objects */
    how = (options){.bits = 32};
    for (int k = 0; k < (from ? 4 : 3); k++) {
        const unsigned char other = (unsigned char)(k == 0 ? 1 : k == 1 ? 0x80 : k == 2 ? 0xFF : 2);
        for (size_t i = from ? heap + from : 0; i < size; i += i < heap ? 1 : step) {
            int code;
            tsp_report itself;
            dump[i] ^= other;
            code = look(heap, size);
            judge(code == DONE || code == BROKEN_HEAP, "sound or damaged, nothing else", i, other);
            if (code == BROKEN_HEAP)
                judge(strncmp(said, "teaspoon: handle.dump: ", 23) == 0 && strchr(said, '\n') == said + strlen(said) - 1,
                      "a fault in one line", i, other);
            dump[i] ^= other;
            if (i < heap) continue; /* the heap itself does not doubt its handle so much */
            memory.bytes[i - heap] ^= other;
            itself = V(check)(&kitchen);
            memory.bytes[i - heap] ^= other;
            judge((itself.status == TSP_OK) == (code == DONE), "what the heap says itself", i - heap, other);
            flips++;
            if (itself.status == TSP_OK) continue;
            noticed++;
            snprintf(expected, sizeof expected, "damaged at byte %zu (0x%zx): %s", itself.at, BASE + itself.at, itself.what);
            if (strstr(itself.what, "long object")) strcpy(expected, "): ["); /* of these it says more, or looks at objects first */
            if (strstr(itself.what, "long object ends") && i >= ends && i - ends < chunks)
                snprintf(expected, sizeof expected, "damaged at byte %zu (0x%zx): [4] the index does not have where a long object ends",
                         (i - ends) * 256 * link_bytes, BASE + (i - ends) * 256 * link_bytes);
            if (strstr(itself.what, "last hole")) *(strchr(expected, ']') + 1) = '\0'; /* or a long object's end */
            judge(strstr(said, expected) != NULL, expected, i - heap, other);
        }
    }
    judge(noticed > 0 || step > 1, "damage", flips, noticed);
}

/* What no single byte breaks: a bin that is empty, and says so, though a hole belongs there; and the handle's index. */
static void index_by_hand(void) {
    const unsigned link = (unsigned)link_bytes, heads = link == 2 ? 12 : 16, end = link == 2 ? 116 : 360;
    const size_t map = kitchen.state & 1 ? ((size_t)kitchen.granules + 7) / 8 : 0, at = kitchen.granules * 2 * link + (map + 3) / 4 * 4;
    size_t heap, size, emptied = 0;
    order = 'l';
    how = (options){.bits = 32, .family = here()};
    size = translate(4, &heap);
    dump[4] ^= 4;
    judge(look(heap, size) == BROKEN_HEAP && strstr(said, "byte 0 (0x4000): [7] the handle has the index at another address\n"), said, 0, 0);
    dump[4] ^= 4;
    for (unsigned bin = 0; heads + bin * link < end; bin++) {
        unsigned char was[4], *head = dump + heap + at + heads + bin * link, *bits = dump + heap + at + bin / 8;
        memcpy(was, head, link);
        if (!(*bits >> bin % 8 & 1)) continue;
        memset(head, 0, link);
        *bits ^= (unsigned char)(1 << bin % 8);
        judge(look(heap, size) == BROKEN_HEAP && strstr(said, "byte 0 (0x4000): [5] a hole is in no bin\n"), said, bin, 0);
        memcpy(head, was, link);
        *bits ^= (unsigned char)(1 << bin % 8);
        emptied++;
    }
    judge(emptied > 0, "a bin", emptied, 0);
}

/* Objects of several chunks, which begin where a chunk does, just before or just behind it; some are just too short. */
static void long_objects(size_t bytes, int sized) {
    static const int sizes[] = {8 * 128, 8 * 128, 8 * 128 + 2, 7 * 128 - 4, 6 * 128 + 2, 6 * 128, 6 * 128 - 2, 4 * 128, 3 * 128 + 4, 3 * 128,
                                3 * 128 - 2, 2 * 128};
    if (sized) V(init_sized)(&kitchen, memory.bytes, bytes);
    else V(init)(&kitchen, memory.bytes, bytes);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        judge(V(alloc)(&kitchen, (size_t)(sizes[i] - (i == 3 && link_bytes == 4)) * 2 * link_bytes, 8) != NULL, "a long object", i, 0);
    every_machine(sized);
    every_byte(kitchen.granules * 2 * link_bytes + (sized ? 0 : kitchen.granules / 8), 1); /* its index */
}

/* -- A heap of 32 granules of 4 bytes, written by hand ---------------------------------------------------------------- */

typedef struct numbers {
    unsigned base, objects, used, peak, gap, granules, failed, state, gaps[2], sizes[2];
    unsigned long long marks; /* a bit a granule */
} numbers;

/*      0    4    8   10  11     14                  32
 *      |A   |    |B  |C  |      |D                   |     remembering; sizes as they are */
static const numbers sound = {BASE, 4, 25, 30, 7, 32, 3, 65, {5, 18}, {4, 3}, 1u << 3 | 1u << 9 | 1u << 10 | 1ull << 31};

static int look_at_numbers(const numbers *n) {
    unsigned char *p = dump;
    how = (options){.bits = 32, .family = here()};
    order = 'l';
    memset(dump, 0, 300);
    p = put(p, n->base, 4);
    p = put(p, n->objects, 2);
    p = put(p, n->used, 2);
    p = put(p, n->peak, 2);
    p = put(p, n->gap, 2);
    p = put(p, n->granules, 2);
    *p++ = (unsigned char)n->failed;
    *p++ = (unsigned char)n->state;
    put(put(p + 7 * 4, n->gaps[0], 2), n->sizes[0], 2);
    put(put(p + 13 * 4, n->gaps[1], 2), n->sizes[1], 2);
    put(p + n->granules * 4, n->marks, 8);
    return look((size_t)(p - dump), (size_t)(p - dump) + 140);
}

static void is_sound(numbers n, const char *expected) {
    judge(look_at_numbers(&n) == DONE && strstr(said, expected) != NULL, said, n.state, 0);
}

static void is_wrong(numbers n, const char *expected) {
    char line[300];
    snprintf(line, sizeof line, "teaspoon: handle.dump: %s\n", expected);
    judge(look_at_numbers(&n) == BROKEN_HEAP && strcmp(said, line) == 0, expected, n.state, 0);
}

static void fault_at(numbers n, unsigned byte, const char *what) {
    char line[200];
    snprintf(line, sizeof line, "tsp4k heap at 0x4000: damaged at byte %u (0x%x): %s", byte, BASE + byte, what);
    is_wrong(n, line);
}

#define WITH(field, value) with((numbers[]){sound}, offsetof(numbers, field), (value))
static numbers with(numbers *n, size_t at, unsigned value) {
    memcpy((char *)n + at, &value, sizeof value);
    return *n;
}
static numbers marks(unsigned granules, unsigned long long bits, unsigned state) { /* without a hole */
    unsigned objects = 0;
    for (unsigned long long b = bits; b; b &= b - 1) objects++;
    return (numbers){BASE, objects, granules, granules, granules, granules, 0, state, {0, 0}, {0, 0}, bits};
}

/* Of two readings the sound one: one object of 257 granules, big-endian; the other way round there are 256 of them. */
static void either_order(void) {
    unsigned char *p = dump;
    memset(dump, 0, 1200);
    order = 'b';
    p = put(p, 0x40000040, 4);
    p = put(p, 1, 2);
    for (int i = 0; i < 4; i++) p = put(p, 257, 2);
    *p++ = 0;
    *p++ = 65;
    p[257 * 4 + 32] = 1; /* its mark */
    for (unsigned bits = 0; bits <= 32; bits += 32) {
        char handle_file[] = "handle.dump@0x100", heap_file[] = "heap.dump@0x40000040", *both[] = {handle_file, heap_file};
        how = (options){.bits = bits};
        save("handle.dump", dump, (size_t)(p - dump));
        save("heap.dump", p, 257 * 4 + 33);
        judge(look_into(both, 2) == DONE && strstr(said, ", big-endian\n  sound: used 1,028, free 0, objects 1,"), said, bits, 0);
        p[257 * 4 + 32] = 3; /* damaged: no reading is sound, and one is told */
        save("heap.dump", p, 257 * 4 + 33);
        handle_file[11] = heap_file[9] = '@'; /* which look has cut off */
        judge(look_into(both, 2) == BROKEN_HEAP && strstr(said, "tsp4k heap at 0x40000040: damaged at byte 1028 "), said, bits, 1);
        p[257 * 4 + 32] = 1;
    }
}

/* Without --handle: every heap that the dumps have, wherever a handle lies in them; look_at_numbers has left both files. */
static void found(size_t heaps, const char *name, const unsigned char *bytes, size_t n) {
    static int swapped;
    char heap_file[] = "heap.dump@0x4000", file[60], *both[] = {file, heap_file}, *other[] = {heap_file, file};
    size_t seen = 0;
    save(strtok(strcpy(file, name), "@"), bytes, n);
    strcpy(file, name);
    how = (options){.quiet = 1};
    searching = 1;
    judge(look_into((swapped ^= 1) ? both : other, 2) == (heaps ? DONE : BROKEN_HEAP), said, heaps, n);
    searching = 0;
    for (const char *at = said; (at = strstr(at, "  sound: used ")) != NULL; at++) seen++;
    judge(seen == heaps && (heaps || strstr(said, ": no sound heap in it\n")) && !strstr(said, " object\n"), said, seen, heaps);
}

static void searched(void) {
    static unsigned char bytes[200];
    unsigned char is[16];
    for (size_t before = 0; before < 12; before++) /* the handle is at 0x2000 or 0x2008, with so many bytes before it */
        for (size_t behind = 0; behind < 3; behind++) {
            char name[40];
            look_at_numbers(&sound);
            memcpy(is, dump, sizeof is);
            memset(bytes, 0xA5, sizeof bytes);
            memcpy(bytes + before, is, sizeof is);
            snprintf(name, sizeof name, "in.dump@%zu", 0x2000 + before % 4 * 4 - before);
            found(1, name, bytes, before + sizeof is + behind);
            memcpy(bytes + before + 20, is, sizeof is);
            found(2, name, bytes, before + 20 + sizeof is + behind);
        }
    found(0, "in.dump@0x2001", is, sizeof is);
    found(0, "in.dump@0x2000", is, sizeof is - 1);
    look_at_numbers((numbers[]){WITH(objects, 5)}); /* damaged */
    found(0, "in.dump@0x2000", dump, sizeof is);
    for (unsigned peak = 0; peak < 2; peak++) { /* one hole: where no object ever was, too little is known of it */
        const numbers hole = {.base = BASE, .peak = peak, .gap = 31, .granules = 32, .state = 65};
        look_at_numbers(&hole);
        put(put(dump + 16 + 31 * 4, 0, 2), 32, 2);
        save("heap.dump", dump + 16, 140);
        found(peak, "in.dump@0x2000", dump, sizeof is);
    }
    look_at_numbers((numbers[]){{.base = BASE, .peak = 3, .state = 65}});
    found(0, "in.dump@0x2000", dump, sizeof is);
}

static void by_hand(void) {
    static const char *const no_mark = "[6] no mark where the last object before a hole or the heap's end ends";
    static const char *const not_rounded = "[6] an object has a size that is not rounded";
    static const char *const peak = "[7] the peak is wrong";
    numbers n = sound;
    is_sound(sound, "tsp4k heap at 0x4000, 128 bytes, remembers sizes; handle at 0x100, 32 bits, little-endian\n"
                    "  sound: used 100, free 28, objects 4, holes 2, largest 16, low_free 8, failed 3\n"
                    "           0  [===....[=[...[=================\n"
                    "  a cell is 4 bytes: [ an object begins, = it goes on, . free\n"
                    "  0x00004000          16  object\n  0x00004010          16  hole\n  0x00004020           8  object\n"
                    "  0x00004028           4  object\n  0x0000402c          12  hole\n  0x00004038          72  object\n");
    judge(said[strlen(said) - 1] == '\n' && strstr(said, "72  object\n")[11] == '\0', "and no more", 0, 0);
    is_sound(WITH(state, 64), "  0x00004000          16  objects\n  0x00004010          16  hole\n  0x00004020          12  objects\n");

    n = WITH(state, 64); /* it begins with a hole, and has nothing else before it */
    n.sizes[0] = 8;
    n.used = 21;
    is_sound(n, ". free\n  0x00004000          32  hole\n  0x00004020          12  objects\n");
    n = sound;

    searched();
    is_wrong(WITH(state, 0), "0x100: there is no heap: the handle has not been made");
    for (unsigned state = 1; state < 256; state++) {
        const char *wrong = (state & 194) != 64 ? "0x100: the handle's state is not one of this family"
                          : (state & 24) == 16 ? "0x100: the handle's state says that sizes are rounded to 16, but not to 8"
                          : state & 4 ? "0x100: the heap was being made" : NULL;
        if (wrong) is_wrong(WITH(state, state), wrong);
    }
    is_wrong(WITH(base, 0x02004002), "0x100: the heap's address is not a multiple of a granule");
    is_wrong(WITH(base, BASE + 4096), "0x100: the heap is not in the dump");
    is_sound((numbers){.state = 65}, "tsp4k heap at 0x0, 0 bytes, remembers sizes;");
    judge(strcmp(said, "tsp4k heap at 0x0, 0 bytes, remembers sizes; handle at 0x100, 32 bits, little-endian\n"
                       "  sound: used 0, free 0, objects 0, holes 0, largest 0, low_free 0, failed 0\n") == 0, said, 0, 0);
    fault_at(WITH(granules, 0), 0, "[7] objects in a heap without granules");
    is_wrong((numbers){.base = BASE, .used = 1, .state = 64},
             "tsp4k heap at 0x4000: damaged at byte 0 (0x4000): [7] objects in a heap without granules");
    is_wrong((numbers){.base = BASE, .objects = 1, .state = 64},
             "tsp4k heap at 0x4000: damaged at byte 0 (0x4000): [7] objects in a heap without granules");
    is_wrong((numbers){.base = BASE, .gap = 1, .state = 64},
             "tsp4k heap at 0x4000: damaged at byte 0 (0x4000): [7] objects in a heap without granules");

    fault_at(WITH(sizes[0], 0), 32, "[2] a hole's size is zero, or reaches into the hole before it");
    fault_at(WITH(sizes[0], 9), 32, "[2] a hole's size is zero, or reaches into the hole before it");
    fault_at(WITH(sizes[1], 7), 56, "[2] a hole's size is zero, or reaches into the hole before it");
    fault_at(WITH(sizes[1], 6), 56, "[3] two holes touch");
    fault_at(WITH(sizes[0], 8), 0, "[6] a mark inside a hole");
    fault_at(WITH(gaps[1], 19), 56, "[1] a gap link leads out of the heap");
    fault_at(WITH(gap, 33), 0, "[1] a gap link leads out of the heap");
    for (unsigned bit = 0; bit < 32; bit++) {
        n.marks = sound.marks ^ 1ull << bit;
        if (bit == 9) fault_at(n, 0, "[7] the number of objects is wrong"); /* B and C are one */
        else if (sound.marks >> bit & 1) fault_at(n, bit == 3 ? 16 : bit == 31 ? 128 : 44, no_mark);
        else if (bit >= 4 && bit < 8) fault_at(n, 16, "[6] a mark inside a hole");
        else if (bit >= 11 && bit < 14) fault_at(n, 44, "[6] a mark inside a hole");
        else fault_at(n, 0, "[7] the number of objects is wrong");
    }
    for (unsigned bit = 30; bit < 32; bit++) {
        n = marks(30, 1u << 29, 65);
        is_sound(n, "objects 1, holes 0, largest 0,");
        n.marks |= 1ull << bit;
        fault_at(n, 120, "[6] marks beyond the last granule");
    }
    fault_at(WITH(objects, 5), 0, "[7] the number of objects is wrong");
    fault_at(WITH(used, 24), 0, "[7] used and free do not add up");
    fault_at(WITH(peak, 24), 0, peak);
    fault_at(WITH(peak, 33), 0, peak);
    is_sound(WITH(peak, 25), "low_free 28, failed");
    is_sound(WITH(peak, 32), "low_free 0, failed");
    n = WITH(state, 64);
    n.objects = 25;
    is_sound(n, "objects 25, holes 2");
    n.objects = 26;
    fault_at(n, 0, "[7] more objects than granules");
    n.objects = 0;
    fault_at(n, 0, "[7] granules in use without objects, or the reverse");

    /* Sizes, rounded to 4, 8 or 16 bytes from there on: objects of 1, 2, 3, 4, 5, 6 and 8 granules. */
    for (unsigned size = 1; size <= 8; size++)
        for (unsigned round = 4; round <= 16; round *= 2) {
            n = marks(size, 1u << (size - 1), round == 4 ? 65 : round == 8 ? 65 + 8 : 65 + 8 + 16);
            if (4 * size < round || 4 * size % round == 0) is_sound(n, ", objects 1, ");
            else fault_at(n, 4 * size, not_rounded);
        }
}

int main(void) {
    if (!has_index) by_hand();
    if (!has_index) either_order();
    for (int sized = 0; sized < 2; sized++) {
        fill(500, sized, 1);
        files();
        for (unsigned word = 4; word <= 8; word += 4)
            for (order = 'l'; order; order = order == 'l' ? 'b' : 0) core_files(word);
        every_machine(sized);
        for (unsigned long seed = 1; seed <= 4; seed++) {
            fill(240, sized, seed);
            every_byte(0, 1);
        }
        fill(44000, sized, 1); /* tsp128k has an index, and all of it fits in 16 bits */
        every_machine(sized);
        every_byte(0, 1999);
        for (size_t granules = 8191; has_index && granules <= 8193; granules++) { /* the first heaps with an index */
            size_t bytes = granules * 2 * link_bytes;
            do {
                bytes += 2 * link_bytes;
                if (sized) V(init_sized)(&kitchen, memory.bytes, bytes);
                else V(init)(&kitchen, memory.bytes, bytes);
            } while (kitchen.granules < granules);
            fill(bytes, sized, granules);
            judge(kitchen.granules - granules < 8 / (2 * link_bytes), "as many granules", kitchen.granules, granules);
            every_machine(sized);
            if (granules >= 8192) index_by_hand();
            if (granules == 8192) long_objects(bytes, sized);
        }
        if (has_index) {
            every_byte(kitchen.granules * 2 * link_bytes, 1); /* its map and its index */
            fill(link_bytes == 2 ? 200000 : MOST, sized, 1);
            every_machine(sized);
            every_byte(0, link_bytes == 2 ? 9973 : 199999);
        }
    }
    printf("%zu passed, %zu failed\n", passed, failed);
    return failed != 0;
}
