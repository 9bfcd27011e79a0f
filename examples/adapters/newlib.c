/* Firmware on newlib or picolibc whose malloc, and that of everything in libc, is a heap of 8 KiB in .bss.
 * tests/newlib/run.sh links it for Cortex-M0 and M3, and runs it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tsp_newlib.h"

TSP128K_STATIC(kitchen, 8 * 1024);
TSP_NEWLIB(tsp128k, kitchen);

typedef struct reading {
    char *sensor;
    double celsius;
} reading;

static int warmest_first(const void *a, const void *b) {
    double x = ((const reading *)a)->celsius, y = ((const reading *)b)->celsius;
    return (x < y) - (x > y);
}

int main(void) {
    static const char *const sensors[] = {"inlet", "outlet", "boiler", "cellar", "roof"};
    reading *readings = NULL;
    size_t count = 0;
    for (; count < 40; count++) {
        reading *more = realloc(readings, (count + 1) * sizeof *readings);
        char *sensor = strdup(sensors[count % 5]);
        if (more) readings = more;
        if (more == NULL || sensor == NULL) {
            free(sensor);
            perror("reading"); /* "Not enough space" */
            break;
        }
        readings[count].sensor = sensor;
        readings[count].celsius = 18.5 + (double)(count * 37 % 101) / 8;
    }
    qsort(readings, count, sizeof *readings, warmest_first);
    for (size_t i = 0; i < count && i < 3; i++) printf("%-7s %6.2f C\n", readings[i].sensor, readings[i].celsius);
    while (count) free(readings[--count].sensor);
    free(readings);

    tsp_usage usage = tsp128k_usage(kitchen());
    printf("heap: at most %u of %u bytes\n", (unsigned)(usage.total - usage.low_free), (unsigned)usage.total);
    return 0;
}
