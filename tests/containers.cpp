// teaspoon.hpp under the standard library's containers and smart pointers, for a family TSP_V and both kinds of heap.
// C++17 and later; where exceptions are off, how the program ends is looked at instead of what is thrown. Ends in
// "N passed, N failed". SPDX-License-Identifier: BSD-3-Clause
#include "teaspoon.hpp"

#ifndef TSP_V
#define TSP_V tsp4k
#endif

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <deque>
#include <list>
#include <map>
#include <memory_resource>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

static unsigned failures; // of the case that runs now

#define CHECK(...) check((__VA_ARGS__), __LINE__, #__VA_ARGS__)

static bool check(bool holds, int line, const char *what) {
    if (!holds && failures++ < 8) std::printf("%s:%d: %s\n", __FILE__, line, what);
    return holds;
}

static struct {
    tsp_status status;
    unsigned count;
    bool quits; // the hook ends the program with status 7 instead of coming back
} misuse;

void tsp_misuse(const void *, const void *, tsp_status status) {
    misuse.status = status;
    misuse.count++;
    if (misuse.quits) _exit(status == TSP_NO_MEMORY ? 7 : 8);
}

// The C functions that the tests need, by overloading.
#define FAMILY(V)                                                                                                      \
    [[maybe_unused]] static void init(V &spoon, void *memory, std::size_t size, bool sized) {                          \
        if (sized) V##_init_sized(&spoon, memory, size);                                                               \
        else V##_init(&spoon, memory, size);                                                                           \
    }                                                                                                                  \
    [[maybe_unused]] static tsp_usage usage(V &spoon) {                                                                \
        return V##_usage(&spoon);                                                                                      \
    }                                                                                                                  \
    [[maybe_unused]] static bool sound(V &spoon) {                                                                     \
        return V##_check(&spoon).status == TSP_OK;                                                                     \
    }
FAMILY(tsp4k)
FAMILY(tsp128k)
FAMILY(tsp16m)

// A heap of some bytes. When it ends, everything must have been given back and no call refused.
template <class V> struct kettle {
    alignas(64) unsigned char bytes[16384];
    V spoon{};

    explicit kettle(bool sized, std::size_t size = sizeof bytes) {
        init(spoon, bytes, size, sized);
        misuse = {};
    }
    kettle(const kettle &) = delete;
    kettle &operator=(const kettle &) = delete;
    ~kettle() {
        CHECK(usage(spoon).used == 0 && usage(spoon).objects == 0);
        CHECK(sound(spoon));
        CHECK(misuse.count == 0);
    }
    V *operator&() {
        return &spoon;
    }
};

template <class T, class V> using vec = std::vector<T, tsp::allocator<T, V>>;
template <class T, class V> using chain = std::list<T, tsp::allocator<T, V>>;
template <class V> using text = std::basic_string<char, std::char_traits<char>, tsp::allocator<char, V>>;
template <class K, class T, class V>
using tree = std::map<K, T, std::less<K>, tsp::allocator<std::pair<const K, T>, V>>;
template <class K, class T, class V>
using table = std::unordered_map<K, T, std::hash<K>, std::equal_to<K>, tsp::allocator<std::pair<const K, T>, V>>;

// Counts how many of its kind live, and throws when told to.
struct guest {
    static inline int live, admitted, last; // last: who left last
    int n;

    explicit guest(int number = 1) : n(number) {
#ifdef __cpp_exceptions
        if (admitted-- == 0) throw std::runtime_error("no more guests");
#endif
        live++;
    }
    guest(const guest &other) : guest(other.n) {}
    guest &operator=(const guest &) = default;
    ~guest() {
        live--;
        last = n;
    }
};

struct alignas(64) wide {
    int n;
    explicit wide(int number = 0) : n(number) {}
    bool aligned() const {
        return reinterpret_cast<std::uintptr_t>(this) % 64 == 0;
    }
};

struct dish {
    virtual ~dish() = default;
    virtual int weight() const {
        return 1;
    }
};
struct feast : dish {
    char courses[200];
    int weight() const override {
        return 200;
    }
};

