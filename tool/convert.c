/* See convert.h. SPDX-License-Identifier: BSD-3-Clause
 *
 * Addresses become IDs. A child of fork begins with its parent's objects, which its heap must hold too: for them the
 * parent's recording is played up to the fork. */
#define _POSIX_C_SOURCE 200809L

#include "convert.h"
#include "recording.h"
#include "say.h"
#include "symbols.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef TSP_PLAIN_TRACES
#include <zlib.h>
#endif

/* -- Recordings ------------------------------------------------------------------------------------------------------
 */

typedef struct call_stack {
    uint64_t at[RECORDING_FRAMES_MOST];
    unsigned depth;
    uint32_t site; /* its number in traces; 0: it has none yet */
} call_stack;

typedef struct recording {
    char *path;
    const recording_header *header;
    size_t bytes;
    const event **events; /* in order; NULL where the process died before it had written one */
    size_t count;
    struct recording *parent;
    uint32_t *stack_of; /* the number of a stack in the recording -> its place among stacks, and 1 */
    size_t stack_room, stack_count;
    call_stack *stacks;
    symbols *symbols;
} recording;

/* A site is what its call stacks are written as, whichever process they are in. */
typedef struct site {
    char *text;
    size_t shown_in; /* the number of the trace that has last said what it is, and 1 */
} site;

struct recordings {
    recording *all;
    size_t count;
    site *sites;
    size_t site_count;
    uint32_t *site_table; /* by hash of the text; a power of two */
    size_t site_room;
};

static event_kind kind_of(const event *e) {
    return (event_kind)(e->kind_and_given & 15);
}

static const event *nth_event(const recording *r, size_t chunk, size_t i) {
    return (const event *)(const void *)((const char *)r->header + chunk * RECORDING_CHUNK) + i;
}

static void add_frame(recording *r, const event *e) {
    call_stack *s;
    if (e->size >= RECORDING_FRAMES_MOST || e->site == 0) return;
    if (e->site >= r->stack_room) {
        size_t room = (size_t)e->site * 2;
        r->stack_of = need(realloc(r->stack_of, room * sizeof *r->stack_of));
        memset(r->stack_of + r->stack_room, 0, (room - r->stack_room) * sizeof *r->stack_of);
        r->stack_room = room;
    }
    if (r->stack_of[e->site] == 0) {
        if ((r->stack_count & (r->stack_count - 1)) == 0)
            r->stacks = need(realloc(r->stacks, (r->stack_count * 2 + 1) * sizeof *r->stacks));
        r->stacks[r->stack_count] = (call_stack){{0}, 0, 0};
        r->stack_of[e->site] = (uint32_t)++r->stack_count;
    }
    s = &r->stacks[r->stack_of[e->site] - 1];
    s->at[e->size] = e->address;
    if (s->depth <= e->size) s->depth = (unsigned)e->size + 1;
}

/* Chunks are in no order, since each belongs to a thread. */
static void sort_events(recording *r) {
    size_t chunks = r->bytes / RECORDING_CHUNK;
    uint64_t last = 0, most = (uint64_t)chunks * RECORDING_EVENTS;
    for (size_t c = 1; c < chunks; c++) {
        for (size_t i = 0; i < RECORDING_EVENTS; i++) {
            const event *e = nth_event(r, c, i);
            if (e->order > last && e->order <= most) last = e->order;
        }
    }
    r->count = (size_t)last;
    r->events = need(calloc(r->count + 1, sizeof *r->events));
    for (size_t c = 1; c < chunks; c++) {
        for (size_t i = 0; i < RECORDING_EVENTS; i++) {
            const event *e = nth_event(r, c, i);
            if (e->order == 0 || e->order > last) continue;
            r->events[e->order - 1] = e;
            if (kind_of(e) == EVENT_FRAME) add_frame(r, e);
        }
    }
}

static int open_recording(recording *r, char *path) {
    struct stat about;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    void *bytes = MAP_FAILED;
    *r = (recording){0};
    if (file >= 0 && fstat(file, &about) == 0 && about.st_size >= RECORDING_CHUNK) {
        r->bytes = (size_t)about.st_size / RECORDING_CHUNK * RECORDING_CHUNK;
        bytes = mmap(NULL, r->bytes, PROT_READ, MAP_SHARED, file, 0);
    }
    if (file >= 0) close(file);
    if (bytes == MAP_FAILED) return 0;
    r->header = bytes;
    r->path = path;
    if (memcmp(r->header->magic, RECORDING_MAGIC, sizeof r->header->magic) == 0) return 1;
    munmap(bytes, r->bytes);
    return 0;
}

