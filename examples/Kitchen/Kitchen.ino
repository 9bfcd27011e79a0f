/* A heap in a kilobyte: readings of any length, kept and given back. SPDX-License-Identifier: BSD-3-Clause */
#include <teaspoon.h>

TSP4K_STATIC(kitchen, 1024); /* bytes in .bss; kitchen() is the heap */

void setup() {
    Serial.begin(9600);
}

void loop() {
    static int *readings, count;
    int *more = (int *)tsp4k_realloc(kitchen(), readings, (count + 1) * sizeof *readings);
    if (more == NULL) { /* no room for one more: the old ones are as they were */
        Serial.println(count);
        tsp4k_free(kitchen(), readings);
        readings = NULL;
        count = 0;
        return;
    }
    readings = more;
    readings[count++] = analogRead(A0);
}
