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

/* The end of the object that begins at granule a; more than `granules` if there is no mark. */
static size_t find_mark(const heap *h, size_t a) {
    const byte *m = map(h);
    size_t i = a / 8, bytes = ((size_t)h->granules + 7) / 8;
    unsigned bits = (unsigned)m[i] >> a % 8 << a % 8;
    while (bits == 0) {
        uint32_t four;
        i++;
        while (FAST && bytes - i >= sizeof four && (memcpy(&four, m + i, sizeof four), four == 0)) i += sizeof four;
        if (i >= bytes) return (size_t)h->granules + 1;
        bits = m[i];
    }
    return i * 8 + lowest(bits) + 1;
}
