/* The critical sections of ESP-IDF's FreeRTOS, on one core and in one thread: they nest, and are counted. */
#ifndef FREERTOS_H
#define FREERTOS_H

typedef struct {
    int depth;
} portMUX_TYPE;

#define portMUX_INITIALIZER_UNLOCKED {0}
#define portENTER_CRITICAL_SAFE(mux) ((void)++(mux)->depth)
#define portEXIT_CRITICAL_SAFE(mux) ((void)--(mux)->depth)

#endif
