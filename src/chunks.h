/* The index, first half: which hole is the last before a granule, in bounded time. Heaps of INDEX_FROM granules or more
 * have an index, behind their granules and their map; V_init decides that once, by size.
 *
 *      granules ... [ map ][ bins' bits | rover | heads of bins | last[0] last[1] ... | has[0] ... | ... | root ]
 *                            bins.h                               a byte a chunk        bits, level by level
 *
 *      last[c]  how far into chunk c the last hole that ends there ends, 1 to TSP_CHUNK; 0: none does
 *      has      a bit for each chunk: last[c] is not 0; then a bit for each word of these bits, and so on to one word
 *
 * So the nearest chunk before another that has a hole is found by a few words (van Emde Boas's tree, 1975, in words of
 * 32), and from the last hole of a chunk on at most one chunk's holes are passed, along the gaps. Whatever the bytes
 * say, no more than TSP_CHUNK steps are taken, and none out of the heap. */

#ifndef TSP_INDEX_FROM
#define TSP_INDEX_FROM TSP_INDEX_AT /* granules; less gives an index to heaps as small as tests exhaust */
#endif
#ifndef TSP_CHUNK
#define TSP_CHUNK 128 /* granules, at most 255; less makes several chunks of small heaps */
#endif
#ifndef TSP_FAN
#define TSP_FAN 32 /* bits of a word that are used; less makes several levels in small heaps */
#endif

#define ALL_BITS (~(word)0 >> (32 - TSP_FAN))

static ALWAYS_INLINE int is_indexed(const heap *h) {
    return h->granules >= TSP_INDEX_FROM;
}

static ALWAYS_INLINE word get_word(const byte *at) {
    word value;
    TSP_STEP();
#ifdef __GNUC__
    __builtin_memcpy(&value, __builtin_assume_aligned(at, sizeof value), sizeof value);
#else
    memcpy(&value, at, sizeof value);
#endif
    return value;
}

static ALWAYS_INLINE void set_word(byte *at, word to) {
    TSP_STEP();
#ifdef __GNUC__
    __builtin_memcpy(__builtin_assume_aligned(at, sizeof to), &to, sizeof to);
#else
    memcpy(at, &to, sizeof to);
#endif
}

/* -- Where its parts are ------------------------------------------------------------------------------------------- */

enum {
    UNIT = GRANULE < 8 ? 8 / GRANULE : 1, /* granules: classes of holes count in 8 bytes */
#ifdef TSP_EXACT_BITS
    EXACT_BITS = TSP_EXACT_BITS,
#else
    EXACT_BITS = 5,
#endif
    EXACT = 1 << EXACT_BITS,                                            /* classes of one size each */
    LARGEST_BIT = 8 * (int)sizeof(link) - 1 - (UNIT > 1),               /* of a size in units */
    CLASSES = EXACT + 2 * (LARGEST_BIT - EXACT_BITS) + 2,
    BIN_WORDS = (CLASSES + 31) / 32,
    ROVER = 4 * BIN_WORDS,
    HEADS = ROVER + 4,
    LASTS = (HEADS + CLASSES * (int)sizeof(link) + 3) / 4 * 4
};

static ALWAYS_INLINE size_t chunks(size_t granules) {
    return (granules + TSP_CHUNK - 1) / TSP_CHUNK;
}

/* Words for so many bits. */
static ALWAYS_INLINE size_t words(size_t bits) {
    return (bits + TSP_FAN - 1) / TSP_FAN;
}

/* The handle remembers where the index is, since every call wants to know. */
static void set_index(heap *h) {
    size_t at = (size_t)h->granules * GRANULE;
    if (remembers(h)) at += (map_bytes(h->granules) + 3) / 4 * 4;
    h->index = h->base ? h->base + at : NULL;
}

static size_t index_bytes(size_t granules) {
    size_t n = chunks(granules), bytes = LASTS + (n + 3) / 4 * 4;
    do bytes += 4 * (n = words(n));
    while (n > 1);
    return bytes;
}

static ALWAYS_INLINE byte *lasts(const heap *h) {
    return h->index + LASTS;
}

