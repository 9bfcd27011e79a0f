/* expat in a heap of 16 KiB: the outline of a document. */
#include <stdio.h>
#include <string.h>

#include <expat.h>

#include "tsp_hooks.h"

TSP128K_STATIC(kitchen, 16 * 1024);
TSP_HOOKS(tsp128k, kitchen);

static const char document[] =
    "<?xml version='1.0'?><!DOCTYPE menu [<!ENTITY drink 'a cup of tea'>]>"
    "<menu day='Sunday' cook='Ada'><course number='1'><dish price='4.50'>soup &amp; bread</dish></course>"
    "<course number='2'><dish price='9.00' note='with thyme'>stew</dish><dish "
    "price='8.00'>&drink;</dish></course></menu>";

static void begin(void *depth, const XML_Char *name, const XML_Char **attributes) {
    printf("%*s%s", 2 * (*(int *)depth)++, "", name);
    for (; *attributes; attributes += 2) printf(" %s=%s", attributes[0], attributes[1]);
    puts("");
}

static void end(void *depth, const XML_Char *name) {
    (void)name;
    --*(int *)depth;
}

static void text(void *depth, const XML_Char *data, int size) {
    printf("%*s\"%.*s\"\n", 2 * *(int *)depth, "", size, data);
}

int main(void) {
    XML_Memory_Handling_Suite suite = {kitchen_malloc, kitchen_realloc, kitchen_free};
    XML_Parser parser = XML_ParserCreate_MM(NULL, &suite, NULL);
    enum XML_Error error = XML_ERROR_NO_MEMORY;
    int depth = 0;
    if (parser) {
        XML_SetUserData(parser, &depth);
        XML_SetElementHandler(parser, begin, end);
        XML_SetCharacterDataHandler(parser, text);
        error = XML_ERROR_NONE;
        if (XML_Parse(parser, document, (int)strlen(document), 1) != XML_STATUS_OK) error = XML_GetErrorCode(parser);
        XML_ParserFree(parser);
    }
    if (error != XML_ERROR_NONE) printf("error %d: %s\n", (int)error, XML_ErrorString(error));

    tsp_usage usage = tsp128k_usage(kitchen());
    printf("heap: at most %zu of %zu bytes in use, %zu now\n", usage.total - usage.low_free, usage.total, usage.used);
    return error != XML_ERROR_NONE;
}
