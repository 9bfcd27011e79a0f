// A C++ program to be recorded: every operator new and delete, and sizes that give away whose object it is.
#include <cstdio>
#include <memory>
#include <new>
#include <string>
#include <vector>

struct alignas(128) wide {
    char bytes[1280];
};
struct plain {
    char bytes[10001];
};
struct destroyed {
    char bytes[10003];
    ~destroyed() {
        bytes[0] = 1;
    }
};

static void *volatile sink;
template <class T> static T *keep(T *p) {
    sink = p;
    return p;
}

static int handled;
static void handler() {
    ++handled;
    ::operator delete(sink);
    std::set_new_handler(nullptr);
}

extern "C" void plug() {
    delete keep(new plain);
    delete[] keep(new plain[2]);
    delete[] keep(new destroyed[2]); // with a count before the objects
    delete keep(new wide);
    delete[] keep(new wide[3]);
    delete keep(new (std::nothrow) plain);
    ::operator delete(keep(::operator new(10007)));
    ::operator delete(keep(::operator new(10009)), std::size_t(10009));
    ::operator delete(keep(::operator new(10011, std::align_val_t(64))), std::align_val_t(64));
    ::operator delete(keep(::operator new(10013, std::nothrow)), std::nothrow);
    keep(::operator new(10015));
    std::set_new_handler(handler);
    try {
        keep(::operator new(std::size_t(-1) / 4));
    } catch (const std::bad_alloc &) {
        ::operator delete(keep(::operator new(10017)));
    }
    std::make_unique<plain>();
}

int main() {
    std::vector<std::string> words;
    plug();
    for (int i = 0; i < 100; i++) words.push_back(std::string(1000, 'a'));
    std::printf("%d\n", handled);
}
