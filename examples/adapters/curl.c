/* libcurl in a heap of 96 KiB: a file is read through it, and the parts of an address are shown. */
#define _POSIX_C_SOURCE 200809L /* mkstemp */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tsp_hooks.h"

TSP128K_STATIC(kitchen, 96 * 1024);
TSP_HOOKS(tsp128k, kitchen);

static size_t count(char *data, size_t size, size_t items, void *sum) {
    (void)data;
    *(size_t *)sum += size * items;
    return size * items;
}

static CURLcode fetch(const char *url, size_t *sum) {
    CURLcode error = CURLE_OUT_OF_MEMORY;
    CURL *easy = curl_easy_init();
    if (easy == NULL) return error;
    error = curl_easy_setopt(easy, CURLOPT_URL, url);
    if (error == CURLE_OK) error = curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, count);
    if (error == CURLE_OK) error = curl_easy_setopt(easy, CURLOPT_WRITEDATA, (void *)sum);
    if (error == CURLE_OK) error = curl_easy_perform(easy);
    curl_easy_cleanup(easy);
    return error;
}

static CURLUcode take_apart(const char *address) {
    static const CURLUPart parts[] = {CURLUPART_HOST, CURLUPART_PORT, CURLUPART_PATH, CURLUPART_QUERY};
    CURLU *url = curl_url();
    CURLUcode error = url ? curl_url_set(url, CURLUPART_URL, address, 0) : CURLUE_OUT_OF_MEMORY;
    char *shown[4] = {NULL, NULL, NULL, NULL};
    for (int i = 0; i < 4 && error == CURLUE_OK; i++)
        error = curl_url_get(url, parts[i], &shown[i], i == 1 ? CURLU_DEFAULT_PORT : 0);
    if (error == CURLUE_OK) printf("host %s, port %s, path %s, query %s\n", shown[0], shown[1], shown[2], shown[3]);
    for (int i = 0; i < 4; i++) curl_free(shown[i]);
    curl_url_cleanup(url);
    return error;
}

int main(void) {
    static const char text[] = "a teaspoon of sugar, and a pinch of salt\n";
    char path[] = "/tmp/teaspoon-XXXXXX", url[64];
    size_t sum = 0;
    int file = mkstemp(path);
    if (file < 0 || write(file, text, sizeof text - 1) != (ssize_t)(sizeof text - 1)) return 2;
    close(file);
    snprintf(url, sizeof url, "file://%s", path);

    CURLcode error = curl_global_init_mem(CURL_GLOBAL_NOTHING, kitchen_malloc, kitchen_free, kitchen_realloc,
                                          kitchen_strdup, kitchen_calloc);
    if (error == CURLE_OK) {
        error = fetch(url, &sum);
        if (error == CURLE_OK && take_apart("https://example.org/tea/green?cups=2") != CURLUE_OK)
            error = CURLE_OUT_OF_MEMORY;
        curl_global_cleanup();
    }
    unlink(path);
    if (error == CURLE_OK) printf("%zu bytes fetched\n", sum);
    else printf("error %d: out of memory\n", (int)error);

    tsp_usage usage = tsp128k_usage(kitchen());
    printf("heap: at most %zu of %zu bytes in use, %zu now\n", usage.total - usage.low_free, usage.total, usage.used);
    return error != CURLE_OK;
}
