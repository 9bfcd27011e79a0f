/* What a board has to offer: a timer that calls tick, and a way to end. Each also begins main and ends with its result:
 * Cortex-M with semihosting, RISC-V on QEMU's virt, and AVR in simavr (tests/avr/simulator.c). */
#ifndef BOARD_H
#define BOARD_H

unsigned tick(void);
void start_ticks(void);
void stop_ticks(void);

#endif
