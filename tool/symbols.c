/* See symbols.h. SPDX-License-Identifier: BSD-3-Clause */
#define _GNU_SOURCE

#include "symbols.h"
#include "say.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef TSP_LIBDW
#include <elfutils/libdwfl.h>
#endif

typedef struct mapping {
    uint64_t from, to, offset;
    const char *path; /* inside the text */
} mapping;

struct symbols {
    char *text;
    mapping *mappings;
    size_t count;
#ifdef TSP_LIBDW
    struct module *modules;
    size_t module_count;
    Dwfl **dwfls; /* one for each copy: what a program loads and unloads may lie where something else was */
    size_t dwfl_count;
#endif
};

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* What cannot be read is empty. */
static char *whole_file(const char *path) {
    FILE *in = fopen(path, "rb");
    size_t size;
    char *text = read_all(in, &size);
    if (in) fclose(in);
    return text ? text : need(calloc(1, 1));
}

#ifdef TSP_LIBDW

/* DWARF is looked for in the file itself, and where distributions put it, but not fetched from anywhere. */
static int find_debug_information(Dwfl_Module *module, void **user, const char *name, Dwarf_Addr base, const char *file,
                                  const char *link, GElf_Word crc, char **found) {
    return dwfl_standard_find_debuginfo(module, user, name, base, file, link, crc, found);
}

static const Dwfl_Callbacks callbacks = {
    .find_elf = dwfl_linux_proc_find_elf,
    .find_debuginfo = find_debug_information,
};

static void add_copy(symbols *s, char *text, size_t length) {
    FILE *in = length ? fmemopen(text, length, "r") : NULL;
    Dwfl *d = in ? dwfl_begin(&callbacks) : NULL;
    if (d && dwfl_linux_proc_maps_report(d, in) == 0 && dwfl_report_end(d, NULL, NULL) == 0) {
        s->dwfls = need(realloc(s->dwfls, (s->dwfl_count + 1) * sizeof *s->dwfls));
        s->dwfls[s->dwfl_count++] = d;
    } else if (d) {
        dwfl_end(d);
    }
    if (in) fclose(in);
}

/* A module's functions by address. dwfl_module_addrname would look at every symbol for every name: half a minute for
 * gcc's. */
typedef struct function {
    GElf_Addr from, to;
    const char *name;
} function;

typedef struct module {
    Dwfl_Module *of;
    function *functions;
    size_t count;
} module;

static int by_address(const void *a, const void *b) {
    const function *x = a, *y = b;
    if (x->from != y->from) return x->from < y->from ? -1 : 1;
    return x->to < y->to ? -1 : x->to > y->to;
}

static const module *functions_of(symbols *s, Dwfl_Module *of) {
    module m = {of, NULL, 0};
    int symbols_there;
    for (size_t i = 0; i < s->module_count; i++)
        if (s->modules[i].of == of) return &s->modules[i];
    symbols_there = dwfl_module_getsymtab(of);
    m.functions = need(malloc((symbols_there > 0 ? (size_t)symbols_there : 1) * sizeof *m.functions));
    for (int i = 0; i < symbols_there; i++) {
        GElf_Sym symbol;
        GElf_Addr at;
        const char *name = dwfl_module_getsym_info(of, i, &symbol, &at, NULL, NULL, NULL);
        if (name == NULL || *name == '\0' || symbol.st_shndx == SHN_UNDEF) continue;
        if (GELF_ST_TYPE(symbol.st_info) != STT_FUNC && GELF_ST_TYPE(symbol.st_info) != STT_NOTYPE) continue;
        m.functions[m.count++] = (function){at, at + symbol.st_size, name};
    }
    qsort(m.functions, m.count, sizeof *m.functions, by_address);
    s->modules = need(realloc(s->modules, (s->module_count + 1) * sizeof *s->modules));
    s->modules[s->module_count] = m;
    return &s->modules[s->module_count++];
}

/* The nearest before the address that reaches as far, or, as in assembly, does not say how far it reaches. */
static const char *function_at(symbols *s, Dwfl_Module *of, GElf_Addr address) {
    const module *m = functions_of(s, of);
    size_t low = 0, high = m->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (m->functions[middle].from <= address) low = middle + 1;
        else high = middle;
    }
    for (int tries = 0; low > 0 && tries < 8; tries++) {
        const function *f = &m->functions[--low];
        if (address < f->to || f->to == f->from) return f->name;
    }
    return NULL;
}

static int name_by_libdw(symbols *s, uint64_t address, char *name, size_t size) {
    for (size_t i = s->dwfl_count; i-- > 0;) {
        Dwfl_Module *of = dwfl_addrmodule(s->dwfls[i], address - 1);
        const char *function = of ? function_at(s, of, address - 1) : NULL, *path;
        Dwfl_Line *line;
        int row = 0;
        if (!of) continue;
        if (!function) return 0;
        line = dwfl_module_getsrc(of, address - 1);
        path = line ? dwfl_lineinfo(line, NULL, &row, NULL, NULL, NULL) : NULL;
        if (path) snprintf(name, size, "%s (%s:%d)", function, base_name(path), row);
        else
            snprintf(name, size, "%s (%s)", function,
                     base_name(dwfl_module_info(of, NULL, NULL, NULL, NULL, NULL, NULL, NULL)));
        return 1;
    }
    return 0;
}

#endif

static void add_line(symbols *s, char *line) {
    mapping m = {0};
    int at = 0;
    if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*4s %" SCNx64 " %*s %*s %n", &m.from, &m.to, &m.offset, &at) != 3)
        return;
    if (at == 0 || line[at] != '/') return;
    m.path = line + at;
    s->mappings = need(realloc(s->mappings, (s->count + 1) * sizeof *s->mappings));
    s->mappings[s->count++] = m;
}

symbols *symbols_open(const char *maps) {
    symbols *s = need(calloc(1, sizeof *s));
    char *copy = s->text = whole_file(maps);
#ifdef TSP_LIBDW
    for (char *end; (end = strstr(copy, "\n\n")) != NULL; copy = end + 2) add_copy(s, copy, (size_t)(end + 1 - copy));
    copy = s->text;
#endif
    for (char *line = copy, *end; *line && (end = strchr(line, '\n')) != NULL; line = end + 1) {
        *end = '\0';
        add_line(s, line);
    }
    return s;
}

void symbols_close(symbols *s) {
#ifdef TSP_LIBDW
    for (size_t i = 0; i < s->dwfl_count; i++) dwfl_end(s->dwfls[i]);
    for (size_t i = 0; i < s->module_count; i++) free(s->modules[i].functions);
    free(s->modules);
    free(s->dwfls);
#endif
    free(s->mappings);
    free(s->text);
    free(s);
}

void symbols_name(symbols *s, uint64_t address, char *name, size_t size) {
#ifdef TSP_LIBDW
    if (name_by_libdw(s, address, name, size)) return;
#endif
    for (size_t i = s->count; i-- > 0;) {
        const mapping *m = &s->mappings[i];
        if (address - 1 < m->from || address - 1 >= m->to) continue;
        snprintf(name, size, "%s+0x%" PRIx64, base_name(m->path), address - 1 - m->from + m->offset);
        return;
    }
    snprintf(name, size, "0x%" PRIx64, address - 1);
}
