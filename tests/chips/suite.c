/* What the behaviour tests need on a chip: on a Cortex-M, with newlib and semihosting, all from reset on. (As
 * tests/newlib/board.c, but this one runs constructors too, by which a test enlists.) On others, with picolibc, which
 * has that, an alarm that never rings and a clock that stands. */
#ifdef __arm__
#include <stdlib.h>
#include <string.h>

extern char data_kept[], data_begin[], data_end[], bss_begin[], bss_end[], stack[];
extern void (*const constructors[])(void), (*const constructors_end[])(void);
extern void initialise_monitor_handles(void); /* newlib's semihosting */
int main(int argc, char **argv);

void reset(void);
void reset(void) {
    static char name[] = "suite", *arguments[] = {name, NULL};
    memcpy(data_begin, data_kept, (size_t)(data_end - data_begin));
    memset(bss_begin, 0, (size_t)(bss_end - bss_begin));
    initialise_monitor_handles();
    for (void (*const *c)(void) = constructors; c != constructors_end; c++) (*c)();
    exit(main(1, arguments));
}

void _fini(void);
void _fini(void) {} /* what newlib's list of destructors ends with */

static void fault(void) {
    _Exit(3);
}

__attribute__((used, section(".vectors"))) static void (*const vectors[])(void) = {
    [0] = (void (*)(void))stack, [1] = reset, [2] = fault, [3] = fault, [4] = fault, [5] = fault, [6] = fault,
};
#else
#include <time.h>

clock_t clock(void) {
    return 0;
}

unsigned alarm(unsigned seconds);
unsigned alarm(unsigned seconds) {
    return seconds;
}
#endif
