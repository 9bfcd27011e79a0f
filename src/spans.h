/* The index, third part: where a long object ends, so that what frees it needs not look through all of its marks. In a
 * heap that remembers sizes, an object that covers SPAN chunks or more notes its end in the bytes of the first of
 * these, where no hole can end:
 *
 *      granules   |h....a.......|.............|.............|......b......|      a: an object begins, b: it ends before
 *      last[]            1         192 + low     192 + high        0             six bits of b in each byte
 *
 * So at most the marks of SPAN + 1 chunks are looked through, whatever the bytes say. */

enum {
    LONG = 192, /* in a chunk's byte: the rest is of an object's end */
#ifdef TSP_SPAN
    SPAN = TSP_SPAN /* less makes objects of heaps as small as tests exhaust long; a byte is enough for 63 granules */
#else
    SPAN = sizeof(link) > 2 ? 6 : 3
#endif
};

/* The first chunk that begins at granule a or behind it. */
static ALWAYS_INLINE size_t chunk_from(size_t a) {
    return (a + TSP_CHUNK - 1) / TSP_CHUNK;
}

static ALWAYS_INLINE int is_long(const heap *h, size_t a, size_t b) {
    return is_indexed(h) && remembers(h) && b / TSP_CHUNK >= chunk_from(a) + SPAN;
}

/* An object has come, or goes. */
static COLD void set_span(const heap *h, size_t a, size_t b, int to) {
    byte *l = lasts(h) + chunk_from(a);
    if (!is_long(h, a, b)) return;
    for (unsigned i = 0; i < SPAN; i++) {
        l[i] = (byte)(to ? LONG + b % (256 - LONG) : 0);
        b /= 256 - LONG;
    }
}
static ALWAYS_INLINE void note_span(const heap *h, size_t a, size_t b) {
    if (b - a >= (size_t)SPAN * TSP_CHUNK) set_span(h, a, b, 1);
}
static ALWAYS_INLINE void forget_span(const heap *h, size_t a, size_t b) {
    if (b - a >= (size_t)SPAN * TSP_CHUNK) set_span(h, a, b, 0);
}

/* The end of the long object that begins at a; 0: none is noted. */
static size_t noted_end(const heap *h, size_t a) {
    const size_t c = chunk_from(a);
    const byte *l = lasts(h) + c;
    size_t end = 0;
    if (c + SPAN > chunks(h->granules)) return 0;
    for (unsigned i = SPAN; i-- > 0;) {
        TSP_STEP();
        if (l[i] < LONG || end > LINK_MAX / (256 - LONG)) return 0;
        end = end * (256 - LONG) + l[i] - LONG;
    }
    return end;
}

/* find_mark, for objects that end farther away than in the next word of the map. */
static COLD size_t find_far_mark(const heap *h, size_t a) {
    const size_t none = (size_t)h->granules + 1, c = chunk_from(a), near = (c + 1) * TSP_CHUNK,
                 far = (c + SPAN) * TSP_CHUNK;
    size_t end;
    if (near >= none || !is_indexed(h)) return mark_from(h, a, none - 1) + 1;
    end = mark_from(h, a, near) + 1;
    if (end <= near) return end; /* else c is the object's, and its byte nobody else's to change */
    end = noted_end(h, a);
    if (end) return end > near && end < none && is_mark(h, end - 1) ? end : none;
    end = mark_from(h, near, far < none ? far : none - 1) + 1;
    return end <= far ? end : none;
}

/* (gcc would hand a call the handle's fields, in registers that a sized heap, which has no marks, needs: 12
 * instructions of each of its calls on 32-bit x86.) */
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 8 && !defined(__OPTIMIZE_SIZE__)
__attribute__((noipa))
#else
COLD
#endif
static size_t
find_mark(const heap *h, size_t a) {
#if BY_WORDS
    const size_t i = a / 32 + 1;
    if (i < map_bytes(h->granules) / 4) {
        const byte *next = map(h) + i * 4;
        word w = marks_at(next - 4) >> a % 32;
        if (w) return a + lowest(w) + 1;
        w = marks_at(next);
        if (w) return i * 32 + lowest(w) + 1;
    }
#endif
    return find_far_mark(h, a);
}
