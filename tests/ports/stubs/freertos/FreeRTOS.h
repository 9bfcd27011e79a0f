/* Stand-in of our own for the critical sections of ESP-IDF's FreeRTOS; a thread is a core. */
#ifndef FREERTOS_H
#define FREERTOS_H
#include <pthread.h>

typedef pthread_mutex_t portMUX_TYPE;

#define portMUX_INITIALIZER_UNLOCKED PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP
#define portENTER_CRITICAL_SAFE(mux) ((void)pthread_mutex_lock(mux))
#define portEXIT_CRITICAL_SAFE(mux) ((void)pthread_mutex_unlock(mux))

#endif