static int by_beginning(const void *a, const void *b) {
    const recording *x = a, *y = b;
    if (x->header->began != y->header->began) return x->header->began < y->header->began ? -1 : 1;
    if (x->header->pid != y->header->pid) return x->header->pid < y->header->pid ? -1 : 1;
    return strcmp(x->path, y->path);
}

static char *join(const char *directory, const char *name) {
    size_t room = strlen(directory) + strlen(name) + 2;
    char *path = need(malloc(room));
    snprintf(path, room, "%s/%s", directory, name);
    return path;
}

recordings *recordings_open(const char *directory) {
    recordings *all = need(calloc(1, sizeof *all));
    DIR *d = opendir(directory);
    size_t room = 0;
    for (struct dirent *entry; d && (entry = readdir(d)) != NULL;) {
        char *path;
        if (*entry->d_name == '.' || strchr(entry->d_name, '.')) continue;
        if (all->count == room) all->all = need(realloc(all->all, (room = room * 2 + 16) * sizeof *all->all));
        path = join(directory, entry->d_name);
        if (open_recording(&all->all[all->count], path)) all->count++;
        else free(path);
    }
    if (d) closedir(d);
    if (all->count) qsort(all->all, all->count, sizeof *all->all, by_beginning);
    for (size_t i = 0; i < all->count; i++)
        for (size_t k = 0; k < all->count; k++)
            if (*all->all[i].header->parent && k != i &&
                strcmp(strrchr(all->all[k].path, '/') + 1, all->all[i].header->parent) == 0)
                all->all[i].parent = &all->all[k];
    return all;
}

void recordings_close(recordings *all) {
    for (size_t i = 0; i < all->count; i++) {
        recording *r = &all->all[i];
        if (r->symbols) symbols_close(r->symbols);
        munmap((void *)(uintptr_t)r->header, r->bytes);
        free(r->events);
        free(r->stack_of);
        free(r->stacks);
        free(r->path);
    }
    for (size_t i = 0; i < all->site_count; i++) free(all->sites[i].text);
    free(all->sites);
    free(all->site_table);
    free(all->all);
    free(all);
}

size_t recordings_count(const recordings *all) {
    return all->count;
}

const char *recording_program(const recordings *all, size_t i) {
    const char *path = all->all[i].header->program, *slash = strrchr(path, '/');
    if (memchr(path, '\0', sizeof all->all[i].header->program) == NULL) return "program";
    return slash && slash[1] ? slash + 1 : *path ? path : "program";
}

unsigned recording_process(const recordings *all, size_t i) {
    return all->all[i].header->pid;
}

/* -- Sites
 * ------------------------------------------------------------------------------------------------------------- */

static uint64_t hash_of(const char *text) {
    uint64_t hash = 14695981039346656037u;
    for (; *text; text++) hash = (hash ^ (unsigned char)*text) * 1099511628211u;
    return hash;
}

static size_t place_of(const recordings *all, const char *text) {
    size_t place = (size_t)hash_of(text) & (all->site_room - 1);
    while (all->site_table[place] && strcmp(all->sites[all->site_table[place] - 1].text, text) != 0)
        place = (place + 1) & (all->site_room - 1);
    return place;
}

static uint32_t intern(recordings *all, const char *text) {
    size_t place;
    if (all->site_count * 2 >= all->site_room) {
        free(all->site_table);
        all->site_room = all->site_room ? all->site_room * 2 : 1024;
        all->site_table = need(calloc(all->site_room, sizeof *all->site_table));
        for (size_t i = 0; i < all->site_count; i++)
            all->site_table[place_of(all, all->sites[i].text)] = (uint32_t)i + 1;
    }
    place = place_of(all, text);
    if (all->site_table[place]) return all->site_table[place];
    if ((all->site_count & (all->site_count - 1)) == 0)
        all->sites = need(realloc(all->sites, (all->site_count * 2 + 1) * sizeof *all->sites));
    all->sites[all->site_count].text = need(malloc(strlen(text) + 1));
    strcpy(all->sites[all->site_count].text, text);
    all->sites[all->site_count].shown_in = 0;
    all->site_table[place] = (uint32_t)++all->site_count;
    return (uint32_t)all->site_count;
}