// -- Both forms of every container -----------------------------------------------------------------------------------

template <class V> static void vectors(bool sized) {
    kettle<V> k(sized);
    vec<int, V> v(&k);
    for (int i = 0; i < 300; i++) v.push_back(i);
    for (int i = 0; i < 300; i++) CHECK(v[std::size_t(i)] == i);
    v.erase(v.begin(), v.begin() + 290);
    v = vec<int, V>(v); // shrinks; shrink_to_fit() may do nothing
    CHECK(usage(k.spoon).used == TSP16M_BYTES_SIZED(1, 40, 4) && usage(k.spoon).objects == 1);
    vec<int, V> copy = v;
    CHECK(copy == v && copy.get_allocator() == v.get_allocator());
    vec<text<V>, V> words(&k);
    for (int i = 0; i < 20; i++) words.emplace_back("a word that is too long to be kept in place", &k);
    words.insert(words.begin() + 5, text<V>(&k));
    CHECK(words.size() == 21 && words[5].empty() && words[20].size() == 43);
    vec<bool, V> bits(100, true, &k);
    std::deque<int, tsp::allocator<int, V>> d(&k);
    for (int i = 0; i < 50; i++) d.push_front(i);
    CHECK(bits[99] && d.back() == 0 && sound(k.spoon));
}

template <class V> static void strings(bool sized) {
    kettle<V> k(sized);
    text<V> s(&k);
    for (int i = 0; i < 500; i++) s += char('a' + i % 26);
    CHECK(s.size() == 500 && s[499] == 'f');
    text<V> t = s + text<V>(s, 3, 40, &k);
    t.replace(1, 400, "much shorter");
    t.shrink_to_fit();
    CHECK(t.compare(0, 13, "amuch shorter") == 0 && t.size() == 152);
}

template <class V> static void nodes(bool sized) {
    kettle<V> k(sized);
    tree<int, text<V>, V> m(&k);
    table<int, int, V> u(&k);
    chain<int, V> l(&k);
    for (int i = 0; i < 60; i++) {
        m.emplace(i * 7 % 60, text<V>("twenty or more characters", &k));
        u[i] = i * i;
        l.push_front(60 - i);
    }
    CHECK(m.size() == 60 && u.size() == 60 && u.at(59) == 59 * 59);
    for (int i = 0; i < 60; i += 2) {
        m.erase(i);
        u.erase(i);
    }
    l.sort();
    l.remove_if([](int i) { return i % 3 == 0; });
    CHECK(m.size() == 30 && u.size() == 30 && l.size() == 40 && l.front() == 1 && l.back() == 59);
    chain<int, V> rest(&k);
    rest.splice(rest.begin(), l, l.begin());
    CHECK(rest.front() == 1 && l.front() == 2 && sound(k.spoon));
}

template <class V> static void polymorphic(bool sized) {
    kettle<V> k(sized);
    tsp::resource pantry(&k);
    static_assert(std::is_same_v<decltype(pantry), tsp::resource<V>>);
    std::pmr::vector<std::pmr::string> v(&pantry);
    std::pmr::map<int, std::pmr::string> m(&pantry);
    std::pmr::unordered_map<int, int> u(&pantry);
    std::pmr::list<int> l(&pantry);
    for (int i = 0; i < 30; i++) {
        v.emplace_back("a word that is too long to be kept in place");
        m[i] = v.back();
        u[i] = i;
        l.push_back(i);
    }
    CHECK(v.size() == 30 && m.size() == 30 && u.at(29) == 29 && l.back() == 29);
    CHECK(v[29].get_allocator().resource() == &pantry && pantry.spoon() == &k);
    void *p = pantry.allocate(100, 64), *nothing = pantry.allocate(0, 64);
    CHECK(reinterpret_cast<std::uintptr_t>(p) % 64 == 0 && nothing != nullptr && nothing != p);
    pantry.deallocate(p, 100, 64);
    pantry.deallocate(nothing, 0, 64);
    CHECK(sound(k.spoon));
}

