/* teaspoon in C++17: containers and smart pointers in a teaspoon heap. SPDX-License-Identifier: BSD-3-Clause
 *
 *     TSP4K_STATIC_SIZED(kitchen, 4096);                 // a heap; any handle and any way of making one will do
 *
 *     std::vector<int, tsp::allocator<int, tsp4k>> readings(kitchen());
 *
 *     tsp::resource pantry(kitchen());                   // for std::pmr
 *     std::pmr::string name("teaspoon", &pantry);
 *
 *     auto cup = tsp::make_unique<int>(kitchen(), 20);   // an int, made of 20
 *
 * They give sizes back, so a sized heap will do, and an object in it costs 0 bytes beyond what it takes.
 *
 * Which heap? A template's argument V says what is kept beside a container or in a smart pointer:
 *     tsp4k, tsp128k, tsp16m    a pointer to a heap of that family, which is given to the constructor
 *     tsp::in<kitchen>          nothing: the heap is what kitchen() returns, always, and nothing needs to be given
 *
 * No memory: std::bad_alloc is thrown, also for sizes that no heap can have. With exceptions switched off
 * tsp_misuse(heap, NULL, TSP_NO_MEMORY) is called, and should it return, std::abort. The heap and all objects in it are
 * as they were.
 * Misuse: what V_dealloc refuses is reported to tsp_misuse; then nothing was given back.
 * Threads and cost: as V_alloc and V_dealloc. A heap must outlive what is in it. */
#ifndef TEASPOON_HPP
#define TEASPOON_HPP

#if __cplusplus < 201703L && (!defined(_MSVC_LANG) || _MSVC_LANG < 201703L)
#error "teaspoon.hpp needs C++17; in older C++ use teaspoon.h"
#endif

#include "teaspoon.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>
#if __has_include(<memory_resource>)
#include <memory_resource>
#endif

