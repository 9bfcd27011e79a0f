/* An Arduino core without a chip. */
#include "Arduino.h"

Port Serial;

void Port::begin(long) {}

void Port::println(int) {}

int analogRead(int pin) {
    return pin;
}

int main() {
    setup();
    for (;;) loop();
}
