/* SQLite, database and all, in a heap of 72 KiB. */
#include <stdio.h>

#include "tsp_sqlite.h"

TSP16M_STATIC(kitchen, 72 * 1024);
TSP_SQLITE(tsp16m, kitchen);

static const char script[] =
    "PRAGMA page_size = 1024; PRAGMA cache_size = 20;"
    "CREATE TABLE spice (id INTEGER PRIMARY KEY, name TEXT, grams REAL, shelf INTEGER);"
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)"
    "  INSERT INTO spice SELECT i, printf('spice-%03d', i * 7919 % 1000), i * 37 % 101 / 4.0, i % 7 FROM n;"
    "CREATE INDEX by_name ON spice (name);"
    "DELETE FROM spice WHERE id % 5 = 0;"
    "UPDATE spice SET name = name || '-ground' WHERE grams < 5;"
    "SELECT shelf, count(*), sum(grams) FROM spice GROUP BY shelf ORDER BY sum(grams) DESC;"
    "SELECT name, grams FROM spice WHERE name BETWEEN 'spice-5' AND 'spice-6' ORDER BY grams DESC, name LIMIT 5;"
    "SELECT group_concat(DISTINCT substr(name, -6)) FROM spice WHERE name LIKE '%ground';";

static int row(void *context, int columns, char **values, char **names) {
    (void)context, (void)names;
    for (int i = 0; i < columns; i++) printf("%s%s", values[i] ? values[i] : "NULL", i + 1 < columns ? "|" : "\n");
    return 0;
}

int main(void) {
    sqlite3 *db = NULL;
    sqlite3_config(SQLITE_CONFIG_MALLOC, &kitchen_sqlite);
    sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0);       /* 40 KB set aside to save calls of malloc: not here */
    sqlite3_config(SQLITE_CONFIG_PAGECACHE, NULL, 0, 0); /* pages are taken one by one, as they are needed */

    int status = sqlite3_open(":memory:", &db);
    if (status == SQLITE_OK) status = sqlite3_exec(db, script, row, NULL, NULL);
    if (status != SQLITE_OK) printf("error %d: %s\n", status, sqlite3_errstr(status));
    sqlite3_close(db);
    sqlite3_shutdown();

    tsp_usage usage = tsp16m_usage(kitchen());
    printf("heap: at most %zu of %zu bytes in use, %zu now\n", usage.total - usage.low_free, usage.total, usage.used);
    return status != SQLITE_OK;
}
