/* Lua in a sized heap of 32 KiB: not a byte of overhead for any of its objects. */
#include <stdio.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include "tsp_lua.h"

TSP_LUA(tsp128k);

static const char script[] =
    "local n, found, columns = 6, 0, {}\n"
    "local function safe(row, column)\n"
    "  for r = 1, row - 1 do\n"
    "    local c = columns[r]\n"
    "    if c == column or math.abs(c - column) == row - r then return false end\n"
    "  end\n"
    "  return true\n"
    "end\n"
    "local function place(row)\n"
    "  if row > n then found = found + 1 print(table.concat(columns, ' ')) return end\n"
    "  for column = 1, n do\n"
    "    if safe(row, column) then columns[row] = column place(row + 1) end\n"
    "  end\n"
    "end\n"
    "place(1)\n"
    "local words = {}\n"
    "for word in ('a teaspoon of memory will do'):gmatch('%a+') do words[#words + 1] = word:upper() end\n"
    "table.sort(words)\n"
    "print(found .. ' ways for ' .. n .. ' queens; ' .. table.concat(words, ' '))\n";

/* Whatever may need memory runs inside a protected call, opening the libraries too. */
static int work(lua_State *L) {
    luaL_openlibs(L);
    if (luaL_loadstring(L, script) != LUA_OK) return lua_error(L);
    lua_call(L, 0, 0);
    return 0;
}

int main(void) {
    static unsigned char bytes[32 * 1024];
    static tsp128k spoon;
    tsp128k_init_sized(&spoon, bytes, sizeof bytes);

    lua_State *L = lua_newstate(tsp128k_lua, &spoon);
    if (L == NULL) {
        puts("no state: not enough memory");
        return 1;
    }
    lua_pushcfunction(L, work);
    int status = lua_pcall(L, 0, 0, 0);
    if (status != LUA_OK) printf("error %d: %s\n", status, lua_tostring(L, -1));
    lua_close(L);

    tsp_usage usage = tsp128k_usage(&spoon);
    printf("heap: at most %zu of %zu bytes in use, %zu now\n", usage.total - usage.low_free, usage.total, usage.used);
    return status != LUA_OK;
}
