/* The index, second half: a hole of the right size, in bounded time. Each hole of two granules or more is on the list of
 * its bin: exact by size up to EXACT units of 8 bytes, then two bins an octave (segregated fits: Wilson, Johnstone,
 * Neely and Boles, "Dynamic storage allocation", 1995; a bit for each bin that is not empty, as in TLSF: Masmano,
 * Ripoll, Crespo and Real, 2004). The lists are doubly linked, by the ends of holes, in each hole's first granule:
 *
 *      [ next prev | ... free ... | gap size ]
 *
 * The last to come is the first to be found. A hole that changes its size at its low end within a bin keeps its place.
 * Holes of one granule have no room for it: they are found along the gaps, by a rover that remembers where to look
 * (Knuth, TAOCP 1, 2.5). A hole only leaves its bin if both its neighbours there name it. */

/* Between them the fields are of a hole [end - size, end). */
static ALWAYS_INLINE byte *first(const heap *h, size_t end, size_t size) {
    return h->base + (end - size) * GRANULE;
}
#define NEXT(first) (first)
#define PREV(first) ((first) + sizeof(link))

static ALWAYS_INLINE byte *bin(const heap *h, unsigned c) {
    return h->index + HEADS + c * sizeof(link);
}

/* The bin of holes of this size. */
static ALWAYS_INLINE unsigned class_of(size_t size) {
    const word units = (word)(size / UNIT);
    unsigned e;
    if (units < EXACT) return (unsigned)units;
    e = highest(units);
    return EXACT + 2 * (e - EXACT_BITS) + (units >> (e - 1) & 1);
}

/* The first bin in which every hole has this size or more. */
static ALWAYS_INLINE unsigned class_above(size_t size) {
    return class_of((size + UNIT - 1) / UNIT * UNIT - UNIT) + 1;
}

/* The first bin from c on that is not empty; CLASSES if there is none. */
static HOT unsigned next_bin(const heap *h, unsigned c) {
    const byte *bits = h->index;
    word w;
    if (c >= CLASSES) return CLASSES;
    w = get_word(bits + c / 32 * 4) >> c % 32 << c % 32;
    while (!w) {
        c = c / 32 * 32 + 32;
        if (c >= CLASSES) return CLASSES;
        w = get_word(bits + c / 32 * 4);
    }
    c = c / 32 * 32 + lowest(w);
    return c < CLASSES ? c : (unsigned)CLASSES;
}

/* The size of the hole that a link of a bin leads to; 0 if there can be none. */
static ALWAYS_INLINE size_t binned(const heap *h, size_t end) {
    size_t size;
    if (end - 2 >= (size_t)h->granules - 1) return 0;
    size = get(SIZE(node(h, end)));
    return size - 2 < end - 1 ? size : 0;
}

static HOT void bin_in(const heap *h, size_t end, size_t size) {
    unsigned c;
    byte *f;
    size_t old, s;
    if (size < 2) {
        set_word(h->index + ROVER, (word)(end - 1));
        return;
    }
    c = class_of(size);
    f = first(h, end, size);
    old = get(bin(h, c));
    s = binned(h, old);
    if (s) set(PREV(first(h, old, s)), end);
    set(NEXT(f), s ? old : 0); /* what no link may lead to is lost to the bin, and V_check says so */
    set(PREV(f), 0);
    set(bin(h, c), end);
    set_word(h->index + c / 32 * 4, get_word(h->index + c / 32 * 4) | (word)1 << c % 32);
}

/* Where a hole is in its bin: its links, and the links that name it. */
typedef struct seat {
    size_t next, prev;
    byte *before, *after; /* the bin's or the previous hole's; the next hole's, or NULL */
} seat;

/* The seat of a hole of bin c. 0 if it is not named there: it is not this hole, or the heap is damaged. */
static HOT int find_seat(const heap *h, size_t end, size_t size, unsigned c, seat *s) {
    const byte *f = first(h, end, size);
    size_t n;
    s->next = get(NEXT(f));
    s->prev = get(PREV(f));
    s->after = NULL;
    if (!s->prev) s->before = bin(h, c);
    else if ((n = binned(h, s->prev)) != 0) s->before = NEXT(first(h, s->prev, n));
    else return 0;
    if (s->next) {
        if ((n = binned(h, s->next)) == 0) return 0;
        s->after = PREV(first(h, s->next, n));
        if (get(s->after) != end) return 0;
    }
    return get(s->before) == end;
}

/* A hole leaves bin c, its own. 0 if it is not there: then nothing has changed. */
static HOT int bin_out(const heap *h, size_t end, size_t size, unsigned c) {
    seat s;
    if (size < 2) return 1;
    if (!find_seat(h, end, size, c, &s)) return 0;
    set(s.before, s.next);
    if (s.next) set(s.after, s.prev);
    else if (!s.prev) set_word(h->index + c / 32 * 4, get_word(h->index + c / 32 * 4) & ~((word)1 << c % 32));
    return 1;
}

/* A hole of bin c keeps its end, and has another size. 0 as above. */
static HOT int bin_move(const heap *h, size_t end, size_t was, unsigned c, size_t is) {
    if (was >= 2 && is >= 2 && c == class_of(is)) {
        byte *to = first(h, end, is);
        seat s;
        if (!find_seat(h, end, was, c, &s)) return 0;
        set(NEXT(to), s.next);
        set(PREV(to), s.prev);
        return 1;
    }
    if (!bin_out(h, end, was, c)) return 0;
    bin_in(h, end, is);
    return 1;
}