/* Frames of operator new say nothing. */
static uint32_t site_of(recordings *all, recording *r, uint32_t number) {
    char text[RECORDING_FRAMES_MOST * 256] = "";
    size_t length = 0;
    call_stack *s;
    if (number == 0 || number >= r->stack_room || r->stack_of[number] == 0) return 0;
    s = &r->stacks[r->stack_of[number] - 1];
    if (s->site) return s->site;
    if (r->symbols == NULL) {
        char *maps = need(malloc(strlen(r->path) + 6));
        strcat(strcpy(maps, r->path), ".maps");
        r->symbols = symbols_open(maps);
        free(maps);
    }
    for (unsigned i = 0, shown = 0; i < s->depth && shown < r->header->frames; i++) {
        char name[200];
        int n;
        symbols_name(r->symbols, s->at[i], name, sizeof name);
        if (length == 0 && (strncmp(name, "_Znw", 4) == 0 || strncmp(name, "_Zna", 4) == 0)) continue;
        for (char *c = name; *c; c++)
            if (*c < ' ' && *c > '\0') *c = '?';
        n = snprintf(text + length, sizeof text - length, "%s%s", length ? " < " : "", name);
        length += n > 0 ? (size_t)n : 0;
        shown++;
    }
    return s->site = length ? intern(all, text) : 0;
}

/* -- Objects by address
 * ------------------------------------------------------------------------------------------------ */

typedef struct item {
    uint64_t address;         /* 0: empty */
    uint64_t size, born, was; /* was: its address, while it is being resized */
    uint32_t id, site;
    uint8_t align;
} item;

typedef struct items {
    item *all;
    size_t count, room; /* a power of two */
} items;

static size_t home(const items *x, uint64_t address) {
    return (size_t)((address >> 4) * 0x9E3779B97F4A7C15u >> 20) & (x->room - 1);
}

static item *find_item(const items *x, uint64_t address) {
    if (x->room == 0) return NULL;
    for (size_t i = home(x, address); x->all[i].address; i = (i + 1) & (x->room - 1))
        if (x->all[i].address == address) return &x->all[i];
    return NULL;
}

static void add_item(items *x, const item *new) {
    size_t i;
    if (x->count * 2 >= x->room) {
        items larger = {NULL, 0, x->room ? x->room * 2 : 1024};
        larger.all = need(calloc(larger.room, sizeof *larger.all));
        for (i = 0; i < x->room; i++)
            if (x->all[i].address) add_item(&larger, &x->all[i]);
        free(x->all);
        *x = larger;
    }
    for (i = home(x, new->address); x->all[i].address; i = (i + 1) & (x->room - 1))
        ;
    x->all[i] = *new;
    x->count++;
}

/* What comes behind moves up, so that nothing has to be marked as deleted. */
static void drop_item(items *x, item *old) {
    size_t hole = (size_t)(old - x->all);
    for (size_t i = (hole + 1) & (x->room - 1); x->all[i].address; i = (i + 1) & (x->room - 1)) {
        size_t from = home(x, x->all[i].address);
        if (((i - from) & (x->room - 1)) < ((i - hole) & (x->room - 1))) continue;
        x->all[hole] = x->all[i];
        hole = i;
    }
    x->all[hole].address = 0;
    x->count--;
}

/* -- The trace as text
 * ------------------------------------------------------------------------------------------------- */

typedef struct writer {
    char bytes[1 << 16];
    size_t length;
    int failed;
#ifndef TSP_PLAIN_TRACES
    gzFile out;
#else
    FILE *out;
#endif
} writer;

static void flush(writer *w) {
#ifndef TSP_PLAIN_TRACES
    if (w->length && gzwrite(w->out, w->bytes, (unsigned)w->length) != (int)w->length) w->failed = 1;
#else
    if (fwrite(w->bytes, 1, w->length, w->out) != w->length) w->failed = 1;
#endif
    w->length = 0;
}

static void put(writer *w, const char *text) {
    for (; *text; text++) {
        if (w->length == sizeof w->bytes) flush(w);
        w->bytes[w->length++] = *text;
    }
}

static void put_number(writer *w, const char *before, uint64_t n) {
    char digits[24], *first = digits + sizeof digits - 1;
    *first = '\0';
    do *--first = (char)('0' + n % 10);
    while (n /= 10);
    put(w, before);
    put(w, first);
}