template <class V> static void over_aligned(bool sized) {
    kettle<V> k(sized);
    tsp::resource<V> pantry(&k);
    vec<wide, V> v(&k);
    chain<wide, V> l(&k);
    tree<int, wide, V> m(&k);
    std::pmr::vector<wide> p(&pantry);
    for (int i = 0; i < 5; i++) {
        v.emplace_back(i);
        l.emplace_back(i);
        m.emplace(i, wide(i));
        p.emplace_back(i);
    }
    chain<tsp::unique_ptr<int, V>, V> crumbs(&k);
    for (int i = 0; i < 20; i++) {
        crumbs.push_back(tsp::make_unique<int>(&k)); // so that nothing is aligned by chance
        auto one = tsp::make_unique<wide>(&k, 3);
        auto many = tsp::make_unique<wide[]>(&k, 3);
        CHECK(one->aligned() && many[2].aligned());
    }
    CHECK(v[4].aligned() && p[4].aligned());
    for (const auto &w : l) CHECK(w.aligned());
    for (const auto &w : m) CHECK(w.second.aligned());
}

// -- Whose heap ------------------------------------------------------------------------------------------------------

template <class V> static void heaps(bool sized) {
    using numbers = vec<int, V>;
    static_assert(!std::is_default_constructible_v<tsp::allocator<int, V>>, "which heap?");
    static_assert(std::is_nothrow_move_assignable_v<numbers>);
    static_assert(sizeof(tsp::allocator<int, V>) == sizeof(void *));
    static_assert(!std::allocator_traits<tsp::allocator<int, V>>::is_always_equal::value);
    kettle<V> k(sized), other(sized);
    numbers a(20, 1, &k), b(30, 2, &other);
    CHECK(a.get_allocator() == tsp::allocator<char, V>(&k) && a.get_allocator() != b.get_allocator());
    swap(a, b);
    CHECK(a.size() == 30 && a.get_allocator().spoon() == &other && b.get_allocator().spoon() == &k);
    numbers copy(b);
    copy = a; // stays in its own heap
    CHECK(copy == a && copy.get_allocator().spoon() == &k);
    const int *where = a.data();
    b = std::move(a); // takes the heap along
    CHECK(b.data() == where && b.get_allocator().spoon() == &other);

    tsp::resource<V> first(&k), again(&k), second(&other);
    CHECK(first.is_equal(first) && !first.is_equal(second) && !first.is_equal(*std::pmr::new_delete_resource()));
#ifdef __cpp_rtti
    CHECK(first == again);
#endif
    std::pmr::vector<int> p(10, 1, &first), q(10, 2, &second), r(&again);
    p = std::move(q); // copies, from heap to heap
    r = p;
    CHECK(p[9] == 2 && r[9] == 2 && usage(k.spoon).objects == 3 && usage(other.spoon).objects == 2);
}

TSP4K_STATIC_SIZED(kitchen, 4096);

static unsigned char attic[2048];
static void *suppliers_attic(std::size_t *size) {
    *size = sizeof attic;
    return attic;
}
TSP16M_LAZY(lazy, suppliers_attic);

template <auto which> static void self_made() {
    using here = tsp::in<which>;
    static_assert(sizeof(vec<int, here>) == sizeof(std::vector<int>));
    static_assert(sizeof(tree<int, int, here>) == sizeof(std::map<int, int>));
    static_assert(sizeof(tsp::unique_ptr<int, here>) == sizeof(int *));
    static_assert(std::allocator_traits<tsp::allocator<int, here>>::is_always_equal::value);
    misuse = {};
    {
        tree<int, vec<text<here>, here>, here> m; // nobody needs to be told the heap
        for (int i = 0; i < 12; i++) m[i % 4].emplace_back("a word that is too long to be kept in place");
        tsp::resource<here> pantry;
        CHECK(pantry.is_equal(pantry) && tsp::resource(here()).spoon() == which());
        std::pmr::string s("a word that is too long to be kept in place", &pantry);
        auto p = tsp::make_unique<int>(here(), 5);
        auto a = tsp::make_unique<int[]>(std::nothrow, here(), 5);
        tsp::unique_ptr<int, here> empty;
        CHECK(m.at(3).size() == 3 && *p == 5 && a[4] == 0 && !empty && usage(*which()).objects > 15);
    }
    CHECK(usage(*which()).used == 0 && sound(*which()) && misuse.count == 0);
}

