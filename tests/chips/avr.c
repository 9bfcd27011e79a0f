/* Timer 3 of an ATmega2560, and the end as tests/avr/simulator.c wants it. */
#include <avr/interrupt.h>
#include <avr/io.h>

#include "board.h"

int test_main(void);

ISR(TIMER3_COMPA_vect) {
    OCR3A = 9000 + tick() * 29;
    TCNT3 = 0; /* it went on meanwhile */
}

void start_ticks(void) {
    OCR3A = 3000;
    TCCR3B = 1 << WGM32 | 1 << CS30; /* from 0 to OCR3A, without a prescaler */
    TIMSK3 = 1 << OCIE3A;
    sei();
}

void stop_ticks(void) {
    TIMSK3 = 0;
}

int main(void) {
    GPIOR2 = (unsigned char)test_main();
    for (;;) {
    }
}
