/* For the stand-in, and for the real kernel's POSIX port. */
#ifndef FREERTOS_CONFIG_H
#define FREERTOS_CONFIG_H

#define configTOTAL_HEAP_SIZE ((size_t)(48 * 1024))
#define configSUPPORT_DYNAMIC_ALLOCATION 1
#define configUSE_MALLOC_FAILED_HOOK 1
#define configHEAP_CLEAR_MEMORY_ON_FREE 1
#define configUSE_PREEMPTION 1
#define configUSE_TIME_SLICING 1
#define configUSE_IDLE_HOOK 0
#define configUSE_TICK_HOOK 1
#define configTICK_RATE_HZ 1000
#define configMAX_PRIORITIES 4
#define configMINIMAL_STACK_SIZE 1024
#define configTICK_TYPE_WIDTH_IN_BITS TICK_TYPE_WIDTH_32_BITS
#define configMAX_TASK_NAME_LEN 8
#define configUSE_MUTEXES 1
#define INCLUDE_vTaskDelay 1
#define INCLUDE_vTaskDelete 1
#define INCLUDE_xTaskGetIdleTaskHandle 0

#include <assert.h>
#define configASSERT(condition) assert(condition)

#endif
