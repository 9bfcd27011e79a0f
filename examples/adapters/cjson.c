/* cJSON in a heap of 6 KiB: a message is parsed, changed and printed. */
#include <stdio.h>

#include <cJSON.h>

#include "tsp_hooks.h"

TSP128K_STATIC(kitchen, 6 * 1024);
TSP_HOOKS(tsp128k, kitchen);

static const char message[] =
    "{\"device\": \"kitchen-scale\", \"uptime\": 86400.5, \"online\": true, \"owner\": null,"
    " \"readings\": [{\"name\": \"sugar\", \"grams\": 4.2}, {\"name\": \"salt\", \"grams\": 6},"
    " {\"name\": \"cumin \\u00bd\", \"grams\": 2.1e0}], \"tags\": [\"tea\", \"spoon\", [1, 2, [3]]]}";

int main(void) {
    cJSON_Hooks hooks = {kitchen_malloc, kitchen_free};
    cJSON_InitHooks(&hooks);

    char *text = NULL;
    cJSON *json = cJSON_Parse(message), *reading;
    if (json) {
        double sum = 0;
        cJSON_ArrayForEach(reading, cJSON_GetObjectItem(json, "readings")) {
            sum += cJSON_GetNumberValue(cJSON_GetObjectItem(reading, "grams"));
        }
        if (cJSON_AddNumberToObject(json, "total", sum)) text = cJSON_Print(json);
    }
    puts(text ? text : "NULL: no memory");
    int failed = text == NULL;
    cJSON_free(text);
    cJSON_Delete(json);

    tsp_usage usage = tsp128k_usage(kitchen());
    printf("heap: at most %zu of %zu bytes in use, %zu now\n", usage.total - usage.low_free, usage.total, usage.used);
    return failed;
}
