/* Made by scripts/code.sh with gcc 12.2.1: family, TSP_ROUND, and bytes of code on Cortex-M0+, for init, malloc, free
 * and realloc, and for init_sized, alloc, dealloc and resize. */
CODE(4k, 8, 2202, 2080)
CODE(4k, 4, 2158, 2036)
CODE(128k, 8, 4766, 4640)
CODE(128k, 4, 4714, 4588)
CODE(16m, 8, 4860, 4738)
