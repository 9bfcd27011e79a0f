/* What Debian's RISC-V compiler comes without. */
#include <stddef.h>

void *memcpy(void *to, const void *from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *at, int value, size_t size);

void *memcpy(void *to, const void *from, size_t size) {
    return memmove(to, from, size);
}

void *memmove(void *to, const void *from, size_t size) {
    volatile unsigned char *t = to; /* so that no compiler takes these for memmove and memset */
    const unsigned char *f = from;
    if ((size_t)t - (size_t)f < size)
        while (size--) t[size] = f[size];
    else
        for (size_t i = 0; i < size; i++) t[i] = f[i];
    return to;
}

void *memset(void *at, int value, size_t size) {
    volatile unsigned char *t = at;
    while (size--) *t++ = (unsigned char)value;
    return at;
}