static writer *open_writer(const char *file) {
    writer *w = need(calloc(1, sizeof *w));
#ifndef TSP_PLAIN_TRACES
    size_t length = strlen(file);
    w->out = gzopen(file, length > 3 && strcmp(file + length - 3, ".gz") == 0 ? "wb6" : "wbT");
#else
    w->out = fopen(file, "wb");
#endif
    if (w->out) return w;
    complain(BAD_INPUT, "cannot write %s: %s", file, strerror(errno));
    free(w);
    return NULL;
}

static int close_writer(writer *w, const char *file) {
    int failed;
    flush(w);
#ifndef TSP_PLAIN_TRACES
    failed = gzclose(w->out) != Z_OK;
#else
    failed = fclose(w->out) != 0;
#endif
    failed |= w->failed;
    free(w);
    if (failed) complain(BAD_INPUT, "cannot write %s: %s", file, strerror(errno));
    return !failed;
}

/* -- Playing a recording
 * ------------------------------------------------------------------------------------------------ */

typedef struct player {
    recordings *all;
    items live, resizing; /* those that are being resized: by thread, which stands for the address */
    writer *out;          /* NULL: only play */
    size_t trace;         /* the number of the trace, and 1 */
    uint32_t ids;
    uint32_t ms;
    uint64_t born, bytes;
    uint64_t strangers; /* calls about objects that nobody has seen come */
    converted *result;
} player;

static void put_site(player *p, uint32_t number) {
    site *s = &p->all->sites[number - 1];
    if (s->shown_in == p->trace) return;
    s->shown_in = p->trace;
    put_number(p->out, "# site ", number);
    put(p->out, ": ");
    put(p->out, s->text);
    put(p->out, "\n");
}

/* The columns that may be left out. */
static void put_rest(player *p, const event *e, uint32_t number) {
    if (number) put_number(p->out, " site=", number);
    if (e && e->thread > 1) put_number(p->out, " thread=", e->thread);
    if (e && e->ms > p->ms) put_number(p->out, " ms=", p->ms = e->ms);
    put(p->out, "\n");
}

static void grow_to(player *p, uint64_t old, uint64_t new) {
    p->bytes = p->bytes - old + new;
    if (p->bytes > p->result->peak) p->result->peak = p->bytes;
    p->result->operations += p->out != NULL;
}

static void put_new(player *p, const item *x, const event *e) {
    grow_to(p, 0, x->size);
    if (!p->out) return;
    if (x->site) put_site(p, x->site);
    put_number(p->out, "a ", x->id);
    put_number(p->out, " ", x->size);
    put_number(p->out, " ", x->align ? 1u << x->align : 0);
    put_rest(p, e, x->site);
}

static void put_free(player *p, const item *x, const event *e) {
    grow_to(p, x->size, 0);
    if (!p->out) return;
    put_number(p->out, "f ", x->id);
    if (e && kind_of(e) == EVENT_FREE) {
        if (e->kind_and_given >> 4 & EVENT_SIZE_GIVEN) put_number(p->out, " size=", e->size);
        if (e->kind_and_given >> 4 & EVENT_ALIGN_GIVEN) put_number(p->out, " align=", 1u << e->align);
    }
    put_rest(p, e, 0);
}

static void put_resize(player *p, uint64_t old, const item *x, const event *e) {
    grow_to(p, old, x->size);
    if (!p->out) return;
    if (x->site) put_site(p, x->site);
    put_number(p->out, "r ", x->id);
    put_number(p->out, " ", x->size);
    put_rest(p, e, x->site);
}

/* An object where one is alive already: that one's end has escaped us. */
static void make_room(player *p, uint64_t address) {
    item *old = find_item(&p->live, address);
    if (old == NULL) return;
    p->strangers++;
    put_free(p, old, NULL);
    drop_item(&p->live, old);
}

static void play_new(player *p, recording *r, const event *e) {
    item x = {e->address, e->size, p->born++, 0, p->ids++, 0, e->align};
    make_room(p, e->address);
    x.site = site_of(p->all, r, e->site);
    add_item(&p->live, &x);
    put_new(p, &x, e);
}

