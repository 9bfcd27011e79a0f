/* What our sketches use of an Arduino core. */
#ifndef ARDUINO_H
#define ARDUINO_H
#ifdef __cplusplus

enum { A0 = 14 };

int analogRead(int pin);
void setup();
void loop();

extern struct Port {
    void begin(long speed);
    void println(int number);
} Serial;

#endif
#endif
