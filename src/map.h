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

/* The first granule from a on that has a mark; `granules` if none has. (By words: a word begins there, or none is left.) */
static COLD size_t next_mark(const heap *h, size_t a) {
    const byte *m = map(h);
    size_t i = a / 8, bytes = map_bytes(h->granules);
    unsigned bits;
#if BY_WORDS
    while (i + 8 <= bytes && !(marks_at(m + i) | marks_at(m + i + 4))) i += 8;
    for (; i + 4 <= bytes; i += 4) {
        const word w = marks_at(m + i);
        if (w) return i * 8 + lowest(w);
    }
    if (i == bytes) return h->granules;
#endif
    bits = (unsigned)m[i] >> a % 8 << a % 8;
    while (bits == 0) {
        if (++i >= bytes) return h->granules;
        bits = m[i];
    }
    return i * 8 + lowest(bits);
}

/* The end of the object that begins at granule a; more than `granules` if there is no mark. (A call where there may be an
 * index. gcc would hand it the handle's fields, in registers that a sized heap, which has no marks, needs: 12 instructions
 * of each of its calls on 32-bit x86.) */
#if !TSP_INDEX
static ALWAYS_INLINE
#elif defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 8 && !defined(__OPTIMIZE_SIZE__)
static __attribute__((noipa))
#else
static COLD
#endif
    size_t
    find_mark(const heap *h, size_t a) {
#if BY_WORDS
    if (a / 32 < map_bytes(h->granules) / 4) {
        const word w = marks_at(map(h) + a / 32 * 4) >> a % 32;
        return w ? a + lowest(w) + 1 : next_mark(h, a / 32 * 32 + 32) + 1;
    }
#endif
    return next_mark(h, a) + 1;
}
