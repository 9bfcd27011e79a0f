/* CMake wants a source for every library from its beginning. */
typedef int tsp_empty;
