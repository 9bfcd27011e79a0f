/* Made by scripts/code.sh with gcc 12.2.1: family, TSP_ROUND, and bytes of code on Cortex-M0+, for init, malloc, free
 * and realloc, and for init_sized, alloc, dealloc and resize. */
CODE(4k, 8, 2322, 2200)
CODE(4k, 4, 2278, 2156)
CODE(128k, 8, 4656, 4530)
CODE(128k, 4, 4624, 4498)
CODE(16m, 8, 4670, 4548)
