// Tries placements on traces, without an allocator: holes are a sorted list, and nothing takes a byte but the objects.
//
//     placement KEY=VALUE... TRACE...
//
// Prints, over the traces, the geometric mean of the smallest heap and handle over the peak of live bytes, and how many
// holes an allocation and a free pass on average in a heap of 1.25 times the smallest. Alignment is natural, at most
// `align`. The keys, and what teaspoon does:
//
//     fit=exact     first, best, or exact: the first hole that it fits exactly, or else the first
//     large=32      an object of more than 1/32 of the heap goes to the high end of the last hole (best: of the last of
//                   the smallest); 0: none does
//     grown=low     where an object goes that moves to grow: low, as if it were small; any; own: any, its old bytes
//                   too; slide: into its own bytes and the holes around them, or else any
//     within=0      how far behind the first fit an exact one may be: this part of the heap; 0: anywhere
//     granule=4     bytes
//     round=8       sizes from `from` on are rounded up to a multiple of it
//     from=8        bytes
//     align=8
//     handle=16     bytes
//
// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

static std::map<std::string, std::string> option = {{"fit", "exact"}, {"large", "32"}, {"grown", "low"},
                                                    {"granule", "4"}, {"round", "8"},  {"align", "8"},
                                                    {"handle", "16"}, {"from", "8"},   {"within", "0"}};
static size_t granule, rounded, rounded_from, near_part, most_aligned, handle, large_part;
enum fit { FIRST, BEST, EXACT } how;
enum grown { LOW, ANY, OWN, SLIDE } grow;

struct operation {
    char kind;
    size_t id, size;
};

struct trace {
    std::vector<operation> operations;
    size_t ids = 0, peak = 0;
};

struct hole {
    size_t start, size; // granules
    size_t end() const {
        return start + size;
    }
};

static double allocations, frees, passed, passed_by_frees;

struct heap {
    size_t granules;
    std::vector<hole> holes;

    explicit heap(size_t bytes) : granules(bytes / granule) {
        holes.push_back({0, granules});
    }

    static size_t takes(size_t bytes) {
        size_t to = bytes >= rounded_from ? std::max(rounded, granule) : granule;
        return (bytes + to - 1) / to * to / granule;
    }

    // In granules: the largest power of two that is at most the size.
    static size_t alignment(size_t bytes) {
        size_t align = most_aligned;
        while (align > bytes) align /= 2;
        return std::max<size_t>(1, align / granule);
    }

    // Where n granules go, and into which of the holes.
    bool choose(const std::vector<hole> &among, size_t bytes, bool may_be_large, size_t &at, size_t &which) const {
        const size_t n = takes(bytes), align = alignment(bytes);
        const bool large = may_be_large && large_part && n > granules / large_part;
        bool found = false;
        size_t first = 0;
        allocations++;
        for (size_t i = 0; i < among.size(); i++) {
            const hole &h = among[i];
            const size_t low = (h.start + align - 1) / align * align;
            if (found && !large && near_part && h.end() > among[first].end() + granules / near_part) break;
            passed++;
            if (h.size < n || low + n > h.end()) continue;
            const bool exact = h.size == n && how != FIRST;
            if (exact || !found || (large && how != BEST) ||
                (how == BEST && (large ? h.size <= among[which].size : h.size < among[which].size))) {
                at = large ? (h.end() - n) / align * align : low;
                which = i;
                if (!found) first = i;
                found = true;
            }
            if (exact || (found && how == FIRST && !large)) break;
        }
        return found;
    }

    static void take(std::vector<hole> &from, size_t which, size_t at, size_t n) {
        const hole h = from[which];
        from[which].size = at - h.start;
        if (at + n < h.end()) from.insert(from.begin() + (long)which + 1, {at + n, h.end() - at - n});
        if (at == h.start) from.erase(from.begin() + (long)which);
    }

    static void give(std::vector<hole> &to, size_t at, size_t n) {
        auto next = std::lower_bound(to.begin(), to.end(), at, [](const hole &h, size_t a) { return h.start < a; });
        frees++;
        passed_by_frees += (double)(next - to.begin());
        if (next != to.end() && next->start == at + n) {
            next->start = at;
            next->size += n;
        } else {
            next = to.insert(next, {at, n});
        }
        if (next != to.begin() && (next - 1)->end() == at) {
            (next - 1)->size += next->size;
            to.erase(next);
        }
    }

    bool allocate(size_t bytes, size_t &at) {
        size_t which;
        if (!choose(holes, bytes, true, at, which)) return false;
        take(holes, which, at, takes(bytes));
        return true;
    }

    bool slide(size_t old, size_t bytes, size_t &at) {
        const size_t n = takes(bytes), align = alignment(bytes);
        std::vector<hole> with_own = holes;
        give(with_own, at, old);
        for (size_t i = 0; i < with_own.size(); i++) {
            const size_t low = (with_own[i].start + align - 1) / align * align;
            if (with_own[i].start > at || with_own[i].end() <= at || low + n > with_own[i].end()) continue;
            take(with_own, i, at = low, n);
            holes.swap(with_own);
            return true;
        }
        return false;
    }

