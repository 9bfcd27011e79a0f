/* An ATmega2560 all of whose 64 KiB of data memory are RAM (its own, and external RAM behind it), for the behaviour
 * tests as they are: this file is included before each of them. board.c begins them, simulator.c is the board. */
#ifndef BOARD_H
#define BOARD_H

#include <stdio.h>
#include <stdlib.h>

/* What avr-libc does not have. */
#define alarm(seconds) ((void)(seconds))
#define setvbuf(file, buffer, mode, size) ((void)0)
#define _IOLBF 0
#define exit(status) board_stop(status)

#define main test_main /* of test.h */

int test_main(int argc, char **argv);
void board_stop(int status) __attribute__((noreturn));

#endif
