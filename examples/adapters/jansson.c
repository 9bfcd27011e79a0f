/* jansson in a heap of 8 KiB: a message is parsed, changed and printed. */
#include <stdio.h>

#include <jansson.h>

#include "tsp_hooks.h"

TSP128K_STATIC(kitchen, 8 * 1024);
TSP_HOOKS(tsp128k, kitchen);

static const char message[] =
    "{\"device\": \"kitchen-scale\", \"uptime\": 86400.5, \"online\": true, \"owner\": null,"
    " \"readings\": [{\"name\": \"sugar\", \"grams\": 4}, {\"name\": \"salt\", \"grams\": 6},"
    " {\"name\": \"cumin \\u00bd\", \"grams\": 2}], \"tags\": [\"tea\", \"spoon\", [1, 2, [3]]]}";

int main(void) {
    json_set_alloc_funcs(kitchen_malloc, kitchen_free);
    json_object_seed(1);

    json_error_t error;
    char *text = NULL;
    json_t *json = json_loads(message, 0, &error), *reading;
    if (json) {
        json_int_t sum = 0;
        size_t i;
        json_array_foreach(json_object_get(json, "readings"), i, reading) {
            sum += json_integer_value(json_object_get(reading, "grams"));
        }
        if (json_object_set_new(json, "total", json_integer(sum)) == 0) {
            text = json_dumps(json, JSON_INDENT(2) | JSON_SORT_KEYS);
        }
    }
    puts(text ? text : "NULL: no memory");
    int failed = text == NULL;
    kitchen_free(text);
    json_decref(json);

    tsp_usage usage = tsp128k_usage(kitchen());
    printf("heap: at most %zu of %zu bytes in use, %zu now\n", usage.total - usage.low_free, usage.total, usage.used);
    return failed;
}
