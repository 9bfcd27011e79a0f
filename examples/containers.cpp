/* C++ containers and smart pointers in a static heap. They give sizes back, so a sized heap will do, in which objects
 * cost nothing. */
#include <cstdio>
#include <map>
#include <memory_resource>
#include <string>
#include <vector>

#include "teaspoon.hpp"

TSP4K_STATIC_SIZED(kitchen, 2048);

using here = tsp::in<kitchen>; /* nothing is kept in a container to find this heap; a pointer for heaps of any kind */

struct reading {
    double celsius;
    unsigned long seconds;
};

static std::size_t show(const char *what) {
    tsp_usage now = tsp4k_usage(kitchen());
    std::printf("%-34s %4zu bytes in %2zu objects\n", what, now.used, now.objects);
    return now.used;
}

int main() {
    {
        std::vector<tsp::unique_ptr<reading, here>, tsp::allocator<tsp::unique_ptr<reading, here>, here>> readings;
        readings.reserve(20);
        std::size_t before = show("room for 20 pointers");
        for (unsigned long i = 0; i < 20; i++) readings.push_back(tsp::make_unique<reading>(here(), reading{20.5, i}));
        std::size_t after = show("and 20 readings");
        std::printf("a reading is %zu bytes, and takes %zu\n", sizeof(reading), (after - before) / 20);

        tsp::resource pantry(kitchen()); /* for std::pmr */
        std::pmr::map<int, std::pmr::string> names(&pantry);
        names.emplace(1, "the sensor behind the refrigerator");
        show("and a map with a string");

        try {
            readings.reserve(1000);
        } catch (const std::bad_alloc &) {
            show("1000 pointers do not fit");
        }
    }
    show("all given back");
    return tsp4k_usage(kitchen()).used == 0 && tsp4k_check(kitchen()).status == TSP_OK ? 0 : 1;
}
