/* libpng in a heap of 200 KiB: a picture is written and read back. */
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include "tsp_png.h"

TSP_PNG(tsp128k);

enum { WIDTH = 48, HEIGHT = 32 };

static tsp128k spoon;
static unsigned char bytes[200 * 1024], picture[HEIGHT][WIDTH], again[HEIGHT][WIDTH], file[8192];
static size_t written, taken;

static void put(png_structp png, png_bytep data, size_t size) {
    if (size > sizeof file - written) png_error(png, "the file is full");
    memcpy(file + written, data, size);
    written += size;
}

static void take(png_structp png, png_bytep data, size_t size) {
    if (size > written - taken) png_error(png, "the file ends");
    memcpy(data, file + taken, size);
    taken += size;
}

static void failed(png_structp png, png_const_charp text) {
    printf("error: %s\n", text);
    png_longjmp(png, 1);
}

static void quiet(png_structp png, png_const_charp text) {
    (void)png, (void)text;
}

static int save(void) {
    png_structp png = png_create_write_struct_2(PNG_LIBPNG_VER_STRING, NULL, failed, quiet, &spoon, tsp128k_png_malloc,
                                                tsp128k_png_free);
    png_infop info = NULL;
    if (png == NULL) return 0;
    if (setjmp(png_jmpbuf(png))) {
        png_destroy_write_struct(&png, &info);
        return 0;
    }
    info = png_create_info_struct(png);
    if (info == NULL) png_error(png, "out of memory");
    png_set_write_fn(png, NULL, put, NULL);
    png_set_compression_window_bits(png, 10);
    png_set_compression_mem_level(png, 4);
    png_set_IHDR(png, info, WIDTH, HEIGHT, 8, PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (int y = 0; y < HEIGHT; y++) png_write_row(png, picture[y]);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    return 1;
}

static int load(void) {
    png_structp png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, NULL, failed, quiet, &spoon, tsp128k_png_malloc,
                                               tsp128k_png_free);
    png_infop info = NULL;
    if (png == NULL) return 0;
    if (setjmp(png_jmpbuf(png))) {
        png_destroy_read_struct(&png, &info, NULL);
        return 0;
    }
    info = png_create_info_struct(png);
    if (info == NULL) png_error(png, "out of memory");
    png_set_read_fn(png, NULL, take);
    png_read_info(png, info);
    for (int y = 0; y < HEIGHT; y++) png_read_row(png, again[y], NULL);
    png_read_end(png, info);
    png_destroy_read_struct(&png, &info, NULL);
    return 1;
}

int main(void) {
    int worked;
    tsp128k_init(&spoon, bytes, sizeof bytes);
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) picture[y][x] = (unsigned char)(x * y);
    worked = save() && load() && memcmp(picture, again, sizeof picture) == 0;
    if (worked) printf("%zu bytes of picture, %zu of file, read back the same\n", sizeof picture, written);
    else puts("no picture");

    tsp_usage usage = tsp128k_usage(&spoon);
    printf("heap: at most %zu of %zu bytes in use, %zu now\n", usage.total - usage.low_free, usage.total, usage.used);
    return !worked;
}
