/* From reset to main on a Cortex-M, for newlib with semihosting. */
#include <stdlib.h>
#include <string.h>

extern char data_kept[], data_begin[], data_end[], bss_begin[], bss_end[], stack[];
extern void initialise_monitor_handles(void); /* newlib's semihosting */
int main(void);

void reset(void);
void reset(void) {
    memcpy(data_begin, data_kept, (size_t)(data_end - data_begin));
    memset(bss_begin, 0, (size_t)(bss_end - bss_begin));
    initialise_monitor_handles();
    exit(main());
}

/* picolibc's name for the handler, so that a program is the same on both. */
__attribute__((weak)) void arm_pendsv_isr(void) {}

static void fault(void) {
    _Exit(3);
}

__attribute__((used, section(".vectors"))) static void (*const vectors[])(void) = {
    [0] = (void (*)(void))stack, [1] = reset, [2] = fault, [3] = fault, [4] = fault, [5] = fault, [6] = fault,
    [14] = arm_pendsv_isr,
};