static ALWAYS_INLINE byte *has(const heap *h) {
    return lasts(h) + ((size_t)h->granules + 4 * TSP_CHUNK - 1) / (4 * TSP_CHUNK) * 4;
}

/* -- The bits ------------------------------------------------------------------------------------------------------ */

/* What follows in the levels above from the first or last bit that has come or gone in word w. */
static COLD void set_levels(const heap *h, size_t w, int to) {
    byte *level = has(h);
    size_t n = words(chunks(h->granules));
    while (n > 1) {
        byte *at;
        word was, now;
        const word bit = (word)1 << w % TSP_FAN;
        level += 4 * n;
        at = level + 4 * (w / TSP_FAN);
        was = get_word(at);
        now = to ? was | bit : was & ~bit;
        set_word(at, now);
        if (to ? was : now) return;
        n = words(n);
        w /= TSP_FAN;
    }
}

/* Sets or clears the bit of chunk c. */
static ALWAYS_INLINE void set_has(const heap *h, size_t c, int to) {
    byte *at = has(h) + 4 * (c / TSP_FAN);
    const word was = get_word(at), bit = (word)1 << c % TSP_FAN, now = to ? was | bit : was & ~bit;
    set_word(at, now);
    if ((to ? was : now) == 0) set_levels(h, c / TSP_FAN, to);
}

#define NO_CHUNK ((size_t)-1)

/* The last chunk that has a hole and whose bit is in a word before w. */
static COLD size_t chunk_before_word(const heap *h, size_t w) {
    const byte *level = has(h), *at[32];
    size_t n = words(chunks(h->granules));
    unsigned depth = 0;
    word bits = 0;
    while (n > 1 && !bits) {
        at[depth++] = level;
        level += 4 * n;
        bits = get_word(level + 4 * (w / TSP_FAN)) & (((word)1 << w % TSP_FAN) - 1);
        w /= TSP_FAN;
        n = words(n);
    }
    while (bits) {
        w = w * TSP_FAN + highest(bits);
        if (depth == 0) return w;
        bits = get_word(at[--depth] + 4 * w) & ALL_BITS;
    }
    return NO_CHUNK;
}

/* The last chunk before c that has a hole. */
static ALWAYS_INLINE size_t chunk_before(const heap *h, size_t c) {
    const word bits = get_word(has(h) + 4 * (c / TSP_FAN)) & (((word)1 << c % TSP_FAN) - 1);
    return bits ? c / TSP_FAN * TSP_FAN + highest(bits) : chunk_before_word(h, c / TSP_FAN);
}

/* -- The holes of a chunk ------------------------------------------------------------------------------------------ */

/* A hole that ends at `last` or before, from which at most a chunk's holes lead to the last that does: *end is its end,
 * 0 where there is none. Returns 0 if the index is damaged. */
static HOT int nearest(const heap *h, size_t last, size_t *end) {
    const byte *l = lasts(h);
    size_t c = (last - 1) / TSP_CHUNK, low = c * TSP_CHUNK;
    *end = 0;
    if (l[c] && low + l[c] <= last) {
        *end = low + l[c];
        return 1;
    }
    if (c) {
        const size_t before = chunk_before(h, c);
        if (before != NO_CHUNK) {
            *end = before * TSP_CHUNK + l[before];
            if (l[before] == 0 || *end > low) return 0;
        }
    }
    return after(*end ? node(h, *end) : head(h), *end) > low;
}

/* A hole that ends here has come, or gone; `before` is the end of the one before it. */
static HOT void note_hole(const heap *h, size_t end) {
    const size_t c = (end - 1) / TSP_CHUNK;
    byte *l = lasts(h) + c;
    const byte at = (byte)(end - c * TSP_CHUNK), old = *l;
    if (old >= at) return;
    *l = at;
    if (!old) set_has(h, c, 1);
}

static HOT void forget_hole(const heap *h, size_t end, size_t before) {
    const size_t c = (end - 1) / TSP_CHUNK, low = c * TSP_CHUNK;
    byte *l = lasts(h) + c;
    if (*l != end - low) return;
    *l = (byte)(before > low ? before - low : 0);
    if (!*l) set_has(h, c, 0);
}
