/* libxml2 in a heap of 96 KiB: a document is parsed, searched by XPath, changed and written. */
#include <stdio.h>

#include <libxml/parser.h>
#include <libxml/xpath.h>

#include "tsp_hooks.h"

TSP128K_STATIC(kitchen, 96 * 1024);
TSP_HOOKS(tsp128k, kitchen);

static const char document[] =
    "<menu day='Sunday'><course number='1'><dish price='4.50'>soup &amp; bread</dish></course>"
    "<course number='2'><dish price='9.00' note='with thyme'>stew</dish><dish price='8.00'>tea</dish></course></menu>";

static void quiet(void *context, const char *format, ...) {
    (void)context, (void)format;
}

int main(void) {
    xmlMemSetup(kitchen_free, kitchen_malloc, kitchen_realloc, kitchen_strdup);
    xmlSetGenericErrorFunc(NULL, quiet);

    xmlChar *text = NULL;
    int size = 0;
    xmlDocPtr doc = xmlReadMemory(document, (int)sizeof document - 1, "menu.xml", NULL, 0);
    xmlXPathContextPtr context = doc ? xmlXPathNewContext(doc) : NULL;
    xmlXPathObjectPtr found =
        context ? xmlXPathEval(BAD_CAST "//dish[@price > 5][last()] | //course[@number = 1]/dish", context) : NULL;
    if (found && found->nodesetval) {
        int set = 1;
        for (int i = 0; i < found->nodesetval->nodeNr; i++) {
            set = set && xmlSetProp(found->nodesetval->nodeTab[i], BAD_CAST "chosen", BAD_CAST "yes") != NULL;
        }
        if (set) xmlDocDumpFormatMemory(doc, &text, &size, 1);
    }
    tsp_usage usage = tsp128k_usage(kitchen()); /* libxml2 does not always say why something is missing, so ask */
    int failed = text == NULL || usage.failed > 0;
    if (failed) printf("%zu requests found no memory\n", usage.failed);
    else printf("%s", (char *)text);
    xmlFree(text);
    xmlXPathFreeObject(found);
    xmlXPathFreeContext(context);
    xmlFreeDoc(doc);
    xmlCleanupParser();

    usage = tsp128k_usage(kitchen());
    printf("heap: at most %zu of %zu bytes in use, %zu now\n", usage.total - usage.low_free, usage.total, usage.used);
    return failed;
}
