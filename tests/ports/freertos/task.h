/* See FreeRTOS.h beside this. */
#ifndef TASK_H
#define TASK_H

#include "FreeRTOS.h"

typedef void TaskFunction_t(void *);

BaseType_t xTaskCreate(TaskFunction_t *code, const char *name, unsigned short depth, void *parameter,
                       UBaseType_t priority, void *handle);
void vTaskStartScheduler(void);
void vTaskEndScheduler(void);
void vTaskDelay(TickType_t ticks);
void vTaskSuspendAll(void);
BaseType_t xTaskResumeAll(void);
void vApplicationTickHook(void);

#define taskENTER_CRITICAL_FROM_ISR() 0UL
#define taskEXIT_CRITICAL_FROM_ISR(mask) ((void)(mask))

#endif