    bool resize(size_t old_bytes, size_t bytes, size_t &at) {
        const size_t old = takes(old_bytes), n = takes(bytes);
        size_t to, which;
        if (at % alignment(bytes) == 0) {
            if (n < old) give(holes, at + n, old - n);
            if (n <= old) return true;
            for (size_t i = 0; i < holes.size(); i++)
                if (holes[i].start == at + old && holes[i].size >= n - old) {
                    take(holes, i, at + old, n - old);
                    return true;
                }
        }
        if (grow == SLIDE && slide(old, bytes, at)) return true;
        if (grow == OWN) {
            std::vector<hole> with_own = holes;
            give(with_own, at, old);
            if (!choose(with_own, bytes, true, to, which)) return false;
            take(with_own, which, at = to, n);
            holes.swap(with_own);
            return true;
        }
        if (!choose(holes, bytes, grow != LOW, to, which)) return slide(old, bytes, at);
        take(holes, which, to, n);
        give(holes, at, old);
        at = to;
        return true;
    }
};

static bool runs(const trace &t, size_t bytes) {
    static std::vector<size_t> at, size;
    heap h(bytes);
    at.assign(t.ids, 0);
    size.assign(t.ids, 0);
    for (const operation &o : t.operations) {
        size_t &s = size[o.id];
        if (s == 0 && o.size && !h.allocate(o.size, at[o.id])) return false;
        if (s && o.size == 0) heap::give(h.holes, at[o.id], heap::takes(s));
        if (s && o.size && !h.resize(s, o.size, at[o.id])) return false;
        s = o.size;
    }
    return true;
}

// As `teaspoon fit`: this heap and the next 16, in steps of 8 bytes.
static size_t smallest(const trace &t) {
    size_t low = t.peak / 8 * 8, step = std::max<size_t>(8, t.peak / 64 / 8 * 8), high = low + step;
    for (; !runs(t, high); high += step) low = high;
    while (high - low > 8) {
        const size_t middle = (low + high) / 16 * 8;
        (runs(t, middle) ? high : low) = middle;
    }
    for (size_t bytes = high, good = 0;; bytes += 8) {
        good = runs(t, bytes) ? good + 1 : 0;
        if (good == 17) return bytes - 16 * 8;
    }
}

static trace read(const char *name) {
    trace t;
    char line[200];
    size_t live = 0;
    std::vector<size_t> size;
    FILE *file = std::fopen(name, "r");
    if (file == nullptr) {
        std::fprintf(stderr, "placement: %s cannot be read\n", name);
        std::exit(2);
    }
    while (std::fgets(line, sizeof line, file)) {
        operation o = {line[0], 0, 0};
        if (o.kind == '#' || std::sscanf(line + 1, "%zu %zu", &o.id, &o.size) < 1) continue;
        if (o.kind == 'f') o.size = 0;
        if (o.id >= size.size()) size.resize(o.id + 1);
        live += o.size - size[o.id];
        size[o.id] = o.size;
        t.peak = std::max(t.peak, live);
        t.operations.push_back(o);
    }
    std::fclose(file);
    t.ids = size.size();
    return t;
}

static size_t number(const char *key) {
    return (size_t)std::strtoul(option[key].c_str(), nullptr, 10);
}

int main(int argc, char **argv) {
    std::vector<trace> traces;
    double ratio = 0, per_allocation = 0, per_free = 0;
    for (int i = 1; i < argc; i++) {
        const std::string argument = argv[i];
        const size_t equals = argument.find('=');
        if (equals == std::string::npos) traces.push_back(read(argv[i]));
        else option[argument.substr(0, equals)] = argument.substr(equals + 1);
    }
    if (traces.empty()) {
        std::fprintf(stderr, "usage: placement [KEY=VALUE]... TRACE...\n");
        return 2;
    }
    how = option["fit"] == "first" ? FIRST : option["fit"] == "best" ? BEST : EXACT;
    grow = option["grown"] == "any" ? ANY : option["grown"] == "own" ? OWN : option["grown"] == "slide" ? SLIDE : LOW;
    granule = number("granule");
    rounded = number("round");
    most_aligned = number("align");
    handle = number("handle");
    rounded_from = number("from");
    near_part = number("within");
    large_part = number("large");
    for (const trace &t : traces) {
        const size_t bytes = smallest(t);
        ratio += std::log((double)(bytes + handle) / (double)t.peak);
        allocations = frees = passed = passed_by_frees = 0;
        runs(t, bytes * 5 / 4);
        per_allocation += passed / allocations;
        per_free += passed_by_frees / frees;
    }
    const double n = (double)traces.size();
    std::printf("%.3f\t%.1f\t%.1f\n", std::exp(ratio / n), per_allocation / n, per_free / n);
}