namespace tsp {

/* The heap that the function `kitchen` returns, one that a macro like TSP4K_STATIC has defined for instance. */
template <auto kitchen> struct in {};

namespace detail {

#define TSP_FAMILY_(V)                                                                                                 \
    inline void *alloc(V *spoon, std::size_t size, std::size_t align) noexcept {                                       \
        return V##_alloc(spoon, size, align);                                                                          \
    }                                                                                                                  \
    inline tsp_status dealloc(V *spoon, void *pointer, std::size_t size, std::size_t align) noexcept {                 \
        return V##_dealloc(spoon, pointer, size, align);                                                               \
    }
TSP_FAMILY_(tsp4k)
TSP_FAMILY_(tsp128k)
TSP_FAMILY_(tsp16m)
#undef TSP_FAMILY_

/* Where a heap is, for those that derive from it: key is what tells it. */
template <class V> class place {
    V *spoon_;

  public:
    using key = V *;
    explicit place(V *spoon) noexcept : spoon_(spoon) {}
    V *spoon() const noexcept {
        return spoon_;
    }
};

template <auto kitchen> class place<in<kitchen>> {
  public:
    using key = in<kitchen>;
    place() = default;
    explicit place(key) noexcept {}
    auto *spoon() const noexcept {
        return kitchen();
    }
};

/* The V for which a key was made. */
template <class K> struct opens {};
template <class V> struct opens<V *> { using type = V; };
template <auto kitchen> struct opens<in<kitchen>> { using type = in<kitchen>; };

/* The size of n objects; where there is no such size, one that is refused. */
template <class T> constexpr std::size_t bytes(std::size_t n) noexcept {
    return n > SIZE_MAX / sizeof(T) ? SIZE_MAX : n * sizeof(T);
}

template <class V> void give_back(V *spoon, void *pointer, std::size_t size, std::size_t align) noexcept {
    tsp_status status = detail::dealloc(spoon, pointer, size, align);
    if (status != TSP_OK) tsp_misuse(spoon, pointer, status);
}

[[noreturn]] inline void exhausted([[maybe_unused]] const void *spoon) {
#ifdef __cpp_exceptions
    throw std::bad_alloc();
#else
    tsp_misuse(spoon, nullptr, TSP_NO_MEMORY);
    std::abort();
#endif
}

template <class V> void *obtain(V *spoon, std::size_t size, std::size_t align) {
    void *result = detail::alloc(spoon, size, align);
    if (result == nullptr) detail::exhausted(spoon);
    return result;
}

} // namespace detail

/* An allocator for the standard containers, std::allocate_shared and their like. Two are equal if their heap is one.
 * A container that is moved or swapped takes its heap along, so nothing is copied; one that is assigned a copy stays in
 * its own. max_size() knows no heap, so that a container that has no room throws std::bad_alloc, not
 * std::length_error. */
template <class T, class V> class allocator : detail::place<V> {
  public:
    using value_type = T;
    using propagate_on_container_copy_assignment = std::false_type;
    using propagate_on_container_move_assignment = std::true_type;
    using propagate_on_container_swap = std::true_type;

    allocator() = default; /* in<kitchen>; any other is told its heap, and has no substr(), which tells none */
    allocator(typename detail::place<V>::key which) noexcept : detail::place<V>(which) {}
    template <class U> allocator(const allocator<U, V> &other) noexcept : detail::place<V>(other) {}

    using detail::place<V>::spoon;

    [[nodiscard]] T *allocate(std::size_t n) {
        return static_cast<T *>(detail::obtain(spoon(), detail::bytes<T>(n), alignof(T)));
    }
    void deallocate(T *pointer, std::size_t n) noexcept {
        detail::give_back(spoon(), pointer, detail::bytes<T>(n), alignof(T));
    }

    template <class, class> friend class allocator;
};

template <class T, class U, class V> bool operator==(const allocator<T, V> &a, const allocator<U, V> &b) noexcept {
    return a.spoon() == b.spoon();
}
template <class T, class U, class V> bool operator!=(const allocator<T, V> &a, const allocator<U, V> &b) noexcept {
    return !(a == b);
}

#if __has_include(<memory_resource>)
/* A memory resource for std::pmr. It must outlive the containers that use it. Two of one V are equal if their heap is
 * one (where there is no RTTI, each is equal to itself only). */
template <class V> class resource : public std::pmr::memory_resource, detail::place<V> {
  public:
    resource() = default; /* in<kitchen> */
    explicit resource(typename detail::place<V>::key which) noexcept : detail::place<V>(which) {}

    using detail::place<V>::spoon;

  private:
    void *do_allocate(std::size_t size, std::size_t align) override {
        return detail::obtain(spoon(), size, align);
    }
    void do_deallocate(void *pointer, std::size_t size, std::size_t align) override {
        detail::give_back(spoon(), pointer, size, align);
    }
    bool do_is_equal(const std::pmr::memory_resource &other) const noexcept override {
#ifdef __cpp_rtti
        auto same = dynamic_cast<const resource *>(&other);
        return same != nullptr && same->spoon() == spoon();
#else
        return this == &other;
#endif
    }
};

template <class K> resource(K) -> resource<typename detail::opens<K>::type>;
#endif

/* Ends an object and gives it back. There is no conversion from a derived class's to its base's, since their sizes
 * differ: where that is wanted, std::allocate_shared remembers. */
template <class T, class V> class deleter : detail::place<V> {
  public:
    deleter() noexcept : deleter(typename detail::place<V>::key()) {} /* of an empty pointer */
    explicit deleter(typename detail::place<V>::key which) noexcept : detail::place<V>(which) {}

    void operator()(T *object) const noexcept {
        object->~T();
        detail::give_back(this->spoon(), const_cast<std::remove_cv_t<T> *>(object), sizeof(T), alignof(T));
    }
};

template <class T, class V> class deleter<T[], V> : detail::place<V> {
    std::size_t n;

  public:
    deleter() noexcept : deleter(typename detail::place<V>::key(), 0) {}
    deleter(typename detail::place<V>::key which, std::size_t count) noexcept : detail::place<V>(which), n(count) {}

    void operator()(T *array) const noexcept {
        for (std::size_t i = n; i-- > 0;) array[i].~T();
        detail::give_back(this->spoon(), const_cast<std::remove_cv_t<T> *>(array), detail::bytes<T>(n), alignof(T));
    }
};

template <class T, class V> using unique_ptr = std::unique_ptr<T, deleter<T, V>>;

namespace detail {

/* Bytes on their way to become an object: given back if its constructor throws. */
template <class V> struct dough {
    V *spoon;
    void *pointer;
    std::size_t size, align;

    dough(V *from, std::size_t bytes, std::size_t alignment) noexcept
        : spoon(from), pointer(detail::alloc(from, bytes, alignment)), size(bytes), align(alignment) {}
    dough(const dough &) = delete;
    dough &operator=(const dough &) = delete;
    ~dough() {
        if (pointer) detail::give_back(spoon, pointer, size, align);
    }
};

} // namespace detail

/* An object in a heap, or an array of n, its elements value-initialised; the key is a pointer to the heap, or
 * in<kitchen>():
 *     make_unique<T>(key, arguments...)       make_unique<T[]>(key, n)
 * and with std::nothrow before the key, which gives an empty pointer where there is no memory. If a constructor throws,
 * its bytes are given back. */
template <class T, class K, class V = typename detail::opens<K>::type, class... Arguments>
unique_ptr<T, V> make_unique(std::nothrow_t, K key, Arguments &&...arguments) {
    static_assert(!std::is_array_v<T> || (std::extent_v<T> == 0 && sizeof...(Arguments) == 1), "a T[], and n");
    using element = std::remove_cv_t<std::remove_extent_t<T>>;
    std::size_t n = 1;
    if constexpr (std::is_array_v<T>) n = std::size_t(arguments...);
    detail::dough raw(detail::place<V>(key).spoon(), detail::bytes<element>(n), alignof(element));
    if (raw.pointer == nullptr) return {};
    element *made = static_cast<element *>(raw.pointer);
    if constexpr (std::is_array_v<T>) std::uninitialized_value_construct_n(made, n);
    else ::new (raw.pointer) element(std::forward<Arguments>(arguments)...);
    raw.pointer = nullptr;
    if constexpr (std::is_array_v<T>) return unique_ptr<T, V>(made, deleter<T, V>(key, n));
    else return unique_ptr<T, V>(made, deleter<T, V>(key));
}

template <class T, class K, class V = typename detail::opens<K>::type, class... Arguments>
unique_ptr<T, V> make_unique(K key, Arguments &&...arguments) {
    unique_ptr<T, V> made = tsp::make_unique<T>(std::nothrow, key, std::forward<Arguments>(arguments)...);
    if (!made) detail::exhausted(detail::place<V>(key).spoon());
    return made;
}

} // namespace tsp

#endif