static void play_resized(player *p, recording *r, const event *e) {
    item *found = find_item(&p->resizing, (uint64_t)e->thread << 4), x;
    uint64_t old;
    if (found == NULL) {
        if (e->address) play_new(p, r, e);
        return;
    }
    x = *found;
    drop_item(&p->resizing, found);
    old = x.size;
    x.address = x.was;
    if (e->address == 0 && e->size == 0) {
        put_free(p, &x, e);
        return;
    }
    if (e->address) {
        make_room(p, e->address);
        x.address = e->address;
        x.size = e->size;
        x.site = site_of(p->all, r, e->site);
        x.align = 0;
        put_resize(p, old, &x, e);
    }
    add_item(&p->live, &x);
}

/* The object leaves its address, which others may have before this thread says where it has gone. */
static void play_resize(player *p, const event *e) {
    item *found = find_item(&p->live, e->address), x;
    if (found == NULL) {
        p->strangers++;
        return;
    }
    x = *found;
    drop_item(&p->live, found);
    x.was = x.address;
    x.address = (uint64_t)e->thread << 4;
    found = find_item(&p->resizing, x.address);
    if (found) drop_item(&p->resizing, found); /* a handler did not come back */
    add_item(&p->resizing, &x);
}

static void play(player *p, recording *r, uint64_t orders) {
    if (r->events == NULL) sort_events(r);
    for (size_t i = 0; i < r->count && i < orders; i++) {
        const event *e = r->events[i];
        item *x;
        if (e == NULL) continue;
        switch (kind_of(e)) {
        case EVENT_NEW: play_new(p, r, e); break;
        case EVENT_RESIZE: play_resize(p, e); break;
        case EVENT_RESIZED: play_resized(p, r, e); break;
        case EVENT_FREE:
            if ((x = find_item(&p->live, e->address)) != NULL) {
                put_free(p, x, e);
                drop_item(&p->live, x);
            } else {
                p->strangers++;
            }
            break;
        default: break;
        }
        if (i % 65536 == 0) progress("record", recording_program(p->all, p->trace - 1), i, "calls");
    }
}

static int by_birth(const void *a, const void *b) {
    const item *x = a, *y = b;
    return x->born < y->born ? -1 : x->born > y->born;
}

/* The parent's objects, as a child's trace has them: each allocated, in order of birth. */
static void inherit(player *p) {
    item *heirs = need(malloc((p->live.count + p->resizing.count + 1) * sizeof *heirs));
    size_t count = 0;
    for (size_t i = 0; i < p->live.room; i++)
        if (p->live.all[i].address) heirs[count++] = p->live.all[i];
    for (size_t i = 0; i < p->resizing.room; i++) {
        item x = p->resizing.all[i];
        if (x.address == 0) continue;
        x.address = x.was;
        heirs[count++] = x;
    }
    qsort(heirs, count, sizeof *heirs, by_birth);
    free(p->live.all);
    free(p->resizing.all);
    p->live = p->resizing = (items){NULL, 0, 0};
    p->ids = 0;
    p->bytes = 0;
    *p->result = (converted){0};
    for (size_t i = 0; i < count; i++) {
        if (find_item(&p->live, heirs[i].address)) continue;
        heirs[i].id = p->ids++;
        add_item(&p->live, &heirs[i]);
        put_new(p, &heirs[i], NULL);
    }
    free(heirs);
}

static void play_ancestors(player *p, recording *r) {
    if (r->parent == NULL || r->parent->header->began > r->header->began) return;
    play_ancestors(p, r->parent);
    play(p, r->parent, r->header->parent_orders);
}

int recording_convert(recordings *all, size_t i, const char *file, converted *result) {
    recording *r = &all->all[i];
    player p = {.all = all, .trace = i + 1, .result = result};
    writer *out = open_writer(file);
    *result = (converted){0};
    if (out == NULL) return 0;
    put(out, "# name: ");
    put(out, recording_program(all, i));
    put_number(out, ", recorded by teaspoon, pointer size: ", r->header->pointer_bits / 8);
    put_number(out, ", process: ", r->header->pid);
    put(out, "\n");
    play_ancestors(&p, r);
    p.out = out;
    p.strangers = 0;
    if (r->parent) {
        put(out, "# first what was alive when the process was forked\n");
        inherit(&p);
    }
    play(&p, r, UINT64_MAX);
    progress_end();
    result->live = p.bytes;
    result->lost = r->header->dropped;
    if (p.strangers) {
        put_number(out, "# left out: ", p.strangers);
        put(out, " calls about objects from before the recording\n");
    }
    free(p.live.all);
    free(p.resizing.all);
    return close_writer(out, file);
}
