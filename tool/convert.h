/* Recordings (recording.h) made into traces (traces/README.md). */
#ifndef CONVERT_H
#define CONVERT_H

#include <stddef.h>
#include <stdint.h>

/* All the recordings of a directory, in order of their beginnings. */
typedef struct recordings recordings;
recordings *recordings_open(const char *directory);
void recordings_close(recordings *all);
size_t recordings_count(const recordings *all);

/* The name of the program that the i-th is of; its process. */
const char *recording_program(const recordings *all, size_t i);
unsigned recording_process(const recordings *all, size_t i);

typedef struct converted {
    size_t operations;
    uint64_t peak; /* live bytes */
    uint64_t live; /* bytes at the end */
    uint64_t lost; /* calls that could not be recorded */
} converted;

/* Writes the i-th as a trace, gzip'ed if the file's name ends in .gz. 0, after saying why, if it cannot be written. */
int recording_convert(recordings *all, size_t i, const char *file, converted *result);

#endif
