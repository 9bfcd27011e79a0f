/* What the command says on its way: numbers for people, messages, progress; and memory and files for all of it. */
#ifndef SAY_H
#define SAY_H

#include <stddef.h>
#include <stdio.h>

/* Exit codes. */
enum { DONE = 0, DOES_NOT_FIT = 1, BAD_INPUT = 2, BROKEN_HEAP = 3 };

/* 1234567 as "1,234,567", in a buffer that lives as long as the block around the call. */
#define COMMAS(n) commas((char[32]){0}, (n))
char *commas(char *buffer, size_t n);

/* "teaspoon: ..." and a newline on stderr. Returns the code, so that a function can end with it. */
int complain(int code, const char *format, ...)
#ifdef __GNUC__
    __attribute__((format(printf, 2, 3)))
#endif
    ;

/* Text as JSON has it, in quotes; what HTML would take for markup is escaped too. */
void json_text(FILE *out, const char *text);

/* One line on stderr, rewritten in place, if that is a terminal and the command has been at work for a second. */
void progress(const char *what, const char *name, size_t n, const char *unit);
void progress_end(void);

/* Memory, or the end of the command. */
void *need(void *memory);

/* All that is left of a file, with a 0 behind it; NULL if it cannot be read, or is NULL since it could not be opened:
 * then errno says why. */
char *read_all(FILE *in, size_t *size);

#endif
