/* The size map of a heap that remembers sizes: one bit per granule, set where an object ends. It lies behind the last
 * granule.
 *
 *      heap      | object A     | hole ............... | object B | C      |
 *      map         0    0    1    0    0    0    0    0    0    1    0   1
 */

static ALWAYS_INLINE byte *map(const heap *h) {
    return h->base + (size_t)h->granules * GRANULE;
}

static ALWAYS_INLINE size_t map_bytes(size_t granules) {
    return (granules + 7) / 8;
}

static ALWAYS_INLINE int is_mark(const heap *h, size_t granule) {
    return map(h)[granule / 8] >> granule % 8 & 1;
}

/* Sets or clears the mark of the object that ends at `end`. */
static inline void flip_mark(const heap *h, size_t end) {
    if (remembers(h)) map(h)[(end - 1) / 8] ^= (byte)(1u << (end - 1) % 8);
}

/* 32 marks at once, where a word has them in order or can be put in order. The map begins where a granule would, so
 * its words are aligned. */
#if defined(__GNUC__) && !defined(__OPTIMIZE_SIZE__)
#define BY_WORDS 1
static ALWAYS_INLINE word marks_at(const byte *at) {
    word w;
    memcpy(&w, __builtin_assume_aligned(at, sizeof w), sizeof w);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    w = __builtin_bswap32(w);
#endif
    return w;
}
#else
#define BY_WORDS 0
#endif

/* The first granule from a on that has a mark, where a byte of the map before `limit` has it; else `limit` or more. (By
 * words: a word begins there, or none is left.) */
static COLD size_t next_mark(const heap *h, size_t a, size_t limit) {
    const byte *m = map(h);
    size_t i = a / 8;
    const size_t bytes = map_bytes(limit);
    unsigned bits;
#if BY_WORDS
    for (; i + 8 <= bytes && !(marks_at(m + i) | marks_at(m + i + 4)); i += 8) TSP_STEP();
    for (; i + 4 <= bytes; i += 4) {
        const word w = marks_at(m + i);
        TSP_STEP();
        if (w) return i * 8 + lowest(w);
    }
    if (i >= bytes) return i * 8;
#endif
    bits = (unsigned)m[i] >> a % 8 << a % 8;
    while (bits == 0) {
        TSP_STEP();
        if (++i >= bytes) return i * 8;
        bits = m[i];
    }
    return i * 8 + lowest(bits);
}

/* The same from anywhere on. */
static ALWAYS_INLINE size_t mark_from(const heap *h, size_t a, size_t limit) {
#if BY_WORDS
    if (a / 32 < map_bytes(h->granules) / 4) {
        const word w = marks_at(map(h) + a / 32 * 4) >> a % 32;
        return w ? a + lowest(w) : next_mark(h, a / 32 * 32 + 32, limit);
    }
#endif
    return next_mark(h, a, limit);
}

/* The end of the object that begins at granule a; more than `granules` if there is no mark. */
#if TSP_INDEX
static size_t find_mark(const heap *h, size_t a); /* spans.h */
#else
static ALWAYS_INLINE size_t find_mark(const heap *h, size_t a) {
    return mark_from(h, a, h->granules) + 1;
}
#endif
