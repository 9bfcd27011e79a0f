/* Made by scripts/code.sh with gcc 12.2.1: family, TSP_ROUND, and bytes of code on Cortex-M0+, for init, malloc, free
 * and realloc, and for init_sized, alloc, dealloc and resize. */
CODE(4k, 8, 2206, 2080)
CODE(4k, 4, 2166, 2040)
CODE(128k, 8, 5042, 4916)
CODE(128k, 4, 5026, 4900)
CODE(16m, 8, 5178, 5056)
