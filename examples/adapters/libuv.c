/* libuv in a heap of 8 KiB: three timers, and a thread that wakes the loop. */
#define _GNU_SOURCE /* uv.h needs locks of POSIX, and types of BSD */
#include <stdio.h>

#include <uv.h>

#include "tsp_hooks.h"

TSP128K_STATIC(kitchen, 8 * 1024);
TSP_HOOKS(tsp128k, kitchen);

static void ring(uv_timer_t *timer) {
    printf("the %s is ready\n", (const char *)timer->data);
    uv_close((uv_handle_t *)timer, NULL);
}

static void woken(uv_async_t *async) {
    puts("woken");
    uv_close((uv_handle_t *)async, NULL);
}

static void wake(void *async) {
    uv_async_send(async);
}

static int run(void) {
    static const char *const names[] = {"tea", "egg", "toast"};
    uv_loop_t loop;
    uv_timer_t timers[3];
    uv_async_t async;
    uv_thread_t thread;
    int error = uv_loop_init(&loop);
    if (error) return error;
    for (unsigned i = 0; i < 3; i++) {
        uv_timer_init(&loop, &timers[i]);
        timers[i].data = (void *)names[i];
        uv_timer_start(&timers[i], ring, 40 + 40 * i, 0);
    }
    error = uv_async_init(&loop, &async, woken);
    if (error == 0) {
        if (uv_thread_create(&thread, wake, &async) == 0) uv_thread_join(&thread);
        else uv_close((uv_handle_t *)&async, NULL);
    }
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
    return error;
}

int main(void) {
    int error = uv_replace_allocator(kitchen_malloc, kitchen_realloc, kitchen_calloc, kitchen_free);
    void *room = kitchen_malloc(4096); /* libuv 1.44 aborts where a loop cannot have its table of watchers */
    if (error == 0) error = room ? 0 : UV_ENOMEM;
    kitchen_free(room);
    if (error == 0) error = run();
    uv_library_shutdown();
    if (error) printf("error: %s\n", uv_strerror(error));

    tsp_usage usage = tsp128k_usage(kitchen());
    printf("heap: at most %zu of %zu bytes in use, %zu now\n", usage.total - usage.low_free, usage.total, usage.used);
    return error != 0;
}
