/* See say.h. SPDX-License-Identifier: BSD-3-Clause */
#define _POSIX_C_SOURCE 200809L

#include "say.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

char *commas(char *buffer, size_t n) {
    char digits[32];
    int length = snprintf(digits, sizeof digits, "%zu", n), at = 0;
    for (int i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0) buffer[at++] = ',';
        buffer[at++] = digits[i];
    }
    buffer[at] = '\0';
    return buffer;
}

int complain(int code, const char *format, ...) {
    va_list arguments;
    progress_end();
    fputs("teaspoon: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    return code;
}

void *need(void *memory) {
    if (memory == NULL) exit(complain(DOES_NOT_FIT, "this machine has no memory left for the command itself"));
    return memory;
}

void json_text(FILE *out, const char *text) {
    fputc('"', out);
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\') fputc('\\', out);
        if (c < ' ' || c == '<' || c == '&') fprintf(out, "\\u%04x", c);
        else fputc(c, out);
    }
    fputc('"', out);
}

static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
static int shown;

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void progress(const char *what, const char *name, size_t n, const char *unit) {
    static double due;
    static int on_terminal = -1;
    double now = seconds();
    pthread_mutex_lock(&one_at_a_time);
    if (on_terminal < 0) {
        on_terminal = isatty(STDERR_FILENO);
        due = now + 1;
    }
    if (on_terminal && now >= due) {
        due = now + 0.1;
        shown = 1;
        fprintf(stderr, "\r%s %s: %s %s ...\033[K", what, name, COMMAS(n), unit);
        fflush(stderr);
    }
    pthread_mutex_unlock(&one_at_a_time);
}

void progress_end(void) {
    pthread_mutex_lock(&one_at_a_time);
    if (shown) fputs("\r\033[K", stderr);
    shown = 0;
    pthread_mutex_unlock(&one_at_a_time);
}

char *read_all(FILE *in, size_t *size) {
    enum { PIECE = 1 << 16 };
    char *bytes = NULL;
    size_t room = 0, got;
    *size = 0;
    if (in == NULL) return NULL;
    do {
        if (room - *size <= PIECE) bytes = need(realloc(bytes, room = room * 2 + 2 * PIECE));
        *size += got = fread(bytes + *size, 1, PIECE, in);
    } while (got > 0);
    bytes[*size] = '\0';
    if (!ferror(in)) return bytes;
    free(bytes);
    return NULL;
}
