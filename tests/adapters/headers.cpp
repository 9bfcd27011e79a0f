/* Every adapter in C++, its functions where the library takes them. Compiled for the libraries that are there, and
 * never run. SPDX-License-Identifier: BSD-3-Clause */
#include "teaspoon.h"

extern tsp128k spoon;
extern tsp128k *kitchen();
extern void give_up(size_t);

#include "tsp_record.h"
static int sink(const void *, size_t) {
    return 1;
}
TSP_RECORD(sink);
TSP_RECORD_MALLOC();
TSP_RECORD_HEAP(tsp128k);
TSP_RECORD_SIZED(tsp128k);

#include "tsp_many.h"
TSP_MANY(tsp128k);
static tsp128k_region regions[] = {{&spoon, 1}};
extern const tsp128k_many many = {regions, 1};
void *of_many = tsp128k_many_realloc(&many, 1, tsp128k_many_resize(&many, 0, nullptr, 0, 1, 1), 2);

#if __has_include(<lua.hpp>)
#include <lua.hpp>

#include "tsp_lua.h"
TSP_LUA(tsp128k);
lua_State *lua = lua_newstate(tsp128k_lua, &spoon);
#endif

#if __has_include(<gmp.h>)
#include "tsp_gmp.h"
TSP_GMP(tsp128k, kitchen, give_up);
void (*gmp)() = kitchen_gmp;
#endif

#if __has_include(<sqlite3.h>)
#include "tsp_sqlite.h"
TSP_SQLITE(tsp128k, kitchen);
int sqlite = sqlite3_config(SQLITE_CONFIG_MALLOC, &kitchen_sqlite);
#endif

#if __has_include(<duktape.h>)
#include <duktape.h>

#include "tsp_duktape.h"
TSP_DUKTAPE(tsp128k);
duk_context *duktape = duk_create_heap(tsp128k_duk_alloc, tsp128k_duk_realloc, tsp128k_duk_free, &spoon, NULL);
#endif

#if __has_include(<mujs.h>)
#include <mujs.h>

#include "tsp_mujs.h"
TSP_MUJS(tsp128k);
js_State *mujs = js_newstate(tsp128k_mujs, &spoon, 0);
#endif

#if __has_include(<zlib.h>)
#include "tsp_zlib.h"
TSP_ZLIB(tsp128k);
alloc_func zlib_alloc = tsp128k_zalloc;
free_func zlib_free = tsp128k_zfree;
#endif

#if __has_include(<ft2build.h>)
#include "tsp_freetype.h"
TSP_FREETYPE(tsp128k);
struct FT_MemoryRec_ freetype = tsp128k_freetype(&spoon);
#endif

#if __has_include(<png.h>)
#include "tsp_png.h"
TSP_PNG(tsp128k);
png_structp png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL, &spoon, tsp128k_png_malloc,
                                           tsp128k_png_free);
#endif

#if __has_include(<protobuf-c/protobuf-c.h>)
#include "tsp_protobuf_c.h"
TSP_PROTOBUF_C(tsp128k);
ProtobufCAllocator protobuf_c = tsp128k_protobuf_c(&spoon);
#endif

#if __has_include(<yajl/yajl_common.h>)
#include "tsp_yajl.h"
TSP_YAJL(tsp128k, give_up);
yajl_alloc_funcs yajl = tsp128k_yajl(&spoon);
#endif

#if __has_include(<pcre2.h>)
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "tsp_pcre2.h"
TSP_PCRE2(tsp128k);
pcre2_general_context *pcre2 = pcre2_general_context_create(tsp128k_pcre2_malloc, tsp128k_pcre2_free, &spoon);
#endif

#include "tsp_hooks.h"
TSP_HOOKS(tsp128k, kitchen);

#if __has_include(<cJSON.h>)
#include <cJSON.h>
cJSON_Hooks cjson = {kitchen_malloc, kitchen_free};
#endif

#if __has_include(<expat.h>)
#include <expat.h>
XML_Memory_Handling_Suite expat = {kitchen_malloc, kitchen_realloc, kitchen_free};
#endif

#if __has_include(<jansson.h>)
#include <jansson.h>
json_malloc_t jansson_malloc = kitchen_malloc;
json_free_t jansson_free = kitchen_free;
#endif

#if __has_include(<libxml/xmlmemory.h>)
#include <libxml/xmlmemory.h>
int libxml2 = xmlMemSetup(kitchen_free, kitchen_malloc, kitchen_realloc, kitchen_strdup);
#endif

#if __has_include(<curl/curl.h>)
#include <curl/curl.h>
CURLcode curl = curl_global_init_mem(CURL_GLOBAL_NOTHING, kitchen_malloc, kitchen_free, kitchen_realloc, kitchen_strdup,
                                     kitchen_calloc);
#endif

#if __has_include(<uv.h>)
#include <uv.h>
int libuv = uv_replace_allocator(kitchen_malloc, kitchen_realloc, kitchen_calloc, kitchen_free);
#endif

/* Those that no Debian library takes. */
size_t (*usable)(const void *) = kitchen_usable_size;
