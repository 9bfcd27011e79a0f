/* memcpy and its kin for code that counts its own instructions (count.py makes this count too): a C library's own
 * depend on the processor. tsp_copies is what they took, so that a call can be told from the copy in it. */
#include <stddef.h>
#include <stdint.h>

extern volatile uint32_t tsp_count, tsp_copies; /* count.py adds behind the back of the compiler */
typedef size_t __attribute__((may_alias, aligned(1))) word;
enum { W = sizeof(word) };

void *tsp_memcpy(void *to, const void *from, size_t n);
void *tsp_memmove(void *to, const void *from, size_t n);
void *tsp_memset(void *to, int byte, size_t n);

void *tsp_memmove(void *to, const void *from, size_t n) {
    const uint32_t before = tsp_count;
    unsigned char *t = to;
    const unsigned char *f = from;
    if ((uintptr_t)t - (uintptr_t)f >= n) { /* upwards */
        for (; n >= 4 * W; n -= 4 * W, t += 4 * W, f += 4 * W) {
            const word a = *(const word *)f, b = *(const word *)(f + W);
            const word c = *(const word *)(f + 2 * W), d = *(const word *)(f + 3 * W);
            *(word *)t = a;
            *(word *)(t + W) = b;
            *(word *)(t + 2 * W) = c;
            *(word *)(t + 3 * W) = d;
        }
        for (; n >= W; n -= W, t += W, f += W) *(word *)t = *(const word *)f;
        while (n--) *t++ = *f++;
    } else {
        for (; n >= W; n -= W) *(word *)(t + n - W) = *(const word *)(f + n - W);
        while (n--) t[n] = f[n];
    }
    tsp_copies += tsp_count - before;
    return to;
}

void *tsp_memcpy(void *to, const void *from, size_t n) {
    return tsp_memmove(to, from, n);
}

void *tsp_memset(void *to, int byte, size_t n) {
    const uint32_t before = tsp_count;
    unsigned char *t = to;
    const word w = (word)-1 / 255 * (unsigned char)byte;
    for (; n >= W; n -= W, t += W) *(word *)t = w;
    while (n--) *t++ = (unsigned char)byte;
    tsp_copies += tsp_count - before;
    return to;
}