static void static_heaps(bool) {
    self_made<kitchen>();
    self_made<lazy>();
}

// -- Smart pointers --------------------------------------------------------------------------------------------------

template <class V> static void pointers(bool sized) {
    static_assert(!std::is_convertible_v<tsp::unique_ptr<feast, V>, tsp::unique_ptr<dish, V>>, "of another size");
    guest::live = 0;
    guest::admitted = -1;
    {
        kettle<V> k(sized);
        auto one = tsp::make_unique<guest>(&k, 5);
        tsp::unique_ptr<guest, V> none;
        CHECK(!none && one->n == 5 && guest::live == 1);
        none = std::move(one);
        CHECK(!one && none->n == 5);
        auto many = tsp::make_unique<guest[]>(&k, 9);
        CHECK(many[8].n == 1 && guest::live == 10);
        many[0].n = 2;
        many.reset();
        CHECK(guest::live == 1 && guest::last == 2); // in reverse order
        auto letters = tsp::make_unique<char[]>(&k, 100), no_letters = tsp::make_unique<char[]>(&k, 0);
        CHECK(letters[99] == 0 && no_letters != nullptr && usage(k.spoon).objects == 2);
        auto constant = tsp::make_unique<const guest>(&k, 3);
        auto constants = tsp::make_unique<const int[]>(&k, 3);
        CHECK(constant->n == 3 && constants[2] == 0);
        std::shared_ptr<dish> shared = std::allocate_shared<feast>(tsp::allocator<feast, V>(&k));
        CHECK(shared->weight() == 200 && usage(k.spoon).objects == 5);
        CHECK(!tsp::make_unique<char[]>(std::nothrow, &k, 17000));
        CHECK(!tsp::make_unique<wide[]>(std::nothrow, &k, SIZE_MAX / 2));
        CHECK(usage(k.spoon).failed == 2 && usage(k.spoon).objects == 5);
    }
    CHECK(guest::live == 0);
}

// 0 bytes per object: a sized heap of exactly their bytes holds them all (and their guards, with TSP_DEBUG).
template <class V> static void nothing_on_top(bool) {
    struct cup {
        std::uint64_t n[3];
    };
    kettle<V> k(true, TSP_DEBUG ? TSP16M_BYTES_SIZED(50, 24, 8) : 24 * 50);
    auto cups = std::make_unique<tsp::unique_ptr<cup, V>[]>(51);
    for (int i = 0; i < 51; i++) cups[std::size_t(i)] = tsp::make_unique<cup>(std::nothrow, &k);
    CHECK(cups[49] && !cups[50] && usage(k.spoon).free == 0);
    cups[20].reset();
    tsp::resource<V> pantry(&k);
    void *p = pantry.allocate(24, 8);
    CHECK(usage(k.spoon).free == 0);
    pantry.deallocate(p, 24, 8);
}

template <class V> static void refusals(bool sized) {
    kettle<V> k(sized), other(sized);
    tsp::allocator<int, V> a(&k);
    tsp::resource<V> pantry(&k);
    int *p = a.allocate(10), *q = a.allocate(10), *foreign = tsp::allocator<int, V>(&other).allocate(10);
    a.deallocate(foreign, 10);
    CHECK(misuse.count == 1 && misuse.status == TSP_FOREIGN);
    pantry.deallocate(foreign, 40, 4);
    CHECK(misuse.count == 2 && misuse.status == TSP_FOREIGN);
    tsp::deleter<char[], V>(&k, 40)(reinterpret_cast<char *>(foreign));
    CHECK(misuse.count == 3 && misuse.status == TSP_FOREIGN);
    if (!sized) {
        a.deallocate(p, 11);
        CHECK(misuse.count == 4 && misuse.status == TSP_WRONG_SIZE);
    }
    a.deallocate(p, 10);
    misuse.count = 0;
    a.deallocate(p, 10);
    CHECK(misuse.count == 1 && misuse.status == TSP_ALREADY_FREE);
    CHECK(usage(k.spoon).objects == 1 && sound(k.spoon));
    a.deallocate(q, 10);
    tsp::allocator<int, V>(&other).deallocate(foreign, 10);
    misuse = {};
}

