/* FreeType in a heap of 200 KiB: a word in a scalable font, drawn with characters. */
#include <stdio.h>

#include "tsp_freetype.h"

TSP_FREETYPE(tsp128k);

#define FONT "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
enum { WIDTH = 78, HEIGHT = 18, BASELINE = 13 };
static char picture[HEIGHT][WIDTH + 1];

static void draw(FT_GlyphSlot glyph, int left) {
    for (int y = 0; y < (int)glyph->bitmap.rows; y++) {
        for (int x = 0; x < (int)glyph->bitmap.width; x++) {
            int row = BASELINE - glyph->bitmap_top + y, column = left + glyph->bitmap_left + x;
            if (row < 0 || row >= HEIGHT || column < 0 || column >= WIDTH) continue;
            picture[row][column] = " .:*#"[glyph->bitmap.buffer[y * glyph->bitmap.pitch + x] * 4 / 255];
        }
    }
}

static FT_Error work(FT_Library library) {
    FT_Face face;
    FT_Error error = FT_New_Face(library, FONT, 0, &face); /* FT_Done_Library closes it */
    if (!error) error = FT_Set_Pixel_Sizes(face, 0, 16);
    int left = 0;
    for (const char *letter = "teaspoon"; *letter && !error; letter++) {
        error = FT_Load_Char(face, (FT_ULong)*letter, FT_LOAD_RENDER);
        if (error) break;
        draw(face->glyph, left);
        left += (int)(face->glyph->advance.x / 64);
    }
    return error;
}

int main(void) {
    static unsigned char bytes[200 * 1024];
    static tsp128k spoon;
    tsp128k_init(&spoon, bytes, sizeof bytes);

    struct FT_MemoryRec_ memory = tsp128k_freetype(&spoon);
    FT_Library library;
    FT_Error error = FT_New_Library(&memory, &library);
    if (!error) {
        FT_Add_Default_Modules(library);
        error = work(library);
        FT_Done_Library(library);
    }
    if (error) printf("error %d: %s\n", error, error == FT_Err_Out_Of_Memory ? "out of memory" : "not ours");
    for (int row = 0; row < HEIGHT && !error; row++) {
        for (int x = 0; x < WIDTH; x++) putchar(picture[row][x] ? picture[row][x] : ' ');
        putchar('\n');
    }

    tsp_usage usage = tsp128k_usage(&spoon);
    printf("heap: at most %zu of %zu bytes in use, %zu now\n", usage.total - usage.low_free, usage.total, usage.used);
    return error != 0;
}
