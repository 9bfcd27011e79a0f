/* Lua over a sized heap: 0 bytes per object. SPDX-License-Identifier: BSD-3-Clause
 *
 *     TSP_LUA(tsp128k);                                      once, outside functions
 *     lua_State *L = lua_newstate(tsp128k_lua, &spoon);      spoon: a tsp128k made with tsp128k_init_sized
 *
 * Exhaustion: Lua collects its garbage and asks again; if that fails too, the protected call (lua_pcall) that runs
 * returns LUA_ERRMEM, "not enough memory". lua_newstate returns NULL. After lua_close the heap is empty. */
#ifndef TSP_LUA_H
#define TSP_LUA_H

#include "teaspoon.h"

/* For a new object (pointer NULL) Lua passes not its old size but its type; V_resize does not look at it then. */
#define TSP_LUA(V)                                                                                                     \
    static void *V##_lua(void *spoon, void *pointer, size_t old_size, size_t new_size) {                               \
        if (new_size > 0) return V##_resize((V *)spoon, pointer, old_size, new_size, 8);                               \
        if (pointer) V##_resize((V *)spoon, pointer, old_size, 0, 8);                                                  \
        return NULL;                                                                                                   \
    }                                                                                                                  \
    struct V##_lua /* swallows the semicolon */

#endif