// -- No memory -------------------------------------------------------------------------------------------------------

#ifdef __cpp_exceptions

// Whether the call throws std::bad_alloc itself or what is derived from it; the heap must be as it was.
template <class V, class F> static bool throws(kettle<V> &k, F call) {
    tsp_usage before = usage(k.spoon);
    try {
        call();
    } catch (const std::bad_alloc &) {
        tsp_usage after = usage(k.spoon);
        return CHECK(after.objects == before.objects && after.used == before.used &&
                     after.failed == std::min<size_t>(before.failed + 1, 254) && sound(k.spoon));
    }
    return false;
}

template <class V> static void exhaustion(bool sized) {
    kettle<V> k(sized, 2048);
    vec<int, V> v(&k);
    CHECK(throws(k, [&] { v.reserve(1000); }) && throws(k, [&] { v.reserve(v.max_size()); }));
    CHECK(throws(k, [&] { (void)v.get_allocator().allocate(SIZE_MAX / 4 + 1); }));
    int n = 0;
    while (!throws(k, [&] { v.push_back(n); })) n++;
    CHECK(n > 100 && v.size() == std::size_t(n));
    for (int i = 0; i < n; i++) CHECK(v[std::size_t(i)] == i);

    tree<int, text<V>, V> m(&k);
    int whole = 0;
    while (!throws(k, [&] { m.try_emplace(whole, "a word that is too long to be kept in place", &k); })) whole++;
    CHECK(whole > 3 && m.size() == std::size_t(whole));
    for (const auto &entry : m) CHECK(entry.second.size() == 43);

    v = vec<int, V>(&k);
    table<int, int, V> u(&k);
    chain<int, V> l(&k);
    text<V> s(&k);
    int entries = 0, links = 0;
    while (!throws(k, [&] { u.emplace(entries, -entries); })) entries++;
    CHECK(entries > 10 && u.size() == std::size_t(entries) && u.at(entries - 1) == 1 - entries);
    u.erase(0);
    u.erase(1);
    while (!throws(k, [&] { l.push_back(links); })) links++;
    CHECK(links > 0 && l.size() == std::size_t(links) && l.back() == links - 1);
    CHECK(throws(k, [&] { s.assign(1000, 'x'); }) && s.empty());
    m.clear();
    s.assign(200, 'x');
    CHECK(s.size() == 200);
}

template <class V> static void exhaustion_elsewhere(bool sized) {
    kettle<V> k(sized, 1024);
    tsp::resource<V> pantry(&k);
    std::pmr::list<std::pmr::string> l(&pantry);
    std::size_t n = 0;
    while (!throws(k, [&] { l.emplace_back("a word that is too long to be kept in place"); })) n++;
    CHECK(n > 3 && l.size() == n && l.back().size() == 43);
    CHECK(throws(k, [&] { (void)tsp::make_unique<char[]>(&k, 1024); }));
    CHECK(throws(k, [&] { (void)tsp::make_unique<feast>(&k); }));
    CHECK(throws(k, [&] { (void)std::allocate_shared<feast>(tsp::allocator<feast, V>(&k)); }));
    l.clear();
    CHECK(tsp::make_unique<feast>(&k)->weight() == 200);

    // Constructors that throw, the last of a few among them: what was made is unmade, and given back.
    for (int admitted = 0; admitted < 5; admitted++) {
        bool thrown = false;
        guest::live = 0;
        guest::admitted = admitted;
        try {
            auto many = tsp::make_unique<guest[]>(&k, 4);
            auto one = tsp::make_unique<guest>(&k, 7);
        } catch (const std::runtime_error &) {
            thrown = true;
        }
        CHECK(thrown && guest::live == 0 && usage(k.spoon).objects == 0);
    }
    guest::admitted = -1;
}

