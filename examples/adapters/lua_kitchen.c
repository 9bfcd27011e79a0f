/* Lua in 32 KiB of static bytes, and a picture of them. `make demo` shows it.
 *
 *     lua_kitchen SCRIPT            a heap that remembers sizes, and so can tell object from object: draw("...")
 *     lua_kitchen SCRIPT BYTES      a sized heap of so many bytes, and not one more for its objects; draws nothing */
#include <stdio.h>
#include <stdlib.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include "replay.h" /* the command's, for its picture */
#include "tsp_lua.h"

TSP_LUA(tsp128k);

static unsigned char bytes[32 * 1024];
static tsp128k kitchen;
static const char *script;
static int sized;

static trace seen; /* so many objects, which are these */
static object objects[sizeof bytes / 8];

static int see(void *context, void *start, size_t size, tsp_kind kind) {
    (void)context;
    if (kind == TSP_OBJECT) objects[seen.ids++] = (object){start, size, 8};
    return 0;
}

static int draw(lua_State *L) {
    replay r = {.trace = &seen, .family = family_named("128k"), .memory = bytes, .bytes = sizeof bytes};
    if (sized) return 0;
    r.spoon.k128 = kitchen;
    r.usable = tsp128k_usage(&kitchen).total;
    r.objects = objects;
    seen.ids = 0;
    tsp128k_walk(&kitchen, see, NULL);
    printf("\n%s\n\n", luaL_checkstring(L, 1));
    picture(&r, stdout);
    return 0;
}

/* Whatever may need memory runs inside a protected call. */
static int work(lua_State *L) {
    luaL_requiref(L, "_G", luaopen_base, 1);
    luaL_requiref(L, "string", luaopen_string, 1);
    luaL_requiref(L, "table", luaopen_table, 1);
    luaL_requiref(L, "coroutine", luaopen_coroutine, 1);
    lua_register(L, "draw", draw);
    if (luaL_loadfile(L, script) != LUA_OK) return lua_error(L);
    lua_call(L, 0, 0);
    return 0;
}

int main(int argc, char **argv) {
    size_t size = argc > 2 ? strtoul(argv[2], NULL, 10) : sizeof bytes;
    if (argc < 2 || size > sizeof bytes) return 2;
    script = argv[1];
    sized = argc > 2;
    if (sized) tsp128k_init_sized(&kitchen, bytes, size);
    else tsp128k_init(&kitchen, bytes, size);

    int status = LUA_ERRMEM;
    lua_State *L = lua_newstate(tsp128k_lua, &kitchen);
    if (L) {
        lua_pushcfunction(L, work);
        status = lua_pcall(L, 0, 0, 0);
        if (status != LUA_OK) fprintf(stderr, "error %d: %s\n", status, lua_tostring(L, -1));
        lua_close(L);
    }
    tsp_usage usage = tsp128k_usage(&kitchen);
    printf("heap: at most %zu of %zu bytes in use, %zu now\n", usage.total - usage.low_free, usage.total, usage.used);
    return status != LUA_OK;
}
