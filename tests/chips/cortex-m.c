/* SysTick, on any Cortex-M, and the end by semihosting. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "board.h"

#define SYST_CSR (*(volatile uint32_t *)0xE000E010)
#define SYST_RVR (*(volatile uint32_t *)0xE000E014)
#define SYST_CVR (*(volatile uint32_t *)0xE000E018)

#ifndef UNIT
#define UNIT 37 /* cycles; with a remainder, so that it comes between all instructions */
#endif

extern char data_kept[], data_begin[], data_end[], bss_begin[], bss_end[], stack[];
int main(void);
void reset(void);

void start_ticks(void) {
#ifdef PRIORITY
    *(volatile uint32_t *)0xE000ED20 |= (uint32_t)PRIORITY << 24; /* SHPR3: SysTick's */
#endif
    SYST_RVR = 5000;
    SYST_CVR = 0;
    SYST_CSR = 7;
}

void stop_ticks(void) {
    SYST_CSR = 0;
}

static void systick(void) {
    SYST_RVR = 2000 + tick() * UNIT;
    SYST_CVR = 0;
}

static void __attribute__((noreturn)) stop(int status) { /* SYS_EXIT: as an application, or in the midst of an error */
    register uint32_t call __asm("r0") = 0x18, reason __asm("r1") = status ? 0x20023 : 0x20026;
    __asm volatile("bkpt 0xab" ::"r"(call), "r"(reason) : "memory");
    for (;;) {
    }
}

void reset(void) {
    memcpy(data_begin, data_kept, (size_t)(data_end - data_begin));
    memset(bss_begin, 0, (size_t)(bss_end - bss_begin));
    stop(main());
}

static void fault(void) {
    stop(3);
}

__attribute__((used, section(".vectors"))) static void (*const vectors[])(void) = {
    [0] = (void (*)(void))stack, [1] = reset, [2] = fault, [3] = fault, [4] = fault, [5] = fault, [6] = fault,
    [15] = systick,
};
