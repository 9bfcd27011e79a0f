/* zlib in a heap of 24 KiB: a text goes through deflate and inflate, both with a window of 1 KiB. */
#include <stdio.h>
#include <string.h>

#include "tsp_zlib.h"

TSP_ZLIB(tsp128k);

static unsigned char text[20000], packed[20000], unpacked[20000];

/* Both return Z_OK or zlib's error. */
static int pack(tsp128k *spoon, size_t *size) {
    z_stream stream = {.zalloc = tsp128k_zalloc, .zfree = tsp128k_zfree, .opaque = spoon};
    int status = deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, 10, 3, Z_DEFAULT_STRATEGY);
    if (status != Z_OK) return status;
    stream.next_in = text, stream.avail_in = sizeof text;
    stream.next_out = packed, stream.avail_out = sizeof packed;
    status = deflate(&stream, Z_FINISH);
    *size = stream.total_out;
    deflateEnd(&stream);
    return status == Z_STREAM_END ? Z_OK : status;
}

static int unpack(tsp128k *spoon, size_t size) {
    z_stream stream = {.zalloc = tsp128k_zalloc, .zfree = tsp128k_zfree, .opaque = spoon};
    int status = inflateInit2(&stream, 10);
    if (status != Z_OK) return status;
    stream.next_in = packed, stream.avail_in = (uInt)size;
    do { /* piece by piece, so that inflate needs its window */
        stream.next_out = unpacked + stream.total_out, stream.avail_out = 500;
        status = inflate(&stream, Z_NO_FLUSH);
    } while (status == Z_OK && stream.total_out + 500 <= sizeof unpacked);
    inflateEnd(&stream);
    return status == Z_STREAM_END ? Z_OK : status;
}

int main(void) {
    static unsigned char bytes[24 * 1024];
    static tsp128k spoon;
    tsp128k_init(&spoon, bytes, sizeof bytes);

    size_t size = 0;
    for (size_t i = 0; i < sizeof text; i++) text[i] = (unsigned char)"a teaspoon of memory "[i * i / 97 % 21];
    int status = pack(&spoon, &size);
    if (status == Z_OK) status = unpack(&spoon, size);
    if (status != Z_OK) {
        printf("error %d: %s\n", status, zError(status));
    } else {
        printf("%zu bytes packed into %zu, adler32 %lx; unpacked %s\n", sizeof text, size,
               adler32(1, packed, (uInt)size), memcmp(text, unpacked, sizeof text) == 0 ? "the same" : "otherwise");
    }

    tsp_usage usage = tsp128k_usage(&spoon);
    printf("heap: at most %zu of %zu bytes in use, %zu now\n", usage.total - usage.low_free, usage.total, usage.used);
    return status != Z_OK;
}