// Random changes to a map of strings in a heap that is too small, and to a std::map that goes along as long as there is
// memory. What fails changes neither.
template <class V> static void random_changes(bool sized) {
    kettle<V> k(sized, 3000);
    tree<unsigned, text<V>, V> ours(&k);
    std::map<unsigned, std::string> theirs;
    std::uint64_t dice = 2026;
    unsigned failed = 0, done = 0;
    for (int step = 0; step < 5000; step++) {
        dice = dice * 6364136223846793005u + 1442695040888963407u;
        unsigned key = unsigned(dice >> 33) % 64, length = unsigned(dice >> 45) % 100;
        bool out = false;
        if (dice >> 62 == 0) {
            ours.erase(key);
            theirs.erase(key);
            continue;
        }
        out = throws(k, [&] {
            auto at = ours.find(key);
            if (at == ours.end()) ours.try_emplace(key, length, char('a' + key % 26), &k);
            else at->second.append(length, 'z');
        });
        if (!out && theirs.count(key)) theirs[key].append(length, 'z');
        else if (!out) theirs.emplace(key, std::string(length, char('a' + key % 26)));
        out ? failed++ : done++;
        if (step % 100 == 0) {
            bool same = ours.size() == theirs.size();
            for (const auto &entry : theirs) same = same && ours.at(entry.first) == entry.second.c_str();
            CHECK(same);
        }
    }
    CHECK(failed > 100 && done > 100);
}

#else

// How a program ends that has no exceptions: through the hook, and by abort if that comes back.
template <class V> static void exhaustion(bool sized) {
    kettle<V> k(sized, 1024);
    tsp::resource<V> pantry(&k);
    for (int way = 0; way < 8; way++) {
        std::fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            alarm(20);
            misuse.quits = way % 2 == 0;
            if (way / 2 == 0) vec<int, V>(&k).reserve(1000);
            if (way / 2 == 1) std::pmr::vector<int>(&pantry).reserve(1000);
            if (way / 2 == 2) (void)tsp::make_unique<char[]>(&k, 1025);
            if (way / 2 == 3) (void)tsp::allocator<int, V>(&k).allocate(SIZE_MAX / 4 + 1);
            _exit(0);
        }
        int status = 0;
        CHECK(child > 0 && waitpid(child, &status, 0) == child);
        if (way % 2 == 0) CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
        else CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    }
}

#endif

// --------------------------------------------------------------------------------------------------------------------

static unsigned passed, failed;

static void run(const char *name, void (*test)(bool), bool sized) {
    failures = 0;
    test(sized);
    if (failures) std::printf("FAILED %s, %s: %u checks\n", name, sized ? "sized" : "remembering", failures);
    failures ? failed++ : passed++;
}

int main() {
    alarm(100); // nothing here takes long
    for (bool sized : {false, true}) {
        run("vectors", vectors<TSP_V>, sized);
        run("strings", strings<TSP_V>, sized);
        run("nodes", nodes<TSP_V>, sized);
        run("polymorphic", polymorphic<TSP_V>, sized);
        run("over-aligned", over_aligned<TSP_V>, sized);
        run("heaps", heaps<TSP_V>, sized);
        run("pointers", pointers<TSP_V>, sized);
        run("refusals", refusals<TSP_V>, sized);
        run("exhaustion", exhaustion<TSP_V>, sized);
#ifdef __cpp_exceptions
        run("exhaustion elsewhere", exhaustion_elsewhere<TSP_V>, sized);
        run("random changes", random_changes<TSP_V>, sized);
#endif
    }
    run("nothing on top", nothing_on_top<TSP_V>, true);
    run("static heaps", static_heaps, true);
    std::printf("%u passed, %u failed\n", passed, failed);
    return failed != 0;
}
