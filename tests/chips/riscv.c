/* The machine timer of QEMU's virt board, and the end by its test device. */
#include <stdint.h>

#include "board.h"

#define MTIME (*(volatile uint32_t *)0x0200bff8) /* the lower halves; it ends long before they wrap */
#define MTIMECMP ((volatile uint32_t *)0x02004000)
#define TEST_DEVICE (*(volatile uint32_t *)0x00100000)

int main(void);

static void set_timer(uint32_t after) {
    MTIMECMP[1] = 0;
    MTIMECMP[0] = MTIME + after;
}

static void __attribute__((interrupt("machine"), aligned(4))) trap(void) {
    uint32_t cause;
    __asm volatile("csrr %0, mcause" : "=r"(cause));
    if (cause != 0x80000007) TEST_DEVICE = 3u << 16 | 0x3333; /* no timer, but a fault */
    set_timer(500 + tick() * 3);
}

void start_ticks(void) {
    set_timer(100);
    __asm volatile("csrw mtvec, %0\n\tcsrs mie, %1\n\tcsrs mstatus, 8" ::"r"(trap), "r"(0x80) : "memory");
}

void stop_ticks(void) {
    __asm volatile("csrci mstatus, 8" ::: "memory");
}

__attribute__((used)) static void begin(void) { /* QEMU has loaded .data, and memory is zero */
    const uint32_t status = (uint32_t)main();
    TEST_DEVICE = status ? status << 16 | 0x3333 : 0x5555;
    for (;;) {
    }
}

__attribute__((naked, section(".vectors"), used)) void reset(void) {
    __asm volatile("la sp, stack\n\tj begin");
}
