/* PCRE2 in a heap of 32 KiB: the words of a sentence that read the same backwards, and where they are. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <stdio.h>
#include <string.h>

#include <pcre2.h>

#include "tsp_pcre2.h"

TSP_PCRE2(tsp128k);

static const char pattern[] = "(?i)\\b((\\w)(?:(?1)|\\w?)\\2)\\b";
static const char text[] = "At noon the level of the kayak was civic duty; Otto sees the radar.";

/* Prints all matches; returns PCRE2_ERROR_NOMATCH after the last one, or another of PCRE2's errors. */
static int search(pcre2_general_context *kitchen) {
    int status = PCRE2_ERROR_NOMEMORY;
    PCRE2_SIZE offset = 0;
    pcre2_compile_context *how = pcre2_compile_context_create(kitchen);
    if (how == NULL) return status;
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, 0, &status, &offset, how);
    if (code) {
        pcre2_match_data *match = pcre2_match_data_create_from_pattern(code, kitchen);
        for (status = match ? 1 : PCRE2_ERROR_NOMEMORY, offset = 0; status > 0;) {
            status = pcre2_match(code, (PCRE2_SPTR)text, strlen(text), offset, 0, match, NULL);
            if (status < 0) break;
            PCRE2_SIZE *ends = pcre2_get_ovector_pointer(match);
            printf("%zu: %.*s\n", ends[0], (int)(ends[1] - ends[0]), text + ends[0]);
            offset = ends[1];
        }
        pcre2_match_data_free(match);
        pcre2_code_free(code);
    }
    pcre2_compile_context_free(how);
    return status;
}

int main(void) {
    static unsigned char bytes[32 * 1024];
    static tsp128k spoon;
    tsp128k_init(&spoon, bytes, sizeof bytes);

    pcre2_general_context *kitchen = pcre2_general_context_create(tsp128k_pcre2_malloc, tsp128k_pcre2_free, &spoon);
    int status = kitchen ? search(kitchen) : PCRE2_ERROR_NOMEMORY;
    PCRE2_UCHAR message[80];
    pcre2_get_error_message(status, message, sizeof message);
    printf("result %d: %s\n", status, (char *)message);
    pcre2_general_context_free(kitchen);

    tsp_usage usage = tsp128k_usage(&spoon);
    printf("heap: at most %zu of %zu bytes in use, %zu now\n", usage.total - usage.low_free, usage.total, usage.used);
    return status != PCRE2_ERROR_NOMATCH;
}
