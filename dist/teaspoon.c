/* teaspoon 0.2.0, the whole library in one file: a memory allocator over bytes that you own.
 *
 * Copy this file and teaspoon.h into your project and compile it with the rest. Keep its name: it includes itself once
 * for each family of functions. -DTSP_NO_4K, -DTSP_NO_128K and -DTSP_NO_16M leave families out, -DTSP_LOCK=... chooses
 * a lock policy; see teaspoon.h. It may be compiled as C++, and be included among other sources.
 *
 * Made from src/ by scripts/amalgamate.py: do not edit. SPDX-License-Identifier: BSD-3-Clause
 *
BSD 3-Clause License

Copyright (c) 2026, the teaspoon authors

Redistribution and use in source and binary forms, with or without modification, are permitted provided that the
following conditions are met:

1. Redistributions of source code must retain the above copyright notice, this list of conditions and the following
   disclaimer.

2. Redistributions in binary form must reproduce the above copyright notice, this list of conditions and the following
   disclaimer in the documentation and/or other materials provided with the distribution.

3. Neither the name of the copyright holder nor the names of its contributors may be used to endorse or promote
   products derived from this software without specific prior written permission.

THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS "AS IS" AND ANY EXPRESS OR IMPLIED WARRANTIES,
INCLUDING, BUT NOT LIMITED TO, THE IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS FOR A PARTICULAR PURPOSE ARE
DISCLAIMED. IN NO EVENT SHALL THE COPYRIGHT HOLDER OR CONTRIBUTORS BE LIABLE FOR ANY DIRECT, INDIRECT, INCIDENTAL,
SPECIAL, EXEMPLARY, OR CONSEQUENTIAL DAMAGES (INCLUDING, BUT NOT LIMITED TO, PROCUREMENT OF SUBSTITUTE GOODS OR
SERVICES; LOSS OF USE, DATA, OR PROFITS; OR BUSINESS INTERRUPTION) HOWEVER CAUSED AND ON ANY THEORY OF LIABILITY,
WHETHER IN CONTRACT, STRICT LIABILITY, OR TORT (INCLUDING NEGLIGENCE OR OTHERWISE) ARISING IN ANY WAY OUT OF THE USE OF
THIS SOFTWARE, EVEN IF ADVISED OF THE POSSIBILITY OF SUCH DAMAGE.
 */
#ifndef TSP_V /* ==== Compiled once: what the families share */

#include "teaspoon.h"

#include <stddef.h>
#include <string.h>
#if TSP_DEBUG & TSP_DEBUG_ASAN
#include <sanitizer/asan_interface.h>
#endif
#if TSP_DEBUG & TSP_DEBUG_VALGRIND
#include <valgrind/memcheck.h>
#endif
#if TSP_DEBUG & TSP_DEBUG_HEAPTRACK
#include <heaptrack_api.h>
#endif

/* -- src/lock.h ---------------------------------------------------------------------------------------------------- */

/* The lock policies of teaspoon.h, as LOCK, TRY_LOCK and UNLOCK for engine handles. Modelled in proof/lock.pml.
 * FAILED is, for who holds the lock, the handle's count of failed requests. */
#ifndef TSP_LOCK_H
#define TSP_LOCK_H

#define TSP_HELD 255 /* instead of the count, which ends before it */

#if TSP_LOCK == TSP_LOCK_SPIN

typedef unsigned char lock_state;

#if TSP_ON_A_SYSTEM_ && !defined(_WIN32) && __STDC_HOSTED__
#include <sched.h>
#define LET_OTHERS_RUN() sched_yield()
#else
#define LET_OTHERS_RUN()
#endif

enum { TSP_SPINS = 64 }; /* a few times what a call takes */

/* The lock is the count itself, to save its byte: who holds it has the count, and leaves TSP_HELD in its place. Test
 * and test-and-set: waits by reading, so that waiters do not fight over the cache line. After a while the holder may
 * have been descheduled: then who waits gives up its processor at each look, where there is a scheduler. That helps a
 * holder of the same priority: behind one of lower priority on its own core a thread may wait for ever, and is better
 * served by hooks. */
static __attribute__((noinline)) lock_state tsp_wait(unsigned char *lock) {
    lock_state count;
    do {
        for (unsigned looks = 0; __atomic_load_n(lock, __ATOMIC_RELAXED) == TSP_HELD; looks++) {
            if (looks >= TSP_SPINS) LET_OTHERS_RUN();
#if defined(__x86_64__) || defined(__i386__)
            else __builtin_ia32_pause();
#endif
        }
    } while ((count = __atomic_exchange_n(lock, TSP_HELD, __ATOMIC_ACQUIRE)) == TSP_HELD);
    return count;
}

static inline lock_state tsp_spin(unsigned char *lock) {
    const lock_state count = __atomic_exchange_n(lock, TSP_HELD, __ATOMIC_ACQUIRE);
    return count != TSP_HELD ? count : tsp_wait(lock);
}
#define LOCK(h) tsp_spin(&(h)->failed)
#define TRY_LOCK(h, state) ((*(state) = __atomic_exchange_n(&(h)->failed, TSP_HELD, __ATOMIC_ACQUIRE)) != TSP_HELD)
#define UNLOCK(h, state) __atomic_store_n(&(h)->failed, state, __ATOMIC_RELEASE)
#define FAILED(h, state) (state)

#elif TSP_LOCK == TSP_LOCK_HOOKS

typedef unsigned long lock_state;
#define LOCK(h) tsp_lock(h)
#define TRY_LOCK(h, state) tsp_try_lock(h, state)
#define UNLOCK(h, state) tsp_unlock(h, state)
#define FAILED(h, state) ((h)->failed)

#elif TSP_LOCK == TSP_LOCK_INTERRUPTS

/* Disables interrupts and returns what tsp_restore sets again, so that sections nest and a caller that had disabled
 * them finds them so. Both are barriers for the compiler. Nobody has to wait, since nobody runs while a section does. */
#ifdef __AVR__
typedef unsigned char lock_state;
static inline lock_state tsp_disable(void) {
    lock_state state;
    __asm__ __volatile__("in %0, 0x3f\n\tcli" : "=r"(state) : : "memory");
    return state;
}
static inline void tsp_restore(lock_state state) {
    __asm__ __volatile__("out 0x3f, %0" : : "r"(state) : "memory");
}
#elif defined(__MSP430__)
typedef unsigned int lock_state;
static inline lock_state tsp_disable(void) {
    lock_state state;
    __asm__ __volatile__("mov.w r2, %0\n\tdint\n\tnop" : "=r"(state) : : "memory");
    return state;
}
static inline void tsp_restore(lock_state state) { /* with the nops that the CPU asks for around a change of GIE */
    __asm__ __volatile__("nop\n\tmov.w %0, r2\n\tnop" : : "r"(state) : "memory");
}
#elif defined(__riscv)
typedef unsigned long lock_state;
#ifdef __riscv_zicsr
#define TSP_ZICSR(code) code
#else /* old names of machines do not say that they have it, and new assemblers want to hear it */
#define TSP_ZICSR(code) ".option push\n\t.option arch, +zicsr\n\t" code "\n\t.option pop"
#endif
static inline lock_state tsp_disable(void) {
    lock_state state;
    __asm__ __volatile__(TSP_ZICSR("csrrci %0, mstatus, 8") : "=r"(state) : : "memory");
    return state;
}
static inline void tsp_restore(lock_state state) {
    __asm__ __volatile__(TSP_ZICSR("csrs mstatus, %0") : : "r"(state & 8) : "memory");
}
#elif defined(__XTENSA__)
typedef unsigned int lock_state;
static inline lock_state tsp_disable(void) {
    lock_state state;
    __asm__ __volatile__("rsil %0, 15" : "=a"(state) : : "memory");
    return state;
}
static inline void tsp_restore(lock_state state) {
    __asm__ __volatile__("wsr %0, ps\n\trsync" : : "a"(state) : "memory");
}
#elif __ARM_ARCH_PROFILE != 'M'
typedef unsigned long lock_state;
#if defined(__thumb__) && !defined(__thumb2__)
#error "TSP_LOCK_INTERRUPTS needs -marm here: Thumb cannot read CPSR on this machine"
#endif
static inline lock_state tsp_disable(void) {
    lock_state state;
    __asm__ __volatile__("mrs %0, cpsr\n\tcpsid i" : "=r"(state) : : "memory");
    return state;
}
static inline void tsp_restore(lock_state state) {
    __asm__ __volatile__("msr cpsr_c, %0" : : "r"(state) : "memory");
}
#elif defined(TSP_BASEPRI)
typedef unsigned long lock_state;
#if TSP_BASEPRI < 1 || TSP_BASEPRI > 255 || __ARM_ARCH_ISA_THUMB < 2
#error "TSP_BASEPRI is no priority from 1 to 255, or this machine has no such register (Cortex-M0, M0+, M1, M23)"
#endif
static inline lock_state tsp_disable(void) { /* BASEPRI_MAX: never lower than it was */
    lock_state state;
    __asm__ __volatile__("mrs %0, basepri\n\tmsr basepri_max, %1\n\tisb" : "=&r"(state) : "r"(TSP_BASEPRI) : "memory");
    return state;
}
static inline void tsp_restore(lock_state state) {
    __asm__ __volatile__("msr basepri, %0" : : "r"(state) : "memory");
}
#else
typedef unsigned long lock_state;
static inline lock_state tsp_disable(void) {
    lock_state state;
    __asm__ __volatile__("mrs %0, primask\n\tcpsid i" : "=r"(state) : : "memory");
    return state;
}
static inline void tsp_restore(lock_state state) {
    __asm__ __volatile__("msr primask, %0" : : "r"(state) : "memory");
}
#endif
#define LOCK(h) ((void)(h), tsp_disable())
#define TRY_LOCK(h, state) ((void)(h), *(state) = tsp_disable(), 1)
#define UNLOCK(h, state) ((void)(h), tsp_restore(state))
#define FAILED(h, state) ((h)->failed)

#else

typedef char lock_state;
#define LOCK(h) ((void)(h), (lock_state)0)
#define TRY_LOCK(h, state) ((void)(h), *(state) = 0, 1)
#define UNLOCK(h, state) ((void)(h), (void)(state))
#define FAILED(h, state) ((h)->failed)

#endif

static inline void tsp_count_failure(unsigned char *failed) {
    if (*failed != TSP_HELD - 1) ++*failed;
}
#endif

/* -- src/common.c -------------------------------------------------------------------------------------------------- */

/* What the families share: words for a status, and the version. SPDX-License-Identifier: BSD-3-Clause */

const char *tsp_status_text(tsp_status status) {
    switch (status) {
    case TSP_OK: return "all is well";
    case TSP_NO_MEMORY: return "no free bytes that it fits into";
    case TSP_BUSY: return "the heap is locked";
    case TSP_BAD_ALIGNMENT: return "the alignment is not a power of two";
    case TSP_FOREIGN: return "the pointer is not into this heap";
    case TSP_MISALIGNED: return "the pointer is not aligned as an object is";
    case TSP_ALREADY_FREE: return "the bytes are already free";
    case TSP_INTERIOR: return "the pointer is not to the beginning of an object";
    case TSP_WRONG_SIZE: return "the object has a different size";
    case TSP_SIZED_HEAP: return "a sized heap does not remember sizes";
    case TSP_CORRUPT: return "the heap's own data is damaged";
    case TSP_OVERRUN: return "the bytes behind the object were written to";
    }
    return "unknown status";
}

const char *tsp_version(void) {
    return TSP_VERSION;
}

/* -- src/misuse.c -------------------------------------------------------------------------------------------------- */

/* What happens on misuse unless the program defines its own tsp_misuse: a file of its own, so that a linker which
 * finds the program's leaves this one out. SPDX-License-Identifier: BSD-3-Clause */

#if defined(__GNUC__)
#define TSP_WEAK __attribute__((weak))
#else
#define TSP_WEAK
#endif

/* A C library with stdio may be there on a microcontroller too, but not in its flash unless somebody asks for it. */
#if TSP_ON_A_SYSTEM_ && __STDC_HOSTED__ && !defined(TSP_FREESTANDING)
#include <stdio.h>
#include <stdlib.h>

TSP_WEAK void tsp_misuse(const void *heap, const void *pointer, tsp_status status) {
    (void)fprintf(stderr, "teaspoon: heap %p, pointer %p: %s\n", heap, pointer, tsp_status_text(status));
    abort();
}
#else
TSP_WEAK void tsp_misuse(const void *heap, const void *pointer, tsp_status status) {
    (void)heap, (void)pointer, (void)status;
#ifdef __GNUC__
    __builtin_trap();
#else
    for (;;) {}
#endif
}
#endif

/* -- A name of its own in each family for everything at file scope ------------------------------------------------- */

#define TSP_JOIN2(a, b) a##b
#define TSP_JOIN(a, b) TSP_JOIN2(a, b)
#define TSP_OWN(name) TSP_JOIN(TSP_V, _##name##_)
#define V_(name) TSP_JOIN(TSP_V, _##name)
#define BIN_WORDS TSP_OWN(BIN_WORDS)
#define CLASSES TSP_OWN(CLASSES)
#define EXACT TSP_OWN(EXACT)
#define EXACT_BITS TSP_OWN(EXACT_BITS)
#define FEW TSP_OWN(FEW)
#define FORMAT TSP_OWN(FORMAT)
#define FREED_BYTE TSP_OWN(FREED_BYTE)
#define GRANULE TSP_OWN(GRANULE)
#define GUARD_BYTE TSP_OWN(GUARD_BYTE)
#define GUARD_LAST TSP_OWN(GUARD_LAST)
#define HEADS TSP_OWN(HEADS)
#define LARGEST_BIT TSP_OWN(LARGEST_BIT)
#define LASTS TSP_OWN(LASTS)
#define LONG TSP_OWN(LONG)
#define MAKING TSP_OWN(MAKING)
#define MANY TSP_OWN(MANY)
#define MAY_MOVE TSP_OWN(MAY_MOVE)
#define NEW_BYTE TSP_OWN(NEW_BYTE)
#define NONE TSP_OWN(NONE)
#define REMEMBERS TSP_OWN(REMEMBERS)
#define ROVER TSP_OWN(ROVER)
#define ROVES TSP_OWN(ROVES)
#define SITE TSP_OWN(SITE)
#define SIZED TSP_OWN(SIZED)
#define SPAN TSP_OWN(SPAN)
#define STAYS TSP_OWN(STAYS)
#define TRIES TSP_OWN(TRIES)
#define UNIT TSP_OWN(UNIT)
#define UNMADE TSP_OWN(UNMADE)
#define address TSP_OWN(address)
#define advance TSP_OWN(advance)
#define after TSP_OWN(after)
#define allocate TSP_OWN(allocate)
#define allocate_called TSP_OWN(allocate_called)
#define behind TSP_OWN(behind)
#define bin TSP_OWN(bin)
#define bin_in TSP_OWN(bin_in)
#define bin_move TSP_OWN(bin_move)
#define bin_out TSP_OWN(bin_out)
#define binned TSP_OWN(binned)
#define byte TSP_OWN(byte)
#define capacity TSP_OWN(capacity)
#define change TSP_OWN(change)
#define check TSP_OWN(check)
#define check_bins TSP_OWN(check_bins)
#define check_chunks TSP_OWN(check_chunks)
#define check_guards TSP_OWN(check_guards)
#define check_objects TSP_OWN(check_objects)
#define chunk_before TSP_OWN(chunk_before)
#define chunk_before_word TSP_OWN(chunk_before_word)
#define chunk_from TSP_OWN(chunk_from)
#define chunks TSP_OWN(chunks)
#define claim TSP_OWN(claim)
#define claim_by_index TSP_OWN(claim_by_index)
#define claim_from TSP_OWN(claim_from)
#define claim_small TSP_OWN(claim_small)
#define class_above TSP_OWN(class_above)
#define class_of TSP_OWN(class_of)
#define count_used TSP_OWN(count_used)
#define deallocate TSP_OWN(deallocate)
#define distance_of TSP_OWN(distance_of)
#define dress TSP_OWN(dress)
#define empty TSP_OWN(empty)
#define examine TSP_OWN(examine)
#define extend TSP_OWN(extend)
#define extent TSP_OWN(extent)
#define find TSP_OWN(find)
#define find_far_mark TSP_OWN(find_far_mark)
#define find_mark TSP_OWN(find_mark)
#define find_seat TSP_OWN(find_seat)
#define first TSP_OWN(first)
#define fit TSP_OWN(fit)
#define fits TSP_OWN(fits)
#define fits_into TSP_OWN(fits_into)
#define flip_mark TSP_OWN(flip_mark)
#define forget_hole TSP_OWN(forget_hole)
#define forget_holes TSP_OWN(forget_holes)
#define forget_span TSP_OWN(forget_span)
#define found TSP_OWN(found)
#define get TSP_OWN(get)
#define get_word TSP_OWN(get_word)
#define give_back TSP_OWN(give_back)
#define guarded_size TSP_OWN(guarded_size)
#define has TSP_OWN(has)
#define head TSP_OWN(head)
#define heap TSP_OWN(heap)
#define highest TSP_OWN(highest)
#define index_bytes TSP_OWN(index_bytes)
#define init TSP_OWN(init)
#define is_indexed TSP_OWN(is_indexed)
#define is_large TSP_OWN(is_large)
#define is_long TSP_OWN(is_long)
#define is_made TSP_OWN(is_made)
#define is_mark TSP_OWN(is_mark)
#define is_nothing TSP_OWN(is_nothing)
#define is_overrun TSP_OWN(is_overrun)
#define is_power_of_two TSP_OWN(is_power_of_two)
#define is_sized TSP_OWN(is_sized)
#define join TSP_OWN(join)
#define last_lead TSP_OWN(last_lead)
#define lasts TSP_OWN(lasts)
#define lead_in TSP_OWN(lead_in)
#define leave TSP_OWN(leave)
#define legacy TSP_OWN(legacy)
#define link TSP_OWN(link)
#define locate TSP_OWN(locate)
#define locate_called TSP_OWN(locate_called)
#define lowest TSP_OWN(lowest)
#define made_once TSP_OWN(made_once)
#define make TSP_OWN(make)
#define malloc_alignment TSP_OWN(malloc_alignment)
#define map TSP_OWN(map)
#define map_bytes TSP_OWN(map_bytes)
#define mark_from TSP_OWN(mark_from)
#define marks_at TSP_OWN(marks_at)
#define most_granules TSP_OWN(most_granules)
#define nearest TSP_OWN(nearest)
#define new_object TSP_OWN(new_object)
#define next_bin TSP_OWN(next_bin)
#define next_hole TSP_OWN(next_hole)
#define next_mark TSP_OWN(next_mark)
#define node TSP_OWN(node)
#define note_hole TSP_OWN(note_hole)
#define note_holes TSP_OWN(note_holes)
#define note_span TSP_OWN(note_span)
#define note_spans TSP_OWN(note_spans)
#define noted_end TSP_OWN(noted_end)
#define nowhere TSP_OWN(nowhere)
#define obtain TSP_OWN(obtain)
#define obtained TSP_OWN(obtained)
#define offset TSP_OWN(offset)
#define old_object TSP_OWN(old_object)
#define open_bytes TSP_OWN(open_bytes)
#define padding TSP_OWN(padding)
#define peek TSP_OWN(peek)
#define place TSP_OWN(place)
#define poke TSP_OWN(poke)
#define product TSP_OWN(product)
#define reason TSP_OWN(reason)
#define refill TSP_OWN(refill)
#define refuse TSP_OWN(refuse)
#define release TSP_OWN(release)
#define remembers TSP_OWN(remembers)
#define resize TSP_OWN(resize)
#define resized_in_place TSP_OWN(resized_in_place)
#define resized_object TSP_OWN(resized_object)
#define rove TSP_OWN(rove)
#define seat TSP_OWN(seat)
#define set TSP_OWN(set)
#define set_has TSP_OWN(set_has)
#define set_index TSP_OWN(set_index)
#define set_levels TSP_OWN(set_levels)
#define set_site TSP_OWN(set_site)
#define set_span TSP_OWN(set_span)
#define set_state TSP_OWN(set_state)
#define set_word TSP_OWN(set_word)
#define shut_bytes TSP_OWN(shut_bytes)
#define site_of TSP_OWN(site_of)
#define size_of TSP_OWN(size_of)
#define step TSP_OWN(step)
#define stored_link TSP_OWN(stored_link)
#define to_bytes TSP_OWN(to_bytes)
#define to_granules TSP_OWN(to_granules)
#define try_bins TSP_OWN(try_bins)
#define undress TSP_OWN(undress)
#define unlink_from TSP_OWN(unlink_from)
#define visit_live TSP_OWN(visit_live)
#define walk TSP_OWN(walk)
#define widest TSP_OWN(widest)
#define word TSP_OWN(word)
#define words TSP_OWN(words)
#define zeroed TSP_OWN(zeroed)

/* -- The families -------------------------------------------------------------------------------------------------- */

#ifndef TSP_NO_4K
#define TSP_V tsp4k
#define TSP_LINK uint16_t
#define TSP_INDEX 0
#include "teaspoon.c"
#undef TSP_INDEX
#undef TSP_LINK
#undef TSP_V
#endif

#ifndef TSP_NO_128K
#define TSP_V tsp128k
#define TSP_LINK uint16_t
#define TSP_INDEX 1
#define TSP_INDEX_AT 8192 
#include "teaspoon.c"
#undef TSP_INDEX
#undef TSP_INDEX_AT
#undef TSP_LINK
#undef TSP_V
#endif

#ifndef TSP_NO_16M
#define TSP_V tsp16m
#define TSP_LINK uint32_t
#define TSP_INDEX 1
#define TSP_INDEX_AT 8192 
#include "teaspoon.c"
#undef TSP_INDEX
#undef TSP_INDEX_AT
#undef TSP_LINK
#undef TSP_V
#endif

/* -- Nothing stays defined for what may be compiled after this file ------------------------------------------------ */

#undef TSP_JOIN
#undef TSP_JOIN2
#undef TSP_OWN
#undef V_
#undef BIN_WORDS
#undef CLASSES
#undef EXACT
#undef EXACT_BITS
#undef FEW
#undef FORMAT
#undef FREED_BYTE
#undef GRANULE
#undef GUARD_BYTE
#undef GUARD_LAST
#undef HEADS
#undef LARGEST_BIT
#undef LASTS
#undef LONG
#undef MAKING
#undef MANY
#undef MAY_MOVE
#undef NEW_BYTE
#undef NONE
#undef REMEMBERS
#undef ROVER
#undef ROVES
#undef SITE
#undef SIZED
#undef SPAN
#undef STAYS
#undef TRIES
#undef UNIT
#undef UNMADE
#undef address
#undef advance
#undef after
#undef allocate
#undef allocate_called
#undef behind
#undef bin
#undef bin_in
#undef bin_move
#undef bin_out
#undef binned
#undef byte
#undef capacity
#undef change
#undef check
#undef check_bins
#undef check_chunks
#undef check_guards
#undef check_objects
#undef chunk_before
#undef chunk_before_word
#undef chunk_from
#undef chunks
#undef claim
#undef claim_by_index
#undef claim_from
#undef claim_small
#undef class_above
#undef class_of
#undef count_used
#undef deallocate
#undef distance_of
#undef dress
#undef empty
#undef examine
#undef extend
#undef extent
#undef find
#undef find_far_mark
#undef find_mark
#undef find_seat
#undef first
#undef fit
#undef fits
#undef fits_into
#undef flip_mark
#undef forget_hole
#undef forget_holes
#undef forget_span
#undef found
#undef get
#undef get_word
#undef give_back
#undef guarded_size
#undef has
#undef head
#undef heap
#undef highest
#undef index_bytes
#undef init
#undef is_indexed
#undef is_large
#undef is_long
#undef is_made
#undef is_mark
#undef is_nothing
#undef is_overrun
#undef is_power_of_two
#undef is_sized
#undef join
#undef last_lead
#undef lasts
#undef lead_in
#undef leave
#undef legacy
#undef link
#undef locate
#undef locate_called
#undef lowest
#undef made_once
#undef make
#undef malloc_alignment
#undef map
#undef map_bytes
#undef mark_from
#undef marks_at
#undef most_granules
#undef nearest
#undef new_object
#undef next_bin
#undef next_hole
#undef next_mark
#undef node
#undef note_hole
#undef note_holes
#undef note_span
#undef note_spans
#undef noted_end
#undef nowhere
#undef obtain
#undef obtained
#undef offset
#undef old_object
#undef open_bytes
#undef padding
#undef peek
#undef place
#undef poke
#undef product
#undef reason
#undef refill
#undef refuse
#undef release
#undef remembers
#undef resize
#undef resized_in_place
#undef resized_object
#undef rove
#undef seat
#undef set
#undef set_has
#undef set_index
#undef set_levels
#undef set_site
#undef set_span
#undef set_state
#undef set_word
#undef shut_bytes
#undef site_of
#undef size_of
#undef step
#undef stored_link
#undef to_bytes
#undef to_granules
#undef try_bins
#undef undress
#undef unlink_from
#undef visit_live
#undef walk
#undef widest
#undef word
#undef words
#undef zeroed
#undef FAILED
#undef LET_OTHERS_RUN
#undef LOCK
#undef TRY_LOCK
#undef TSP_HELD
#undef TSP_LOCK_H
#undef TSP_WEAK
#undef TSP_ZICSR
#undef UNLOCK

#else /* ==== Compiled once per family: TSP_V is its prefix */

#if TSP_DEBUG
#define debug_cut_off TSP_OWN(debug_cut_off)
#define debug_freed TSP_OWN(debug_freed)
#define debug_heap TSP_OWN(debug_heap)
#define debug_map TSP_OWN(debug_map)
#define debug_moved TSP_OWN(debug_moved)
#define debug_new TSP_OWN(debug_new)
#define debug_open TSP_OWN(debug_open)
#define debug_resized TSP_OWN(debug_resized)
#define debug_shut TSP_OWN(debug_shut)
#endif

#if TSP_INDEX
#endif

/* -- src/engine.h -------------------------------------------------------------------------------------------------- */

/* The engine: the list of holes, and how an object's granules are cut from it and given back. Written once, compiled by
 * tsp4k.c, tsp128k.c and tsp16m.c, which say which integer a link is (TSP_LINK) and whether large heaps have an index
 * (TSP_INDEX, TSP_INDEX_AT). In order of inclusion:
 *
 *      hole.h        the bytes of a hole
 *      map.h         where objects end, in heaps that remember sizes
 *      chunks.h      the index: the holes around a granule
 *      bins.h        the index: a hole that is large enough
 *      spans.h       the index: where a long object ends
 *      engine.h      the list, and all that changes it
 *      placement.h   which hole an object is cut from
 *      objects.h     allocate, deallocate, resize: with the lock held
 *      calls.h       the public functions on objects, which take the lock
 *      look.h        on what a heap holds: usage, walk, sites
 *      heaps.h       on heaps: init, extend, once
 *      check.h       the validator, and attach
 *
 * DESIGN.md has the reasons and figures.
 *
 * All holes are on one list, in order of address, by their gaps, and the list ends beyond the heap. So it runs upwards
 * whatever the bytes say: a walk can neither leave the heap nor turn in a circle, even over a heap that somebody
 * scribbled on. The handle holds the list's head in the same arrangement, as if it were a hole that ends at granule 0. */

/* -- src/hole.h ---------------------------------------------------------------------------------------------------- */

/* The bytes of a hole, and how the engine names things. The heap is `granules` granules of two links each. A live object
 * is a run of granules and nothing else. A hole is a maximal run of free granules, and describes itself: in its last
 * granule, its node, so that cutting an object from its low end, or growing it downwards, moves nothing; and, where the
 * heap has an index, in its first (bins.h).
 *
 *      start of the hole                                            its end
 *        v                                                            v
 *        [ next prev | ...                  free              | gap  size ][ live object ...
 *          of its bin                                           its node
 *
 *      size  granules in this hole
 *      gap   distance to the end of the next hole, less one; that of the last leads to granules + 1
 *
 * Two units: `bytes` is bytes; everything else counts granules. A hole is named by its end, the index of the first
 * granule after it: 1 to `granules`. */

#define TSP_PASTE2(a, b) a##_##b
#define TSP_PASTE(a, b) TSP_PASTE2(a, b)

typedef TSP_V heap;
typedef TSP_LINK link;
typedef unsigned char byte;

/* ALWAYS_INLINE: what is shorter than a call to it. HOT: the paths that programs spend their time on, one function each
 * unless size matters more. COLD: what they seldom need, out of their way. */
#ifdef __GNUC__
#define ALWAYS_INLINE inline __attribute__((always_inline))
#ifdef __OPTIMIZE_SIZE__
#define COLD
#else
#define COLD __attribute__((noinline))
#endif
#else
#define ALWAYS_INLINE inline
#define COLD
#endif
/* FAST: whether a second way that gives the same result sooner is worth its code. */
#ifdef __OPTIMIZE_SIZE__
#define HOT
#define FAST 0
#else
#define HOT ALWAYS_INLINE
#define FAST 1
#endif

enum { GRANULE = 2 * sizeof(link) /* bytes */ };

#define LINK_MAX ((size_t)(link)-1)

/* What is refused (teaspoon.h). 0: what a caller says and what a link says are true. */
#ifndef TSP_CHECK
#define TSP_CHECK 1
#endif
#if TSP_CHECK != 0 && TSP_CHECK != 1
#error "TSP_CHECK is neither 0 nor 1"
#endif
#if !TSP_CHECK && TSP_DEBUG
#error "TSP_DEBUG looks for faults, for which TSP_CHECK=0 leaves no room"
#endif

/* -- src/debug.h --------------------------------------------------------------------------------------------------- */

/* The debugging aids of teaspoon.h, TSP_DEBUG: what objects get besides in a build that looks for faults. Without
 * TSP_DEBUG all of this compiles to nothing.
 *
 *      [ object         | C5 C5 C5 | site | Cn ]
 *        ^ p              ^ p + bytes             ^ p + room
 *
 * n bytes of guard tell where the object ends; a site, if there are any, is in their midst. Bytes that the program must
 * not touch (holes, guards) are shut: AddressSanitizer and Valgrind report an access to them. Only the functions here
 * and get and set in engine.h read and write them all the same. */

#if TSP_DEBUG & TSP_DEBUG_ASAN
#define ACCESS __attribute__((noinline, no_sanitize("address")))
#define ASAN_OPEN(at, n) __asan_unpoison_memory_region(at, n)
#define ASAN_SHUT(at, n) __asan_poison_memory_region(at, n)
#else
#define ACCESS ALWAYS_INLINE
#define ASAN_OPEN(at, n) ((void)0)
#define ASAN_SHUT(at, n) ((void)0)
#endif

#if TSP_DEBUG & TSP_DEBUG_VALGRIND
#define ASIDE(access)                                                                                                  \
    do {                                                                                                               \
        VALGRIND_DISABLE_ERROR_REPORTING;                                                                              \
        access;                                                                                                        \
        VALGRIND_ENABLE_ERROR_REPORTING;                                                                               \
    } while (0)
#define GRIND(request)                                                                                                 \
    do {                                                                                                               \
        request;                                                                                                       \
    } while (0)
#else
#define ASIDE(access) access
#define GRIND(request) ((void)0)
#endif

#if TSP_DEBUG & TSP_DEBUG_HEAPTRACK
#define TRACK(event)                                                                                                   \
    do {                                                                                                               \
        event;                                                                                                         \
    } while (0)
#else
#define TRACK(event) ((void)0)
#endif

/* What of an object is to go on when it is resized. */
typedef struct legacy {
    size_t bytes; /* as many as it has and shall have; without a guard an object has all that it has room for */
#if TSP_DEBUG
    size_t wanted; /* its new size */
    const char *site;
#endif
} legacy;

#if TSP_DEBUG

enum {
    GUARD_BYTE = 0xC5,
    GUARD_LAST = 0xC0, /* and how many they are */
    NEW_BYTE = 0xAA,
    FREED_BYTE = 0xDD,
    SITE = TSP_DEBUG & TSP_DEBUG_SITES ? sizeof(const char *) : 0
};

static ACCESS byte peek(const byte *at) {
    byte value;
    ASIDE(value = *(const volatile byte *)at);
    GRIND(VALGRIND_MAKE_MEM_DEFINED(&value, 1)); /* where a guard should be there may be the program's bytes */
    return value;
}

static ACCESS void poke(byte *at, byte value) {
    ASIDE(*(volatile byte *)at = value);
}

static void open_bytes(byte *at, size_t n) {
    ASAN_OPEN(at, n);
    GRIND(VALGRIND_MAKE_MEM_UNDEFINED(at, n));
    (void)at, (void)n;
}

static void shut_bytes(byte *at, size_t n) {
    ASAN_SHUT(at, n);
    GRIND(VALGRIND_MAKE_MEM_NOACCESS(at, n));
    (void)at, (void)n;
}

static const char *site_of(const byte *p, size_t room) {
    const char *site = NULL;
    for (size_t i = SITE; i-- > 0;) ((byte *)&site)[i] = peek(p + room - 1 - SITE + i);
    return site;
}

static void set_site(byte *p, size_t room, const char *site) {
    for (size_t i = SITE; i-- > 0;) poke(p + room - 1 - SITE + i, ((const byte *)&site)[i]);
}

/* The size of the object with this much room; more than room if its guard is not as it was. */
static size_t guarded_size(const byte *p, size_t room) {
    const size_t end = room - 1 - SITE; /* of the guard's first part */
    size_t n;
    if (TSP_GUARD_ == 0) return room;
    n = (size_t)peek(p + room - 1) - GUARD_LAST;
    if (n + SITE + 1 <= TSP_GUARD_ || n > end + 1) return room + 1;
    for (size_t i = 1; i < n; i++)
        if (peek(p + end - i) != GUARD_BYTE) return room + 1;
    return end + 1 - n;
}

/* What of the object [a, b) goes on when it gets this size. */
static legacy leave(const heap *h, size_t a, size_t b, size_t wanted) {
    const byte *p = h->base + a * GRANULE;
    legacy l;
    l.bytes = guarded_size(p, (b - a) * GRANULE);
    if (l.bytes > wanted) l.bytes = wanted;
    l.wanted = wanted;
    l.site = site_of(p, (b - a) * GRANULE);
    return l;
}

/* Makes the n granules at a, of whose bytes the first are old ones, an object of this many bytes. */
static void dress(const heap *h, size_t a, size_t n, size_t old, size_t bytes, const char *site) {
    byte *p = h->base + a * GRANULE;
    const size_t room = n * GRANULE, end = room - 1 - SITE;
    open_bytes(p + old, room - old);
    if (TSP_DEBUG & TSP_DEBUG_FILL) memset(p + old, NEW_BYTE, bytes - old);
    GRIND(VALGRIND_MAKE_MEM_UNDEFINED(p + old, bytes - old));
    if (TSP_GUARD_) {
        memset(p + bytes, GUARD_BYTE, end - bytes);
        p[room - 1] = (byte)(GUARD_LAST + end + 1 - bytes);
    }
    set_site(p, room, site);
    shut_bytes(p + bytes, room - bytes);
}

/* The granules [a, b) are about to be free. */
static void undress(const heap *h, size_t a, size_t b) {
    byte *p = h->base + a * GRANULE;
    open_bytes(p, (b - a) * GRANULE);
    if (TSP_DEBUG & TSP_DEBUG_FILL) memset(p, FREED_BYTE, (b - a) * GRANULE);
    shut_bytes(p, (b - a) * GRANULE);
}

static void debug_open(const heap *h, size_t a, size_t b) {
    open_bytes(h->base + a * GRANULE, (b - a) * GRANULE);
}

static void debug_shut(const heap *h, size_t a, size_t b) {
    shut_bytes(h->base + a * GRANULE, (b - a) * GRANULE);
}

/* The map may lie where an earlier heap had its objects. */
static void debug_map(byte *map, size_t bytes) {
    open_bytes(map, bytes);
}

static void debug_heap(const heap *h) {
    GRIND(if (VALGRIND_MEMPOOL_EXISTS(h)) VALGRIND_DESTROY_MEMPOOL(h));
    GRIND(VALGRIND_CREATE_MEMPOOL(h, 0, 0));
    if (h->granules) shut_bytes(h->base, (size_t)h->granules * GRANULE);
}

static void debug_new(const heap *h, size_t a, size_t n, size_t bytes) {
    dress(h, a, n, 0, bytes, NULL);
    GRIND(VALGRIND_MEMPOOL_ALLOC(h, h->base + a * GRANULE, bytes));
    TRACK(heaptrack_report_alloc(h->base + a * GRANULE, bytes));
}

static void debug_freed(const heap *h, size_t a, size_t b) {
    undress(h, a, b);
    GRIND(VALGRIND_MEMPOOL_FREE(h, h->base + a * GRANULE));
    TRACK(heaptrack_report_free(h->base + a * GRANULE));
}

/* The new object has moved here. */
static void debug_moved(byte *object, size_t n, legacy old) {
    set_site(object, n * GRANULE, old.site);
}

/* The granules [a, b) are about to be an object's no longer. */
static void debug_cut_off(const heap *h, size_t a, size_t b) {
    undress(h, a, b);
}

/* The object that was at a is the n granules at start now; old is what goes on. */
static void debug_resized(const heap *h, size_t a, legacy old, size_t start, size_t n) {
    dress(h, start, n, old.bytes, old.wanted, old.site);
    (void)a;
    GRIND(VALGRIND_MEMPOOL_CHANGE(h, h->base + a * GRANULE, h->base + start * GRANULE, old.wanted));
    TRACK(heaptrack_report_realloc(h->base + a * GRANULE, old.wanted, h->base + start * GRANULE));
}

#else

static ALWAYS_INLINE legacy leave(const heap *h, size_t a, size_t b, size_t wanted) {
    legacy l;
    (void)h;
    l.bytes = (b - a) * GRANULE;
    if (l.bytes > wanted) l.bytes = wanted;
    return l;
}
#define debug_map(map, bytes) ((void)0)
#define debug_heap(h) ((void)0)
#define debug_new(h, a, n, bytes) ((void)0)
#define debug_freed(h, a, b) ((void)0)
#define debug_open(h, a, b) ((void)0)
#define debug_shut(h, a, b) ((void)0)
#define debug_cut_off(h, a, b) ((void)0)
#define debug_resized(h, a, old, start, n) ((void)0)
#define debug_moved(object, n, old) ((void)0)

#endif

/* The last granule of the hole that ends at `end`. */
static ALWAYS_INLINE byte *node(const heap *h, size_t end) {
    return h->base + end * GRANULE - GRANULE;
}

/* The handle, as the last granule of a hole that ends at 0. */
static ALWAYS_INLINE byte *head(const heap *h) {
    return (byte *)h + offsetof(heap, gap);
}

/* The bytes are the caller's and may have any effective type: so a type that may alias all, or memcpy. (gcc makes better
 * code of the first: up to 16 instructions less a call on Cortex-M0+.) */
#ifdef __GNUC__
typedef link __attribute__((may_alias)) stored_link;
#endif

/* What proof/steps.h counts. */
#ifndef TSP_STEP
#define TSP_STEP() ((void)0)
#endif

static ACCESS size_t get(const byte *field) {
    link value;
    TSP_STEP();
#ifdef __GNUC__
    ASIDE(value = *(const stored_link *)field);
#else
    ASIDE(memcpy(&value, field, sizeof value));
#endif
    return value;
}

static ACCESS void set(byte *field, size_t to) {
    link value = (link)to;
    TSP_STEP();
#ifdef __GNUC__
    ASIDE(*(stored_link *)field = value);
#else
    ASIDE(memcpy(field, &value, sizeof value));
#endif
}

/* What a loop has computed is computed anew for what comes after it, where keeping it would cost each round an
 * instruction. */
#if defined(__GNUC__) && !defined(__OPTIMIZE_SIZE__)
#define ANEW(x) __asm__("" : "+r"(x))
#else
#define ANEW(x) ((void)0)
#endif

typedef uint32_t word;

/* The number of a word's highest bit, and of its lowest; the word is not 0. */
static ALWAYS_INLINE unsigned highest(word w) {
#if defined(__GNUC__) && __SIZEOF_INT__ == 4 && !defined(__OPTIMIZE_SIZE__)
    return 31 - (unsigned)__builtin_clz(w);
#else
    unsigned n = 0;
    while (w >>= 1) n++;
    return n;
#endif
}

static ALWAYS_INLINE unsigned lowest(word w) {
#if defined(__GNUC__) && __SIZEOF_INT__ == 4 && !defined(__OPTIMIZE_SIZE__)
    return (unsigned)__builtin_ctz(w);
#else
    return highest(w & (0 - w));
#endif
}

/* The fields of a node. */
#define GAP(node) (node)
#define SIZE(node) ((node) + sizeof(link))

/* The distance from the end of the hole with this node to that of the next. Never 0, whatever the bytes say: so the list
 * runs upwards; and where a link is no narrower than size_t, less of it counts than could wrap. */
static ALWAYS_INLINE size_t distance_of(const byte *node) {
    const size_t gap = get(GAP(node));
    return (sizeof(link) < sizeof(size_t) ? gap : gap & LINK_MAX / 2) + 1;
}

/* The end of that next hole; more than `granules` if there is none. */
static ALWAYS_INLINE size_t after(const byte *node, size_t end) {
    return end + distance_of(node);
}

/* before -> after */
static ALWAYS_INLINE void join(byte *node, size_t end, size_t next) {
    set(GAP(node), next - end - 1);
}

/* What a handle's state says. A handle that is all zero has not been made: no granules, so nothing can be had. The rest
 * names what the heap's bytes look like, so that a heap is not attached by a library that was built to other rules. */
enum {
    UNMADE = 0,
    FORMAT = 8 * (TSP_ROUND > 4) + 16 * (TSP_ROUND > 8) + 32 * (TSP_GUARD_ > 0) +
             64 * (1 + TSP_INDEX + (sizeof(link) > 2)), /* 2 was of heaps whose gaps were other */
    SIZED = FORMAT,
    REMEMBERS = FORMAT + 1,
    MAKING = 4 /* and: its bytes are not there yet */
};

static ALWAYS_INLINE int remembers(const heap *h) {
    return h->state & 1;
}

/* -- src/map.h ----------------------------------------------------------------------------------------------------- */

/* The size map of a heap that remembers sizes: one bit per granule, set where an object ends. It lies behind the last
 * granule.
 *
 *      heap      | object A     | hole ............... | object B | C      |
 *      map         0    0    1    0    0    0    0    0    0    1    0   1
 */

static ALWAYS_INLINE byte *map(const heap *h) {
    return h->base + (size_t)h->granules * GRANULE;
}

static ALWAYS_INLINE size_t map_bytes(size_t granules) {
    return (granules + 7) / 8;
}

static ALWAYS_INLINE int is_mark(const heap *h, size_t granule) {
    return map(h)[granule / 8] >> granule % 8 & 1;
}

/* Sets or clears the mark of the object that ends at `end`. */
static inline void flip_mark(const heap *h, size_t end) {
    if (remembers(h)) map(h)[(end - 1) / 8] ^= (byte)(1u << (end - 1) % 8);
}

/* 32 marks at once, where a word has them in order or can be put in order. The map begins where a granule would, so
 * its words are aligned. */
#if defined(__GNUC__) && !defined(__OPTIMIZE_SIZE__)
#define BY_WORDS 1
static ALWAYS_INLINE word marks_at(const byte *at) {
    word w;
    memcpy(&w, __builtin_assume_aligned(at, sizeof w), sizeof w);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    w = __builtin_bswap32(w);
#endif
    return w;
}
#else
#define BY_WORDS 0
#endif

/* The first granule from a on that has a mark, where a byte of the map before `limit` has it; else `limit` or more. (By
 * words: a word begins there, or none is left.) */
static COLD size_t next_mark(const heap *h, size_t a, size_t limit) {
    const byte *m = map(h);
    size_t i = a / 8;
    const size_t bytes = map_bytes(limit);
    unsigned bits;
#if BY_WORDS
    for (; i + 8 <= bytes && !(marks_at(m + i) | marks_at(m + i + 4)); i += 8) TSP_STEP();
    for (; i + 4 <= bytes; i += 4) {
        const word w = marks_at(m + i);
        TSP_STEP();
        if (w) return i * 8 + lowest(w);
    }
    if (i >= bytes) return i * 8;
#endif
    bits = (unsigned)m[i] >> a % 8 << a % 8;
    while (bits == 0) {
        TSP_STEP();
        if (++i >= bytes) return i * 8;
        bits = m[i];
    }
    return i * 8 + lowest(bits);
}

/* The same from anywhere on. */
static ALWAYS_INLINE size_t mark_from(const heap *h, size_t a, size_t limit) {
#if BY_WORDS
    if (a / 32 < map_bytes(h->granules) / 4) {
        const word w = marks_at(map(h) + a / 32 * 4) >> a % 32;
        return w ? a + lowest(w) : next_mark(h, a / 32 * 32 + 32, limit);
    }
#endif
    return next_mark(h, a, limit);
}

/* The end of the object that begins at granule a; more than `granules` if there is no mark. */
#if TSP_INDEX
static size_t find_mark(const heap *h, size_t a); /* spans.h */
#else
static ALWAYS_INLINE size_t find_mark(const heap *h, size_t a) {
    return mark_from(h, a, h->granules) + 1;
}
#endif
#if TSP_INDEX

/* -- src/chunks.h -------------------------------------------------------------------------------------------------- */

/* The index, first half: which hole is the last before a granule, in bounded time. Heaps of INDEX_FROM granules or more
 * have an index, behind their granules and their map; V_init decides that once, by size.
 *
 *      granules ... [ map ][ bins' bits | rover | heads of bins | last[0] last[1] ... | has[0] ... | ... | root ]
 *                            bins.h                               a byte a chunk        bits, level by level
 *
 *      last[c]  how far into chunk c the last hole that ends there ends, 1 to TSP_CHUNK; 0: none does
 *      has      a bit for each chunk: last[c] is not 0; then a bit for each word of these bits, and so on to one word
 *
 * So the nearest chunk before another that has a hole is found by a few words (van Emde Boas's tree, 1975, in words of
 * 32), and from the last hole of a chunk on at most one chunk's holes are passed, along the gaps. Whatever the bytes
 * say, no more than TSP_CHUNK steps are taken, and none out of the heap. */

#ifndef TSP_INDEX_FROM
#define TSP_INDEX_FROM TSP_INDEX_AT /* granules; less gives an index to heaps as small as tests exhaust */
#endif
#ifndef TSP_CHUNK
#define TSP_CHUNK 128 /* granules, at most 255; less makes several chunks of small heaps */
#endif
#ifndef TSP_FAN
#define TSP_FAN 32 /* bits of a word that are used; less makes several levels in small heaps */
#endif

#define ALL_BITS (~(word)0 >> (32 - TSP_FAN))

static ALWAYS_INLINE int is_indexed(const heap *h) {
    return h->granules >= TSP_INDEX_FROM;
}

static ALWAYS_INLINE word get_word(const byte *at) {
    word value;
    TSP_STEP();
#ifdef __GNUC__
    __builtin_memcpy(&value, __builtin_assume_aligned(at, sizeof value), sizeof value);
#else
    memcpy(&value, at, sizeof value);
#endif
    return value;
}

static ALWAYS_INLINE void set_word(byte *at, word to) {
    TSP_STEP();
#ifdef __GNUC__
    __builtin_memcpy(__builtin_assume_aligned(at, sizeof to), &to, sizeof to);
#else
    memcpy(at, &to, sizeof to);
#endif
}

/* -- Where its parts are ------------------------------------------------------------------------------------------- */

enum {
    UNIT = GRANULE < 8 ? 8 / GRANULE : 1, /* granules: classes of holes count in 8 bytes */
#ifdef TSP_EXACT_BITS
    EXACT_BITS = TSP_EXACT_BITS,
#else
    EXACT_BITS = 5,
#endif
    EXACT = 1 << EXACT_BITS,                                            /* classes of one size each */
    LARGEST_BIT = 8 * (int)sizeof(link) - 1 - (UNIT > 1),               /* of a size in units */
    CLASSES = EXACT + 2 * (LARGEST_BIT - EXACT_BITS) + 2,
    BIN_WORDS = (CLASSES + 31) / 32,
    ROVER = 4 * BIN_WORDS,
    HEADS = ROVER + 4,
    LASTS = (HEADS + CLASSES * (int)sizeof(link) + 3) / 4 * 4
};

static ALWAYS_INLINE size_t chunks(size_t granules) {
    return (granules + TSP_CHUNK - 1) / TSP_CHUNK;
}

/* Words for so many bits. */
static ALWAYS_INLINE size_t words(size_t bits) {
    return (bits + TSP_FAN - 1) / TSP_FAN;
}

/* The handle remembers where the index is, since every call wants to know. */
static void set_index(heap *h) {
    size_t at = (size_t)h->granules * GRANULE;
    if (remembers(h)) at += (map_bytes(h->granules) + 3) / 4 * 4;
    h->index = h->base ? h->base + at : NULL;
}

static size_t index_bytes(size_t granules) {
    size_t n = chunks(granules), bytes = LASTS + (n + 3) / 4 * 4;
    do bytes += 4 * (n = words(n));
    while (n > 1);
    return bytes;
}

static ALWAYS_INLINE byte *lasts(const heap *h) {
    return h->index + LASTS;
}

static ALWAYS_INLINE byte *has(const heap *h) {
    return lasts(h) + ((size_t)h->granules + 4 * TSP_CHUNK - 1) / (4 * TSP_CHUNK) * 4;
}

/* -- The bits ------------------------------------------------------------------------------------------------------ */

/* What follows in the levels above from the first or last bit that has come or gone in word w. */
static COLD void set_levels(const heap *h, size_t w, int to) {
    byte *level = has(h);
    size_t n = words(chunks(h->granules));
    while (n > 1) {
        byte *at;
        word was, now;
        const word bit = (word)1 << w % TSP_FAN;
        level += 4 * n;
        at = level + 4 * (w / TSP_FAN);
        was = get_word(at);
        now = to ? was | bit : was & ~bit;
        set_word(at, now);
        if (to ? was : now) return;
        n = words(n);
        w /= TSP_FAN;
    }
}

/* Sets or clears the bit of chunk c. */
static ALWAYS_INLINE void set_has(const heap *h, size_t c, int to) {
    byte *at = has(h) + 4 * (c / TSP_FAN);
    const word was = get_word(at), bit = (word)1 << c % TSP_FAN, now = to ? was | bit : was & ~bit;
    set_word(at, now);
    if ((to ? was : now) == 0) set_levels(h, c / TSP_FAN, to);
}

#define NO_CHUNK ((size_t)-1)

/* The last chunk that has a hole and whose bit is in a word before w. */
static COLD size_t chunk_before_word(const heap *h, size_t w) {
    const byte *level = has(h), *at[32];
    size_t n = words(chunks(h->granules));
    unsigned depth = 0;
    word bits = 0;
    while (n > 1 && !bits) {
        at[depth++] = level;
        level += 4 * n;
        bits = get_word(level + 4 * (w / TSP_FAN)) & (((word)1 << w % TSP_FAN) - 1);
        w /= TSP_FAN;
        n = words(n);
    }
    while (bits) {
        w = w * TSP_FAN + highest(bits);
        if (depth == 0) return w;
        bits = get_word(at[--depth] + 4 * w) & ALL_BITS;
    }
    return NO_CHUNK;
}

/* The last chunk before c that has a hole. */
static ALWAYS_INLINE size_t chunk_before(const heap *h, size_t c) {
    const word bits = get_word(has(h) + 4 * (c / TSP_FAN)) & (((word)1 << c % TSP_FAN) - 1);
    return bits ? c / TSP_FAN * TSP_FAN + highest(bits) : chunk_before_word(h, c / TSP_FAN);
}

/* -- The holes of a chunk ------------------------------------------------------------------------------------------ */

/* A hole that ends at `last` or before, from which at most a chunk's holes lead to the last that does: *end is its end,
 * 0 where there is none. Returns 0 if the index is damaged. */
static HOT int nearest(const heap *h, size_t last, size_t *end) {
    const byte *l = lasts(h);
    size_t c = (last - 1) / TSP_CHUNK, low = c * TSP_CHUNK;
    *end = 0;
    if (l[c] && low + l[c] <= last) {
        *end = low + l[c];
        return 1;
    }
    if (c) {
        const size_t before = chunk_before(h, c);
        if (before != NO_CHUNK) {
            *end = before * TSP_CHUNK + l[before];
            if (l[before] == 0 || *end > low) return 0;
        }
    }
    return after(*end ? node(h, *end) : head(h), *end) > low;
}

/* A hole that ends here has come, or gone; `before` is the end of the one before it. */
static HOT void note_hole(const heap *h, size_t end) {
    const size_t c = (end - 1) / TSP_CHUNK;
    byte *l = lasts(h) + c;
    const byte at = (byte)(end - c * TSP_CHUNK), old = *l;
    if (old >= at) return;
    *l = at;
    if (!old) set_has(h, c, 1);
}

static HOT void forget_hole(const heap *h, size_t end, size_t before) {
    const size_t c = (end - 1) / TSP_CHUNK, low = c * TSP_CHUNK;
    byte *l = lasts(h) + c;
    if (*l != end - low) return;
    *l = (byte)(before > low ? before - low : 0);
    if (!*l) set_has(h, c, 0);
}

/* -- src/bins.h ---------------------------------------------------------------------------------------------------- */

/* The index, second half: a hole of the right size, in bounded time. Each hole of two granules or more is on the list of
 * its bin: exact by size up to EXACT units of 8 bytes, then two bins an octave (segregated fits: Wilson, Johnstone,
 * Neely and Boles, "Dynamic storage allocation", 1995; a bit for each bin that is not empty, as in TLSF: Masmano,
 * Ripoll, Crespo and Real, 2004). The lists are doubly linked, by the ends of holes, in each hole's first granule:
 *
 *      [ next prev | ... free ... | gap size ]
 *
 * The last to come is the first to be found. A hole that changes its size at its low end within a bin keeps its place.
 * Holes of one granule have no room for it: they are found along the gaps, by a rover that remembers where to look
 * (Knuth, TAOCP 1, 2.5). A hole only leaves its bin if both its neighbours there name it. */

/* Between them the fields are of a hole [end - size, end). */
static ALWAYS_INLINE byte *first(const heap *h, size_t end, size_t size) {
    return h->base + (end - size) * GRANULE;
}
#define NEXT(first) (first)
#define PREV(first) ((first) + sizeof(link))

static ALWAYS_INLINE byte *bin(const heap *h, unsigned c) {
    return h->index + HEADS + c * sizeof(link);
}

/* The bin of holes of this size. */
static ALWAYS_INLINE unsigned class_of(size_t size) {
    const word units = (word)(size / UNIT);
    unsigned e;
    if (units < EXACT) return (unsigned)units;
    e = highest(units);
    return EXACT + 2 * (e - EXACT_BITS) + (units >> (e - 1) & 1);
}

/* The first bin in which every hole has this size or more. */
static ALWAYS_INLINE unsigned class_above(size_t size) {
    return class_of((size + UNIT - 1) / UNIT * UNIT - UNIT) + 1;
}

/* The first bin from c on that is not empty; CLASSES if there is none. */
static HOT unsigned next_bin(const heap *h, unsigned c) {
    const byte *bits = h->index;
    word w;
    if (c >= CLASSES) return CLASSES;
    w = get_word(bits + c / 32 * 4) >> c % 32 << c % 32;
    while (!w) {
        c = c / 32 * 32 + 32;
        if (c >= CLASSES) return CLASSES;
        w = get_word(bits + c / 32 * 4);
    }
    c = c / 32 * 32 + lowest(w);
    return c < CLASSES ? c : (unsigned)CLASSES;
}

/* The size of the hole that a link of a bin leads to; 0 if there can be none. */
static ALWAYS_INLINE size_t binned(const heap *h, size_t end) {
    size_t size;
    if (end - 2 >= (size_t)h->granules - 1) return 0;
    size = get(SIZE(node(h, end)));
    return size - 2 < end - 1 ? size : 0;
}

static HOT void bin_in(const heap *h, size_t end, size_t size) {
    unsigned c;
    byte *f;
    size_t old, s;
    if (size < 2) {
        set_word(h->index + ROVER, (word)(end - 1));
        return;
    }
    c = class_of(size);
    f = first(h, end, size);
    old = get(bin(h, c));
    s = binned(h, old);
    if (s) set(PREV(first(h, old, s)), end);
    set(NEXT(f), s ? old : 0); /* what no link may lead to is lost to the bin, and V_check says so */
    set(PREV(f), 0);
    set(bin(h, c), end);
    set_word(h->index + c / 32 * 4, get_word(h->index + c / 32 * 4) | (word)1 << c % 32);
}

/* Where a hole is in its bin: its links, and the links that name it. */
typedef struct seat {
    size_t next, prev;
    byte *before, *after; /* the bin's or the previous hole's; the next hole's, or NULL */
} seat;

/* The seat of a hole of bin c. 0 if it is not named there: it is not this hole, or the heap is damaged. */
static HOT int find_seat(const heap *h, size_t end, size_t size, unsigned c, seat *s) {
    const byte *f = first(h, end, size);
    size_t n;
    s->next = get(NEXT(f));
    s->prev = get(PREV(f));
    s->after = NULL;
    if (!s->prev) s->before = bin(h, c);
    else if ((n = binned(h, s->prev)) != 0) s->before = NEXT(first(h, s->prev, n));
    else return 0;
    if (s->next) {
        if ((n = binned(h, s->next)) == 0) return 0;
        s->after = PREV(first(h, s->next, n));
        if (get(s->after) != end) return 0;
    }
    return get(s->before) == end;
}

/* A hole leaves bin c, its own. 0 if it is not there: then nothing has changed. */
static HOT int bin_out(const heap *h, size_t end, size_t size, unsigned c) {
    seat s;
    if (size < 2) return 1;
    if (!find_seat(h, end, size, c, &s)) return 0;
    set(s.before, s.next);
    if (s.next) set(s.after, s.prev);
    else if (!s.prev) set_word(h->index + c / 32 * 4, get_word(h->index + c / 32 * 4) & ~((word)1 << c % 32));
    return 1;
}

/* A hole of bin c keeps its end, and has another size. 0 as above. */
static HOT int bin_move(const heap *h, size_t end, size_t was, unsigned c, size_t is) {
    if (was >= 2 && is >= 2 && c == class_of(is)) {
        byte *to = first(h, end, is);
        seat s;
        if (!find_seat(h, end, was, c, &s)) return 0;
        set(NEXT(to), s.next);
        set(PREV(to), s.prev);
        return 1;
    }
    if (!bin_out(h, end, was, c)) return 0;
    bin_in(h, end, is);
    return 1;
}

/* -- src/spans.h --------------------------------------------------------------------------------------------------- */

/* The index, third part: where a long object ends, so that what frees it needs not look through all of its marks. In a
 * heap that remembers sizes, an object that covers SPAN chunks or more notes its end in the bytes of the first of
 * these, where no hole can end:
 *
 *      granules   |h....a.......|.............|.............|......b......|      a: an object begins, b: it ends before
 *      last[]            1         192 + low     192 + high        0             six bits of b in each byte
 *
 * So at most the marks of SPAN + 1 chunks are looked through, whatever the bytes say. */

enum {
    LONG = 192, /* in a chunk's byte: the rest is of an object's end */
#ifdef TSP_SPAN
    SPAN = TSP_SPAN /* less makes objects of heaps as small as tests exhaust long; a byte is enough for 63 granules */
#else
    SPAN = sizeof(link) > 2 ? 6 : 3
#endif
};

/* The first chunk that begins at granule a or behind it. */
static ALWAYS_INLINE size_t chunk_from(size_t a) {
    return (a + TSP_CHUNK - 1) / TSP_CHUNK;
}

static ALWAYS_INLINE int is_long(const heap *h, size_t a, size_t b) {
    return is_indexed(h) && remembers(h) && b / TSP_CHUNK >= chunk_from(a) + SPAN;
}

/* An object has come, or goes. */
static COLD void set_span(const heap *h, size_t a, size_t b, int to) {
    byte *l = lasts(h) + chunk_from(a);
    if (!is_long(h, a, b)) return;
    for (unsigned i = 0; i < SPAN; i++) {
        l[i] = (byte)(to ? LONG + b % (256 - LONG) : 0);
        b /= 256 - LONG;
    }
}
static ALWAYS_INLINE void note_span(const heap *h, size_t a, size_t b) {
    if (b - a >= (size_t)SPAN * TSP_CHUNK) set_span(h, a, b, 1);
}
static ALWAYS_INLINE void forget_span(const heap *h, size_t a, size_t b) {
    if (b - a >= (size_t)SPAN * TSP_CHUNK) set_span(h, a, b, 0);
}

/* The end of the long object that begins at a; 0: none is noted. */
static size_t noted_end(const heap *h, size_t a) {
    const size_t c = chunk_from(a);
    const byte *l = lasts(h) + c;
    size_t end = 0;
    if (c + SPAN > chunks(h->granules)) return 0;
    for (unsigned i = SPAN; i-- > 0;) {
        TSP_STEP();
        if (l[i] < LONG || end > LINK_MAX / (256 - LONG)) return 0;
        end = end * (256 - LONG) + l[i] - LONG;
    }
    return end;
}

/* find_mark, for objects that end farther away than in the next word of the map. */
static COLD size_t find_far_mark(const heap *h, size_t a) {
    const size_t none = (size_t)h->granules + 1, c = chunk_from(a), near = (c + 1) * TSP_CHUNK,
                 far = (c + SPAN) * TSP_CHUNK;
    size_t end;
    if (near >= none || !is_indexed(h)) return mark_from(h, a, none - 1) + 1;
    end = mark_from(h, a, near) + 1;
    if (end <= near) return end; /* else c is the object's, and its byte nobody else's to change */
    end = noted_end(h, a);
    if (end) return end > near && end < none && is_mark(h, end - 1) ? end : none;
    end = mark_from(h, near, far < none ? far : none - 1) + 1;
    return end <= far ? end : none;
}

/* (gcc would hand a call the handle's fields, in registers that a sized heap, which has no marks, needs: 12
 * instructions of each of its calls on 32-bit x86.) */
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 8 && !defined(__OPTIMIZE_SIZE__)
__attribute__((noipa))
#else
COLD
#endif
static size_t
find_mark(const heap *h, size_t a) {
#if BY_WORDS
    const size_t i = a / 32 + 1;
    if (i < map_bytes(h->granules) / 4) {
        const byte *next = map(h) + i * 4;
        word w = marks_at(next - 4) >> a % 32;
        if (w) return a + lowest(w) + 1;
        w = marks_at(next);
        if (w) return i * 32 + lowest(w) + 1;
    }
#endif
    return find_far_mark(h, a);
}
#else
/* Without an index there is nothing to keep, and nobody who denies it. */
static ALWAYS_INLINE int is_indexed(const heap *h) {
    (void)h;
    return 0;
}
static ALWAYS_INLINE void set_index(const heap *h) {
    (void)h;
}
static ALWAYS_INLINE void note_span(const heap *h, size_t a, size_t b) {
    (void)h, (void)a, (void)b;
}
#endif

/* Whether a call on an object can find damage: an index is never trusted, since it would lead anywhere. */
#define CAN_FAIL (TSP_CHECK || TSP_INDEX)

/* Instead of a size: the list is damaged. */
#define DAMAGED ((size_t)-1)

/* -- The list ------------------------------------------------------------------------------------------------------ */

/* A position in the list: the last hole before it, its end, and the end of the hole behind it. */
typedef struct place {
    byte *at;
    size_t end, next;
} place;

/* The position behind the holes that end before `bound`. 0: the index is damaged. */
static HOT int find(const heap *h, size_t bound, place *p) {
    byte *n = head(h);
    size_t end = 0, next;
#if TSP_INDEX
    if (is_indexed(h) && bound > 1) {
        if (!nearest(h, bound - 1, &end)) return 0;
        if (end) n = node(h, end);
    }
#endif
    next = after(n, end);
    if (next < bound) {
        do {
            end = next;
            next = after(node(h, end), end);
        } while (next < bound);
        ANEW(end);
        n = node(h, end);
    }
    p->at = n;
    p->end = end;
    p->next = next;
    return 1;
}

/* The hole that ends at `end`, behind one that ends at `before`: its size. 0: there is none, the list ends before it.
 * DAMAGED: there can be none like that. */
static inline size_t size_of(const heap *h, size_t end, size_t before) {
    size_t size;
    if (end > h->granules) return !TSP_CHECK || end == (size_t)h->granules + 1 ? 0 : DAMAGED;
    size = get(SIZE(node(h, end)));
    return !TSP_CHECK || size - 1 < end - before ? size : DAMAGED;
}

/* -- A run, and what becomes of it -------------------------------------------------------------------------------- */

/* An object, or what a caller takes for one: the granules [a, b), and the holes that they touch, as far as [low, high).
 * A hole that an object is to be cut from is the one after an object of no granules.
 *      low [ before ] a [ object ] b [ after ] high */
typedef struct extent {
    size_t a, b, low, high;
    place p; /* before and behind both holes */
} extent;

/* Why an object can not end at b: the hole that ends at `end`, the first that does behind the object's beginning, is in
 * its way. */
static COLD tsp_status reason(const heap *h, size_t b, size_t end, size_t before) {
    const size_t size = size_of(h, end, before);
    if (b > h->granules) return TSP_WRONG_SIZE;
    return size == DAMAGED || end - size >= b ? TSP_CORRUPT : TSP_ALREADY_FREE;
}

/* Whether all of [a, b) can be an object, a < b. Finds what it touches. */
static HOT tsp_status examine(const heap *h, extent *o) {
    const size_t granules = h->granules;
    size_t before, end;
    int well;
    if (!find(h, o->a, &o->p) && CAN_FAIL) return TSP_CORRUPT;
    before = o->p.end;
    end = o->p.next;
    o->low = o->a;
    if (end == o->a) {
        const size_t size = size_of(h, end, before);
        if (TSP_CHECK && size == DAMAGED) return TSP_CORRUPT;
        o->low -= size;
        before = end;
        end = after(node(h, end), end);
    }
    o->high = o->b;
    o->p.next = end;
    if (end <= granules) {
        const size_t room = end - o->b, size = get(SIZE(node(h, end)));
        well = end >= o->b && size - 1 < room;
        if (size == room) {
            o->high = end;
            o->p.next = after(node(h, end), end);
            well &= o->p.next <= granules + 1;
        }
    } else {
        well = end == granules + 1 && o->b < end;
    }
    return !TSP_CHECK || well ? TSP_OK : reason(h, o->b, end, before);
}

#if TSP_INDEX

/* Before a run is refilled: the index forgets the holes that go. One that keeps end and size stays as it is, and one that
 * keeps its end only moves. 0: a bin denies one; then nothing has changed. */
static HOT int forget_holes(const heap *h, const extent *o, size_t start, size_t stop, size_t moved) {
    const size_t before = start != o->a ? o->a - o->low : 0, rear = o->high - o->b;
    const int stays = stop < o->high && !moved;
    if (before && !bin_out(h, o->a, before, class_of(before))) return 0;
    if (rear) {
        const unsigned c = class_of(rear);
        if (!(stays ? bin_move(h, o->high, rear, c, o->high - stop) : bin_out(h, o->high, rear, c))) {
            if (before) bin_in(h, o->a, before);
            return 0;
        }
        if (!stays) forget_hole(h, o->high, o->low < o->a ? o->a : o->p.end);
    }
    if (before) forget_hole(h, o->a, o->p.end);
    forget_span(h, o->a, o->b);
    return 1;
}

/* And afterwards: it notes those that have come. */
static HOT void note_holes(const heap *h, const extent *o, size_t start, size_t stop, size_t moved) {
    if (stop < o->high && (moved || o->high == o->b)) {
        note_hole(h, o->high);
        bin_in(h, o->high, o->high - stop);
    }
    if (o->low < start && start != o->a) {
        note_hole(h, start);
        bin_in(h, start, start - o->low);
    }
}

#else

static ALWAYS_INLINE int forget_holes(const heap *h, const extent *o, size_t start, size_t stop, size_t moved) {
    (void)h, (void)o, (void)start, (void)stop, (void)moved;
    return 1;
}
static ALWAYS_INLINE void note_holes(const heap *h, const extent *o, size_t start, size_t stop, size_t moved) {
    (void)h, (void)o, (void)start, (void)stop, (void)moved;
}

#endif

/* A run without its object is one hole. */
static HOT tsp_status release(const heap *h, const extent *o) {
    byte *n = node(h, o->high);
    if (is_indexed(h) && !forget_holes(h, o, o->low, o->low, 0)) return TSP_CORRUPT;
    set(SIZE(n), o->high - o->low);
    join(o->p.at, o->p.end, o->high);
    join(n, o->high, o->p.next);
    if (is_indexed(h)) note_holes(h, o, o->low, o->low, 0);
    return TSP_OK;
}

/* Every change is this one: the run of an object and the holes that it touches becomes the object of n granules at
 * `start`, or none, and what is left to its sides. `moved` of the object's bytes move to their new place.
 *      low [ before ] object [ after ] high  =>  low [ lead ] object [ tail ] high */
static HOT tsp_status refill(const heap *h, const extent *o, size_t start, size_t n, size_t moved) {
    const size_t stop = start + n;
    byte *at = o->p.at;
    size_t end = o->p.end;
    if (is_indexed(h) && !forget_holes(h, o, start, stop, moved)) return TSP_CORRUPT;
    if (moved) {
        debug_open(h, o->low, o->a);
        debug_open(h, o->b, o->high);
        memmove(h->base + start * GRANULE, h->base + o->a * GRANULE, moved);
        debug_shut(h, o->low, start);
        debug_shut(h, stop, o->high);
    }
    if (o->low < start) {
        join(at, end, start);
        at = node(h, end = start);
        set(SIZE(at), start - o->low);
    }
    if (stop < o->high) {
        join(at, end, o->high);
        at = node(h, end = o->high);
        set(SIZE(at), o->high - stop);
    }
    join(at, end, o->p.next);
    if (is_indexed(h)) note_holes(h, o, start, stop, moved);
    return TSP_OK;
}

/* The same for callers that can afford a call. */
static COLD tsp_status change(const heap *h, const extent *o, size_t start, size_t n, size_t moved) {
    return refill(h, o, start, n, moved);
}

/* -- src/placement.h ----------------------------------------------------------------------------------------------- */

/* Placement: which hole an object is cut from. Small objects gather at the heap's low end, large ones at its high end,
 * so that small ones that live long do not stand in the way of large ones. An object that is moved to grow counts as
 * small, since it may grow again.
 *
 *      without an index   the first hole that it fits exactly; else, if small, the first that it fits into, and if
 *                         large the last
 *      with an index      one of its own bin, of which a few are tried; else of the next bin that is not empty
 *
 * A small object is cut from the low end of its hole, a large one from the high end. */

#ifndef TSP_LARGE
#define TSP_LARGE 32 /* less makes some objects small in heaps as small as tests exhaust */
#endif

/* More than 1/32 of the heap is large. */
static ALWAYS_INLINE int is_large(const heap *h, size_t n) {
    return n > h->granules / TSP_LARGE;
}

/* Granules between the one at `at` and the next that is aligned; mask is the alignment less one. */
static inline size_t padding(const byte *at, size_t mask) {
    return ((0 - (size_t)(uintptr_t)at) & mask) / GRANULE;
}

/* Bytes of a hole before the first that is aligned; mask is the alignment less one. */
static ALWAYS_INLINE size_t lead_in(const byte *hole, size_t size, size_t mask) {
    return ((size - 1) * GRANULE - (size_t)(uintptr_t)hole) & mask;
}

/* The last of such places that leaves so many bytes behind it; `lead` is the first. */
static ALWAYS_INLINE size_t last_lead(size_t lead, size_t bytes, size_t mask) {
    return lead + ((bytes - lead) & ~mask);
}

/* Whether n granules fit into it. */
static ALWAYS_INLINE int fits_into(const byte *hole, size_t size, size_t n, size_t mask) {
    return size >= n && lead_in(hole, size, mask) <= (size - n) * GRANULE;
}

/* -- Along the list ------------------------------------------------------------------------------------------------ */

/* Where a walk is. */
typedef struct step {
    byte *hole;      /* its node */
    size_t distance; /* from the end of the hole before it to its own */
    size_t left;     /* granules behind it */
} step;

/* To the next hole; 0 if there is none. */
static ALWAYS_INLINE int advance(step *s) {
    const size_t distance = distance_of(s->hole);
    if (distance > s->left) return 0;
    s->distance = distance;
    s->left -= distance;
    s->hole += distance * GRANULE;
    return 1;
}

/* Cuts n granules from a hole that they fit into, from this one on: for a small object the first, for a large one the
 * last, but for either the first that it fits exactly. */
static COLD tsp_status claim_from(const heap *h, step s, size_t n, size_t mask, int large, byte **object) {
    step best = {NULL, 0, 0};
    size_t size, lead, before;
    extent o;
    do {
        size = get(SIZE(s.hole));
        if (size < n || (size > n && best.hole && !large) || !fits_into(s.hole, size, n, mask)) continue;
        best = s;
        if (size == n) break;
    } while (advance(&s));
    if (!best.hole) return TSP_NO_MEMORY;
    size = get(SIZE(best.hole));
    if (TSP_CHECK && size > best.distance) return TSP_CORRUPT;
    lead = lead_in(best.hole, size, mask);
    if (large) lead = last_lead(lead, (size - n) * GRANULE, mask);
    *object = best.hole + GRANULE - size * GRANULE + lead;
    o.high = h->granules - best.left;
    o.p.next = after(best.hole, o.high);
    o.p.end = before = o.high - best.distance;
    o.p.at = before ? node(h, before) : head(h);
    o.a = o.b = o.low = o.high - size;
    return change(h, &o, o.a + lead / GRANULE, n, 0);
}

/* The same for a small object, sooner: most change one link. */
static HOT tsp_status claim_small(const heap *h, step s, size_t n, size_t mask, byte **object) {
    step fit_at;
    byte *before;
    size_t size;
    for (;;) {
        size = get(SIZE(s.hole));
        if (size >= n) {
            const size_t lead = lead_in(s.hole, size, mask);
            if (lead == 0) break;
            if (lead <= (size - n) * GRANULE) return claim_from(h, s, n, mask, 0, object);
        }
        if (!advance(&s)) return TSP_NO_MEMORY;
    }
    fit_at = s;
    while (size != n) {
        if (!advance(&s)) {
            if (TSP_CHECK && size > fit_at.distance) return TSP_CORRUPT;
            set(SIZE(fit_at.hole), size - n);
            *object = fit_at.hole + GRANULE - size * GRANULE;
            return TSP_OK;
        }
        if (get(SIZE(s.hole)) == n && lead_in(s.hole, n, mask) == 0) break;
    }
    if (TSP_CHECK && n > s.distance) return TSP_CORRUPT;
    before = s.distance == h->granules - s.left ? head(h) : s.hole - s.distance * GRANULE;
    set(GAP(before), s.distance + get(GAP(s.hole)));
    *object = s.hole + GRANULE - n * GRANULE;
    return TSP_OK;
}

/* -- By the index -------------------------------------------------------------------------------------------------- */

#if TSP_INDEX

enum {
    FEW = 4,   /* holes of an object's own bin that are tried before it gets one that fits for sure */
    MANY = 8,  /* that are tried where there is none like that: then the request fails */
    ROVES = 8, /* holes in which one of one granule is looked for */
    NONE = 0   /* instead of a hole's end */
};

/* Among the first holes of the bins [*c, sure), FEW or, if no bin from there on has any, MANY: one that n granules fit
 * into, its end, with *c its bin. NONE, with *c the bin from `sure` on that is not empty; or DAMAGED. */
static COLD size_t try_bins(const heap *h, size_t n, size_t mask, unsigned *c, unsigned sure) {
    const unsigned above = next_bin(h, sure);
    unsigned tries = above < CLASSES ? FEW : MANY;
    for (; *c < sure; *c = next_bin(h, *c + 1)) {
        size_t end = get(bin(h, *c));
        do {
            const size_t size = binned(h, end);
            if (size == 0) return DAMAGED;
            if (fits_into(node(h, end), size, n, mask)) return end;
            if (--tries == 0) {
                *c = above;
                return NONE;
            }
            end = get(NEXT(first(h, end, size)));
        } while (end);
    }
    *c = above;
    return NONE;
}

/* A hole for n granules: its end, with *c its bin. NONE, or DAMAGED. */
static HOT size_t fit(const heap *h, size_t n, size_t mask, unsigned *c) {
    const size_t room = n + (mask >= GRANULE ? mask / GRANULE : 0);
    const unsigned sure = room <= h->granules ? class_above(room) : (unsigned)CLASSES;
    size_t end;
    *c = next_bin(h, class_of(n));
    if (*c < sure) {
        if (FAST) { /* mostly the first does */
            const size_t size = binned(h, end = get(bin(h, *c)));
            if (size && fits_into(node(h, end), size, n, mask)) return end;
        }
        if ((end = try_bins(h, n, mask, c, sure)) != NONE) return end;
    }
    if (*c == CLASSES) return NONE;
    end = get(bin(h, *c));
    return binned(h, end) >= room ? end : DAMAGED;
}

/* A hole of one granule: its end, with the position before it. The search goes on where it ended last, or where such a
 * hole came last. NONE: there is none among the next ROVES, or no hole at all. */
static COLD size_t rove(const heap *h, place *p) {
    byte *rover = h->index + ROVER;
    const word from = get_word(rover);
    size_t end = NONE;
    if (after(head(h), 0) > h->granules) return NONE;
    if (!find(h, from <= h->granules ? from + 1 : 0, p)) return DAMAGED;
    for (unsigned i = 0; i < ROVES; i++) {
        const size_t size = size_of(h, p->next, p->end);
        if (size == DAMAGED) return DAMAGED;
        if (size == 1) {
            end = p->next;
            break;
        }
        p->end = size ? p->next : 0; /* behind the last hole begins the first */
        p->at = size ? node(h, p->end) : head(h);
        p->next = after(p->at, p->end);
    }
    set_word(rover, (word)p->end);
    return end;
}

/* Takes the hole that ends at `end`, the one behind p, out of the list and the chunks. */
static ALWAYS_INLINE void unlink_from(const heap *h, const place *p, size_t end) {
    forget_hole(h, end, p->end);
    join(p->at, p->end, after(node(h, end), end));
}

static HOT tsp_status claim_by_index(const heap *h, size_t n, size_t mask, int large, byte **object) {
    size_t end = NONE, size, over, lead;
    unsigned c = 0;
    extent o;
    if (n == 1 && mask < GRANULE) {
        end = rove(h, &o.p);
        if (end - 1 < h->granules) {
            *object = node(h, end);
            unlink_from(h, &o.p, end);
            return TSP_OK;
        }
    }
    if (end == NONE) end = fit(h, n, mask, &c);
    if (end == NONE) return TSP_NO_MEMORY;
    if (end == DAMAGED) return TSP_CORRUPT;
    size = get(SIZE(node(h, end)));
    over = size - n;
    lead = lead_in(node(h, end), size, mask);
    if (large) lead = last_lead(lead, over * GRANULE, mask);
    *object = first(h, end, size) + lead;
    if (lead == 0 && over) {
        if (!bin_move(h, end, size, c, over)) return TSP_CORRUPT;
        set(SIZE(node(h, end)), over);
        return TSP_OK;
    }
    if (!find(h, end, &o.p) || o.p.next != end || size > end - o.p.end) return TSP_CORRUPT;
    if (!over) {
        if (!bin_out(h, end, size, c)) return TSP_CORRUPT;
        unlink_from(h, &o.p, end);
        return TSP_OK;
    }
    o.p.next = after(node(h, end), end);
    o.a = o.b = o.low = end - size;
    o.high = end;
    return change(h, &o, o.a + lead / GRANULE, n, 0);
}

#endif

/* Takes n granules from the low end of a hole or, for a large object, from its high end. */
static HOT tsp_status claim(const heap *h, size_t n, size_t mask, int large, byte **object) {
    const size_t gap = get(GAP(head(h)));
    step s;
#if TSP_INDEX
    if (is_indexed(h)) return claim_by_index(h, n, mask, large, object);
#endif
    if (gap >= h->granules) return TSP_NO_MEMORY;
    s.distance = gap + 1;
    s.left = h->granules - s.distance;
    s.hole = node(h, s.distance);
    if (FAST && !large) return claim_small(h, s, n, mask, object);
    return claim_from(h, s, n, mask, large, object);
}

/* -- src/objects.h ------------------------------------------------------------------------------------------------- */

/* What is done to one object, with the lock held: allocate, locate, deallocate. Bytes and pointers become
 * granules here, and what cannot be an object is refused. */

/* -- Bytes and granules ------------------------------------------------------------------------------------------- */

/* What an object of this many bytes takes (see TSP_ROUND). Wraps to 0 for sizes that are refused for being 0 too. */
static HOT size_t to_granules(size_t bytes) {
#if TSP_DEBUG & TSP_GUARDS_
    if (bytes && (bytes += TSP_GUARD_) < TSP_GUARD_) return 0;
#endif
    if (TSP_ROUND > GRANULE && bytes >= TSP_ROUND) return (bytes + TSP_ROUND - 1) / TSP_ROUND * (TSP_ROUND / GRANULE);
    return (bytes + GRANULE - 1) / GRANULE;
}

/* The largest object that n granules can be, in bytes. */
static size_t to_bytes(size_t n) {
    n *= GRANULE;
    if (TSP_ROUND > GRANULE && n >= TSP_ROUND) n = n / TSP_ROUND * TSP_ROUND;
    return n > TSP_GUARD_ ? n - TSP_GUARD_ : 0;
}

static ALWAYS_INLINE int is_power_of_two(size_t x) {
    return (x ^ (x - 1)) > x - 1; /* 0 borrows, and of others all but the last bit would stay */
}

static ALWAYS_INLINE size_t capacity(const heap *h) {
    return (size_t)h->granules * GRANULE;
}

static ALWAYS_INLINE byte *address(const heap *h, size_t granule) {
    return h->base + granule * GRANULE;
}

/* Where `pointer` is in the heap, in bytes; at least capacity() if it is not. Integers, since comparing pointers into
 * different objects is undefined. */
static ALWAYS_INLINE size_t offset(const heap *h, const void *pointer) {
    return (size_t)((uintptr_t)pointer - (uintptr_t)h->base);
}

/* -- Objects, with the lock held ----------------------------------------------------------------------------------- */

static inline void count_used(heap *h, size_t more, size_t less) {
    h->used = (link)(h->used + more - less);
    if (h->used > h->peak) h->peak = h->used;
}

static HOT tsp_status allocate(heap *h, size_t bytes, size_t align, int grown, void **result) {
    size_t n = to_granules(bytes);
    byte *object;
    tsp_status status;
    if (n - 1 >= h->granules) return TSP_NO_MEMORY;
    status = claim(h, n, align - 1, !grown && is_large(h, n), &object);
    if (status != TSP_OK) return status;
    if (remembers(h)) {
        const size_t a = offset(h, object) / GRANULE;
        flip_mark(h, a + n);
        note_span(h, a, a + n);
    }
    count_used(h, n, 0);
    h->objects++;
    *result = object;
    debug_new(h, offset(h, object) / GRANULE, n, bytes);
    return TSP_OK;
}

/* The same for callers that can afford a call, as two of those below are. */
static COLD tsp_status allocate_called(heap *h, size_t bytes, size_t align, int grown, void **result) {
    return allocate(h, bytes, align, grown, result);
}

/* The object at `pointer`, of which the caller says that it has so many bytes (any: does not say). */
static HOT tsp_status locate(const heap *h, const void *pointer, size_t bytes, int any, extent *o) {
    size_t n = to_granules(bytes), at = offset(h, pointer);
    tsp_status status;
#if !TSP_CHECK
    o->a = at / GRANULE;
    o->b = any ? find_mark(h, o->a) : o->a + n;
    return examine(h, o);
#endif
    o->a = at / GRANULE | at * ((size_t)-1 / GRANULE + 1); /* rotated: what is between granules is large too */
    if (o->a >= h->granules) return offset(h, pointer) < capacity(h) ? TSP_MISALIGNED : TSP_FOREIGN;
    o->b = o->a + n;
    if (!remembers(h)) {
        if (n == 0) return TSP_WRONG_SIZE;
        status = examine(h, o);
    } else {
        const size_t end = find_mark(h, o->a);
        const tsp_status wrong = end > h->granules ? TSP_CORRUPT : any || o->b == end ? TSP_OK : TSP_WRONG_SIZE;
        o->b = wrong == TSP_CORRUPT ? o->a + 1 : end;
        status = examine(h, o);
        if (status == TSP_OK && o->low == o->a && o->a && !is_mark(h, o->a - 1)) status = TSP_INTERIOR;
        if (status == TSP_OK) status = wrong;
    }
#if TSP_DEBUG
    if (TSP_GUARD_ && status == TSP_OK) {
        size_t room = (o->b - o->a) * GRANULE, size = guarded_size(address(h, o->a), room);
        if (size > room) return TSP_OVERRUN;
        if (!any && size != bytes) return TSP_WRONG_SIZE;
    }
#endif
    return status;
}

static COLD tsp_status locate_called(const heap *h, const void *pointer, size_t bytes, int any, extent *o) {
    return locate(h, pointer, bytes, any, o);
}

static HOT tsp_status deallocate(heap *h, const void *pointer, size_t bytes, int any) {
    extent o;
    tsp_status status = locate(h, pointer, bytes, any, &o);
    if (CAN_FAIL && status != TSP_OK) return status;
    debug_freed(h, o.a, o.b);
    status = FAST ? release(h, &o) : refill(h, &o, o.low, 0, 0);
    if (TSP_CHECK && status != TSP_OK) return status;
    flip_mark(h, o.b);
    h->used = (link)(h->used - (o.b - o.a));
    h->objects--;
    return TSP_OK;
}

/* -- src/calls.h --------------------------------------------------------------------------------------------------- */

/* The calls on objects, over objects.h: the lock is held where it must be, failures are counted, misuse is reported.
 * Contracts are in teaspoon.h, and only there. */

/* -- Objects of size 0, and what malloc promises -------------------------------------------------------------------- */

/* The address of an object of size 0, aligned and outside the heap: that of the handle, which nothing else of this heap
 * can have, so that V_free knows it. Where the handle is less aligned it is the alignment, which V_dealloc needs not
 * know, since it is told the size. */
static COLD void *nowhere(const heap *h, size_t align) {
    uintptr_t at = (uintptr_t)h;
    if (at & (align - 1)) {
        at = align;
        if (offset(h, (void *)at) < capacity(h))
            at = ((uintptr_t)h->base + capacity(h) + align - 1) & ~(uintptr_t)(align - 1);
    }
    return (void *)at;
}

/* The alignment of malloc(size): no object of that size wants more than the largest power of two that is at most it. */
static size_t malloc_alignment(size_t size) {
    size_t align = TSP_MALLOC_ALIGN;
    while (align > 1 && align > size) align /= 2;
    return align;
}

/* Whether what is for heaps that remember sizes has to be refused. */
static ALWAYS_INLINE int is_sized(const heap *h) {
    return TSP_CHECK && h->state == SIZED;
}

/* -- Calls, which take the lock ------------------------------------------------------------------------------------ */

static COLD void *refuse(const heap *h, const void *pointer, tsp_status status) {
    if (TSP_CHECK && status > TSP_NO_MEMORY) tsp_misuse(h, pointer, status);
    (void)h, (void)pointer, (void)status;
    return NULL;
}

/* A new object, or why there is none. impatient: it does not wait. */
static COLD tsp_status obtain(heap *h, size_t bytes, size_t align, int impatient, void **result) {
    tsp_status status;
    lock_state state;
    *result = NULL;
    if (TSP_CHECK && !is_power_of_two(align)) return TSP_BAD_ALIGNMENT;
    if (!impatient) state = LOCK(h);
    else if (!TRY_LOCK(h, &state)) return TSP_BUSY;
    status = allocate_called(h, bytes, align, 0, result);
    if (status == TSP_NO_MEMORY && bytes) tsp_count_failure(&FAILED(h, state));
    UNLOCK(h, state);
    if (bytes == 0 && (*result = nowhere(h, align)) != NULL) status = TSP_OK;
    return status;
}

/* For callers that wait and do not want to know; a body of its own for the calls that programs make most. */
static HOT void *new_object(heap *h, size_t bytes, size_t align) {
    void *result = NULL;
    tsp_status status;
    lock_state state;
    if (TSP_CHECK && !is_power_of_two(align)) return NULL;
    state = LOCK(h);
    status = allocate(h, bytes, align, 0, &result);
    if (status == TSP_NO_MEMORY && bytes) tsp_count_failure(&FAILED(h, state));
    UNLOCK(h, state);
    if (status == TSP_OK) return result;
    return bytes ? refuse(h, NULL, status) : nowhere(h, align);
}

/* The same for those that can afford a call. */
static COLD void *obtained(heap *h, size_t bytes, size_t align) {
    void *result;
    tsp_status status;
    if (!FAST) return new_object(h, bytes, align);
    status = obtain(h, bytes, align, 0, &result);
    return status == TSP_CORRUPT ? refuse(h, NULL, status) : result;
}

/* Whether a pointer that is not into the heap stands for no bytes: NULL, or an object of size 0. any: the caller did
 * not say of what size. */
static int is_nothing(const heap *h, const void *pointer, size_t bytes, int any) {
    return pointer == NULL || (any ? pointer == h : bytes == 0);
}

static HOT tsp_status old_object(heap *h, void *pointer, size_t bytes, int any, size_t align, int impatient) {
    tsp_status status;
    lock_state state;
    if (!TSP_CHECK && is_nothing(h, pointer, bytes, any)) return TSP_OK;
    if (TSP_CHECK && ((uintptr_t)pointer | align) & (align - 1)) /* also for 0, but for a NULL pointer, which is foreign */
        return is_power_of_two(align) ? TSP_MISALIGNED : TSP_BAD_ALIGNMENT;
    if (!impatient) state = LOCK(h);
    else if (!TRY_LOCK(h, &state)) return TSP_BUSY;
    status = deallocate(h, pointer, bytes, any);
    UNLOCK(h, state);
    if (!TSP_CHECK || status != TSP_FOREIGN) return status;
    if (align == 0) return TSP_BAD_ALIGNMENT;
    return is_nothing(h, pointer, bytes, any) ? TSP_OK : TSP_FOREIGN;
}

/* The same for callers that can afford a call, so that the hot paths are not compiled into each of them. */
static COLD tsp_status give_back(heap *h, void *pointer, size_t bytes, int any, size_t align, int impatient) {
    return old_object(h, pointer, bytes, any, align, impatient);
}

enum { MAY_MOVE, STAYS, TRIES /* and: does not wait either */ };

static tsp_status resize(heap *h, void *pointer, size_t old_bytes, int any, size_t bytes, size_t align, int way,
                         void **result) {
    size_t n = to_granules(bytes), start, moved = 0;
    extent o;
    legacy old;
    lock_state state;
    tsp_status status;
    if (way != TRIES) state = LOCK(h);
    else if (!TRY_LOCK(h, &state)) return TSP_BUSY;
    status = locate_called(h, pointer, old_bytes, any, &o);
    if (CAN_FAIL && status != TSP_OK) goto done;
    status = TSP_NO_MEMORY;
    if (n - 1 >= h->granules) goto done;
    old = leave(h, o.a, o.b, bytes);
    start = o.a;
    if (any && n <= o.b - o.a) align = 1; /* realloc: malloc gave what it promises, and V_alloc what was asked for */
    if (((uintptr_t)pointer & (align - 1)) || n > o.high - o.a) {
        if (way != MAY_MOVE) goto done;
        status = allocate_called(h, bytes, align, 1, result);
        if (status == TSP_OK) { /* both objects are live now, so the copy needs no lock */
            debug_moved((byte *)*result, n, old);
            UNLOCK(h, state);
            memmove(*result, pointer, old.bytes); /* they only overlap in a damaged heap */
            status = give_back(h, pointer, old_bytes, any, 1, 0);
            if (TSP_CHECK && status != TSP_OK) give_back(h, *result, bytes, 0, 1, 0); /* it was given back meanwhile: misuse */
            return status;
        }
        if (TSP_CHECK && status != TSP_NO_MEMORY) goto done;
        /* It slides within its own granules and those of the holes around it. */
        start = o.low + padding(address(h, o.low), align - 1);
        if (start > o.high || n > o.high - start) goto done;
        moved = old.bytes;
    } else if (n < o.b - o.a) {
        debug_cut_off(h, o.a + n, o.b);
    }
    status = start != o.a || n != o.b - o.a ? change(h, &o, start, n, moved) : TSP_OK;
    if (TSP_CHECK && status != TSP_OK) goto done;
    *result = address(h, start);
    flip_mark(h, o.b);
    flip_mark(h, start + n);
    note_span(h, start, start + n);
    count_used(h, n, o.b - o.a);
    debug_resized(h, o.a, old, start, n);
done:
    if (status == TSP_NO_MEMORY && way == MAY_MOVE) tsp_count_failure(&FAILED(h, state));
    UNLOCK(h, state);
    return status;
}

/* Resize as the calls that return a pointer have it: from and to nothing too. */
static void *resized_object(heap *h, void *pointer, size_t old_bytes, int any, size_t bytes, size_t align) {
    void *result = NULL;
    tsp_status status;
    if ((!TSP_CHECK || offset(h, pointer) >= capacity(h)) && is_nothing(h, pointer, old_bytes, any))
        return obtained(h, bytes, align);
    if (TSP_CHECK && !is_power_of_two(align)) return refuse(h, pointer, TSP_BAD_ALIGNMENT);
    if (bytes) {
        status = resize(h, pointer, old_bytes, any, bytes, align, MAY_MOVE, &result);
    } else {
        status = give_back(h, pointer, old_bytes, any, 1, 0);
        result = nowhere(h, align);
    }
    return status == TSP_OK ? result : refuse(h, pointer, status);
}

static tsp_status resized_in_place(heap *h, void *pointer, size_t old_bytes, int any, size_t bytes, size_t align,
                                   int way) {
    void *result;
    if (offset(h, pointer) >= capacity(h)) { /* an object of size 0, or none */
        if (!is_nothing(h, pointer, old_bytes, any)) return TSP_FOREIGN;
        return bytes ? TSP_NO_MEMORY : TSP_OK;
    }
    return resize(h, pointer, old_bytes, any, bytes, align, way, &result);
}

static void *zeroed(void *object, size_t from, size_t bytes) {
    if (object && bytes > from) memset((byte *)object + from, 0, bytes - from);
    return object;
}

/* Count times size, or more than any heap holds. */
static size_t product(size_t count, size_t size) {
    return size && count > (size_t)-1 / size ? (size_t)-1 : count * size;
}

/* -- The public functions ------------------------------------------------------------------------------------------ */

void *V_(alloc)(heap *h, size_t size, size_t align) {
    return new_object(h, size, align);
}

void *V_(alloc_zeroed)(heap *h, size_t size, size_t align) {
    return zeroed(obtained(h, size, align), 0, size);
}

tsp_status V_(dealloc)(heap *h, void *pointer, size_t size, size_t align) {
    return old_object(h, pointer, size, 0, align, 0);
}

void *V_(resize)(heap *h, void *pointer, size_t old_size, size_t new_size, size_t align) {
    return resized_object(h, pointer, old_size, 0, new_size, align);
}

void *V_(resize_zeroed)(heap *h, void *pointer, size_t old_size, size_t new_size, size_t align) {
    return zeroed(V_(resize)(h, pointer, old_size, new_size, align), pointer ? old_size : 0, new_size);
}

tsp_status V_(resize_in_place)(heap *h, void *pointer, size_t old_size, size_t new_size, size_t align) {
    if (TSP_CHECK && !is_power_of_two(align)) return TSP_BAD_ALIGNMENT;
    return resized_in_place(h, pointer, old_size, 0, new_size, align, STAYS);
}

void *V_(try_alloc)(heap *h, size_t size, size_t align) {
    void *result;
    const tsp_status status = obtain(h, size, align, 1, &result);
    return status == TSP_CORRUPT ? refuse(h, NULL, status) : result;
}

tsp_status V_(try_alloc_to)(heap *h, size_t size, size_t align, void **result) {
    return obtain(h, size, align, 1, result);
}

tsp_status V_(try_dealloc)(heap *h, void *pointer, size_t size, size_t align) {
    return give_back(h, pointer, size, 0, align, 1);
}

tsp_status V_(try_malloc)(heap *h, size_t size, void **result) {
    *result = NULL;
    return is_sized(h) ? TSP_SIZED_HEAP : obtain(h, size, malloc_alignment(size), 1, result);
}

tsp_status V_(try_realloc)(heap *h, void *pointer, size_t size) {
    if (is_sized(h)) return TSP_SIZED_HEAP;
    return resized_in_place(h, pointer, 0, 1, size, malloc_alignment(size), TRIES);
}

tsp_status V_(try_free)(heap *h, void *pointer) {
    return is_sized(h) && pointer ? TSP_SIZED_HEAP : give_back(h, pointer, 0, 1, 1, 1);
}

void *V_(malloc)(heap *h, size_t size) {
    return is_sized(h) ? refuse(h, NULL, TSP_SIZED_HEAP) : new_object(h, size, malloc_alignment(size));
}

void *V_(calloc)(heap *h, size_t count, size_t size) {
    size_t bytes = product(count, size);
    return zeroed(V_(malloc)(h, bytes), 0, bytes);
}

void *V_(realloc)(heap *h, void *pointer, size_t size) {
    if (is_sized(h)) return refuse(h, pointer, TSP_SIZED_HEAP);
    return resized_object(h, pointer, 0, 1, size, malloc_alignment(size));
}

void *V_(reallocarray)(heap *h, void *pointer, size_t count, size_t size) {
    return V_(realloc)(h, pointer, product(count, size));
}

void *V_(aligned_alloc)(heap *h, size_t align, size_t size) {
    if (is_sized(h)) return refuse(h, NULL, TSP_SIZED_HEAP);
    if (size == 0 && (uintptr_t)h & (align - 1)) return NULL; /* there is no address that V_free would know */
    return obtained(h, size, align);
}

void V_(free)(heap *h, void *pointer) {
    const tsp_status status = is_sized(h) && pointer ? TSP_SIZED_HEAP : old_object(h, pointer, 0, 1, 1, 0);
    if (status != TSP_OK) refuse(h, pointer, status);
}

void V_(free_sized)(heap *h, void *pointer, size_t size) {
    V_(free_aligned_sized)(h, pointer, 1, size);
}

void V_(free_aligned_sized)(heap *h, void *pointer, size_t align, size_t size) {
    refuse(h, pointer, pointer && is_sized(h) ? TSP_SIZED_HEAP : V_(dealloc)(h, pointer, size, align));
}

size_t V_(usable_size)(heap *h, const void *pointer) {
    extent o;
    tsp_status status = TSP_SIZED_HEAP;
    if (is_nothing(h, pointer, 0, 1)) return 0;
    if (!is_sized(h)) {
        lock_state state = LOCK(h);
        status = locate_called(h, pointer, 0, 1, &o);
        UNLOCK(h, state);
    }
    if (status == TSP_OK) return leave(h, o.a, o.b, (size_t)-1).bytes;
    refuse(h, pointer, status);
    return 0;
}

/* -- src/look.h ---------------------------------------------------------------------------------------------------- */

/* Looking at a heap, hole by hole: statistics, walks, and where objects came from. Contracts are in teaspoon.h. */

/* From the hole [*start, *end), or from [0, 0), to the next. 0 when there is none. */
static int next_hole(const heap *h, size_t *start, size_t *end) {
    const size_t next = after(*end ? node(h, *end) : head(h), *end), size = size_of(h, next, *end);
    if (next > h->granules) return 0;
    *start = size == DAMAGED ? *end : next - size;
    *end = next;
    return 1;
}

/* The most granules that an object of this alignment can have now. */
static size_t widest(const heap *h, size_t align) {
    size_t start = 0, end = 0, best = 0;
    while (next_hole(h, &start, &end)) {
        size_t lead = padding(address(h, start), align - 1);
        if (lead < end - start && end - start - lead > best) best = end - start - lead;
    }
    return best;
}

tsp_usage V_(usage)(heap *h) {
    tsp_usage u;
    lock_state state = LOCK(h);
    u.total = capacity(h);
    u.used = (size_t)h->used * GRANULE;
    u.free = u.total - u.used;
    u.objects = h->objects;
    u.largest = to_bytes(widest(h, 1));
    u.low_free = u.total - (size_t)h->peak * GRANULE;
    u.failed = FAILED(h, state);
    UNLOCK(h, state);
    return u;
}

size_t V_(largest)(heap *h, size_t align) {
    size_t bytes;
    lock_state state = LOCK(h);
    bytes = is_power_of_two(align) ? to_bytes(widest(h, align)) : 0;
    UNLOCK(h, state);
    return bytes;
}

int V_(contains)(const heap *h, const void *pointer) {
    return offset(h, pointer) < capacity(h);
}

/* The live granules [a, b): all at once, or object by object where the map knows them. *mark is the end of the object
 * that was looked for last: in a damaged map it may be beyond the live granules, and is then not looked for again, so
 * that a walk reads the map once. */
static int visit_live(const heap *h, size_t a, size_t b, size_t *mark, tsp_visitor *visitor, void *context) {
    int stop = 0;
    while (a < b && !stop) {
        size_t end = b;
        if (remembers(h)) {
            if (*mark <= a) *mark = mark_from(h, a, h->granules) + 1;
            if (*mark < b) end = *mark;
        }
        stop = visitor(context, address(h, a), (end - a) * GRANULE, remembers(h) ? TSP_OBJECT : TSP_LIVE);
        a = end;
    }
    return stop;
}

static int walk(const heap *h, tsp_visitor *visitor, void *context) {
    size_t start = 0, end = 0, live = 0, mark = 0;
    int stop = 0;
    while (!stop && next_hole(h, &start, &end)) {
        stop = visit_live(h, live, start, &mark, visitor, context);
        if (!stop) stop = visitor(context, address(h, start), (end - start) * GRANULE, TSP_HOLE);
        live = end;
    }
    return stop ? stop : visit_live(h, live, h->granules, &mark, visitor, context);
}

int V_(walk)(heap *h, tsp_visitor *visitor, void *context) {
    int stop;
    lock_state state = LOCK(h);
    stop = walk(h, visitor, context);
    UNLOCK(h, state);
    return stop;
}

/* -- Sites ----------------------------------------------------------------------------------------------------- */

void *V_(set_site)(heap *h, void *object, const char *site) {
#if TSP_DEBUG & TSP_DEBUG_SITES
    extent o;
    lock_state state = LOCK(h);
    if (remembers(h) && locate_called(h, object, 0, 1, &o) == TSP_OK) set_site((byte *)object, (o.b - o.a) * GRANULE, site);
    UNLOCK(h, state);
#else
    (void)h, (void)site;
#endif
    return object;
}

const char *V_(site)(const void *start, size_t size) {
#if TSP_DEBUG & TSP_DEBUG_SITES
    return site_of((const byte *)start, size);
#else
    (void)start, (void)size;
    return NULL;
#endif
}

/* -- src/heaps.h --------------------------------------------------------------------------------------------------- */

/* Heaps as a whole: made, made anew, made larger, and locked around fork. Contracts are in teaspoon.h. */

/* -- Making a heap ------------------------------------------------------------------------------------------------ */

/* The bytes behind so many granules: map and index. */
static size_t behind(size_t granules, int sized) {
    size_t bytes = sized ? 0 : map_bytes(granules);
#if TSP_INDEX
    if (granules >= TSP_INDEX_FROM) bytes = (bytes + 3) / 4 * 4 + index_bytes(granules);
#endif
    return bytes;
}

/* The granules of a heap in so many bytes, with what is behind them. */
static size_t most_granules(size_t size, int sized) {
    size_t granules = 0, step;
    for (step = LINK_MAX / 2 + 1; step; step /= 2) { /* a division is more code on some machines */
        const size_t more = granules + step;
        if (more <= size / GRANULE && behind(more, sized) <= size - more * GRANULE) granules = more;
    }
    return to_granules(to_bytes(granules)); /* so that all of it can be one object */
}

/* One hole over everything, and statistics from the beginning. */
static void empty(heap *h) {
    const size_t bytes = behind(h->granules, !remembers(h));
    extent all = {0, h->granules, 0, h->granules, {head(h), 0, (size_t)h->granules + 1}};
    h->objects = h->used = h->peak = 0;
    set_index(h);
    if (bytes) {
        debug_map(map(h), bytes);
        memset(map(h), 0, bytes);
    }
    change(h, &all, 0, 0, 0);
    debug_heap(h);
}

static void set_state(heap *h, int state) {
#if TSP_LOCK == TSP_LOCK_SPIN
    __atomic_store_n(&h->state, (unsigned char)state, __ATOMIC_RELEASE);
#else
    h->state = (unsigned char)state;
#endif
}

/* Everything but the lock, which V_once holds meanwhile. The state is set last: it says that all is there. (And only
 * here: the C library calls read it without the lock.) */
static void make(heap *h, void *memory, size_t size, int sized) {
    const size_t lost = (size_t)(0 - (uintptr_t)memory) % GRANULE;
    const int kind = sized ? SIZED : REMEMBERS;
    const size_t granules = memory == NULL || size < lost ? 0 : most_granules(size - lost, sized);
    h->base = granules ? (byte *)memory + lost : NULL;
    h->granules = (link)granules;
    set_state(h, kind | MAKING);
    empty(h);
    set_state(h, kind);
}

static size_t init(heap *h, void *memory, size_t size, int sized) {
    h->failed = 0;
    make(h, memory, size, sized);
    return capacity(h);
}

static int is_made(const heap *h) {
#if TSP_LOCK == TSP_LOCK_SPIN
    const unsigned char state = __atomic_load_n(&h->state, __ATOMIC_ACQUIRE);
    return state != UNMADE && !(state & MAKING);
#elif TSP_LOCK == TSP_LOCK_HOOKS
    (void)h;
    return 0; /* ask again under the lock: the platform's is all we have to order memory with */
#else /* nobody interrupts who makes it */
    return h->state != UNMADE;
#endif
}

size_t V_(init)(heap *h, void *memory, size_t size) {
    return init(h, memory, size, 0);
}

size_t V_(init_sized)(heap *h, void *memory, size_t size) {
    return init(h, memory, size, 1);
}

void V_(reset)(heap *h) {
    lock_state state = LOCK(h);
    unsigned char *failed = &FAILED(h, state);
    empty(h);
    *failed = 0;
    UNLOCK(h, state);
}

void V_(reset_low)(heap *h) {
    lock_state state = LOCK(h);
    h->peak = h->used;
    UNLOCK(h, state);
}

/* -- Heaps that make themselves ------------------------------------------------------------------------------------ */

static heap *made_once(heap *h, tsp_supplier *supplier, void *memory, size_t size, int sized) {
    lock_state state;
    if (is_made(h)) return h;
    state = LOCK(h);
    if (h->state == UNMADE) {
        if (supplier) memory = supplier(&size);
        make(h, memory, size, sized);
    }
    UNLOCK(h, state);
    return h;
}

heap *V_(once)(heap *h, tsp_supplier *supplier, int sized) {
    return made_once(h, supplier, NULL, 0, sized);
}

heap *V_(once_over)(heap *h, void *memory, size_t size, int sized) {
    return made_once(h, NULL, memory, size, sized);
}

/* -- More bytes behind a heap -------------------------------------------------------------------------------------- */

#if TSP_INDEX
/* Those of the objects in the live granules [a, b). */
static void note_spans(const heap *h, size_t a, size_t b) {
    size_t end;
    for (; remembers(h) && a < b; a = end) {
        end = mark_from(h, a, b) + 1;
        if (end > b) return;
        note_span(h, a, end);
    }
}
#endif

/* The list stays, but for its last hole, which grows or comes; the map moves up; and the index, whose parts are all
 * elsewhere afterwards, is made anew from the list, as it is for a heap that had none. */
static tsp_status extend(heap *h, size_t bytes) {
    const int sized = !remembers(h);
    const size_t old = h->granules, kept = sized ? 0 : map_bytes(old), before = capacity(h) + behind(old, sized);
    const size_t n = most_granules(bytes > (size_t)-1 - before ? (size_t)-1 : before + bytes, sized);
    size_t last = 0, size, end;
    place p = {head(h), 0, after(head(h), 0)};
    while ((size = size_of(h, p.next, p.end)) != 0) {
        if (size == DAMAGED) return TSP_CORRUPT;
        if (p.next == old) {
            last = size;
            break;
        }
        p.at = node(h, end = p.next);
        p.next = after(p.at, p.end = end);
    }
    if (n <= old) return TSP_OK;
    debug_map(address(h, n), behind(n, sized));
    memmove(address(h, n), map(h), kept);
    memset(address(h, n) + kept, 0, behind(n, sized) - kept);
    h->granules = (link)n;
    set_index(h);
    set(SIZE(node(h, n)), last + n - old);
    join(p.at, p.end, n);
    join(node(h, n), n, n + 1);
    debug_shut(h, old, n);
#if TSP_INDEX
    if (is_indexed(h))
        for (size = end = last = 0; next_hole(h, &size, &end); last = end) {
            note_hole(h, end);
            bin_in(h, end, end - size);
            note_spans(h, last, size);
        }
#endif
    return TSP_OK;
}

size_t V_(extend)(heap *h, size_t size) {
    tsp_status status = TSP_OK;
    lock_state state = LOCK(h);
    if (h->granules) status = extend(h, size);
    UNLOCK(h, state);
    if (status == TSP_OK) return capacity(h);
    refuse(h, NULL, status);
    return 0;
}

/* -- Around fork --------------------------------------------------------------------------------------------------- */

unsigned long V_(lock)(heap *h) {
    return (unsigned long)LOCK(h);
}

void V_(unlock)(heap *h, unsigned long state) {
    UNLOCK(h, (lock_state)state);
}

/* -- Names --------------------------------------------------------------------------------------------------------- */

#ifdef TSP_BUILT_
/* The names that teaspoon.h has renamed for the linker, as they are: for debuggers, other languages, and who looks. */
#define PLAIN2(V, _name) PLAIN3(V##_name, V##_plain##_name)
#define PLAIN3(call, plain)                                                                                            \
    extern __typeof__(call) plain __asm__(TSP_TEXT_(__USER_LABEL_PREFIX__) #call)                                      \
        __attribute__((alias(TSP_TEXT_(__USER_LABEL_PREFIX__) TSP_BUILT_(call))))
#define PLAIN(V, _name) PLAIN2(V, _name)
PLAIN(TSP_V, _init);
PLAIN(TSP_V, _init_sized);
PLAIN(TSP_V, _once);
PLAIN(TSP_V, _once_over);
#endif

/* -- src/check.h --------------------------------------------------------------------------------------------------- */

/* The validator: every invariant of DESIGN.md, by number, for one family. It writes nothing, believes nothing it reads,
 * and ends on any contents. It reads the heap's fields through engine.h's accessors, but takes no list for granted. And
 * what rests on it: to attach a heap that is already there. */

static tsp_report found(size_t granule, const char *what) {
    tsp_report r;
    r.status = what ? TSP_CORRUPT : TSP_OK;
    r.at = granule * GRANULE;
    r.what = what;
    return r;
}

#if TSP_DEBUG & TSP_GUARDS_
static int is_overrun(void *context, void *start, size_t size, tsp_kind kind) {
    *(byte **)context = (byte *)start;
    return kind == TSP_OBJECT && guarded_size((const byte *)start, size) > size;
}

static tsp_report check_guards(const heap *h) {
    byte *object;
    tsp_report r = found(0, NULL);
    if (!walk(h, is_overrun, &object)) return r;
    r.status = TSP_OVERRUN;
    r.at = offset(h, object);
    r.what = "[8] something wrote beyond the end of the object here";
    return r;
}
#endif

#if TSP_INDEX

/* Whether last[] and the bits over it say what the list, which is known to be sound, says of each chunk; `spans` long
 * objects have their ends there too. */
static tsp_report check_chunks(const heap *h, size_t spans) {
    const size_t n = chunks(h->granules);
    const byte *level = has(h);
    size_t end = 0, next = after(head(h), 0), bits = n, more = words(n), ends = 0;
    for (size_t c = 0; c < n; c++) {
        size_t last = 0;
        for (; next <= h->granules && next <= (c + 1) * TSP_CHUNK; next = after(node(h, end), end)) last = end = next;
        if (last == 0 && lasts(h)[c] >= LONG) ends++;
        else if (lasts(h)[c] != (last ? last - c * TSP_CHUNK : 0))
            return found(c * TSP_CHUNK, "[4] a chunk's last hole is not what the index has");
        if ((get_word(level + 4 * (c / TSP_FAN)) >> c % TSP_FAN & 1) != (last != 0))
            return found(c * TSP_CHUNK, "[4] a chunk's bit is not what the index has");
    }
    if (ends != spans * SPAN) return found(0, "[4] the index has a long object's end where there is none");
    for (; more > 1; bits = more, more = words(more)) { /* each level by the one below */
        const byte *above = level + 4 * more;
        for (size_t i = 0; i < more; i++)
            if ((get_word(above + 4 * (i / TSP_FAN)) >> i % TSP_FAN & 1) != (get_word(level + 4 * i) != 0))
                return found(0, "[4] a bit over bits is not what the index has");
        if (bits % TSP_FAN && get_word(level + 4 * (more - 1)) >> bits % TSP_FAN)
            return found(0, "[4] the index has bits for chunks that are not there");
        level = above;
    }
    if ((bits < 32 ? get_word(level) >> bits : 0) != 0)
        return found(0, "[4] the index has bits for chunks that are not there");
    return found(0, NULL);
}

/* Whether each bin is a list of holes of its sizes, `holes` in all: as many as there are of two granules or more. */
static tsp_report check_bins(const heap *h, size_t holes) {
    for (unsigned c = 0; c < 32 * BIN_WORDS; c++) {
        size_t before = 0, end = c < CLASSES ? get(bin(h, c)) : 0, size;
        if ((get_word(h->index + c / 32 * 4) >> c % 32 & 1) != (end != 0))
            return found(0, "[5] a bin's bit does not say whether it is empty");
        for (; end; end = get(NEXT(first(h, end, size)))) {
            place p;
            size = binned(h, end);
            if (size == 0 || holes-- == 0 || !find(h, end, &p) || p.next != end)
                return found(0, "[5] a bin leads to what is no hole");
            if (class_of(size) != c || get(PREV(first(h, end, size))) != before)
                return found(end - size, "[5] a hole is not where its bin has it");
            before = end;
        }
    }
    return found(0, holes ? "[5] a hole is in no bin" : NULL);
}

#endif

/* The live granules [a, b): objects, the last of which ends with them, each of a size that objects have. */
static const char *check_objects(const heap *h, size_t a, size_t b, size_t *objects, size_t *spans) {
    while (a < b) {
        const size_t end = mark_from(h, a, h->granules) + 1;
        if (end > b) return "[6] no mark where the last object before a hole or the heap's end ends";
        if (to_granules(to_bytes(end - a)) != end - a) return "[6] an object has a size that is not rounded";
#if TSP_INDEX
        if (is_long(h, a, end)) {
            if (noted_end(h, a) != end) return "[4] the index does not have where a long object ends";
            ++*spans;
        }
#endif
        ++*objects;
        a = end;
    }
    (void)spans;
    return NULL;
}

static tsp_report check(const heap *h) {
    const char *what;
    const size_t granules = h->granules;
    size_t end = 0, free = 0, holes = 0, objects = 0, spans = 0, gap;
    const byte *n = head(h);
    if (granules == 0) return found(0, h->used || h->objects ? "[7] objects in a heap without granules" : NULL);
    while ((gap = get(GAP(n))) < granules - end) {
        size_t size, before = end;
        end += gap + 1;
        n = node(h, end);
        size = get(SIZE(n));
        if (size == 0 || size > gap + 1)
            return found(end, "[2] a hole's size is zero, or reaches into the hole before it");
        if (size == gap + 1 && before) return found(end, "[3] two holes touch");
        free += size;
        holes += size > 1;
        if (remembers(h)) {
            what = check_objects(h, before, end - size, &objects, &spans);
            if (what) return found(end - size, what);
            if (mark_from(h, end - size, granules) < end) return found(end - size, "[6] a mark inside a hole");
        }
    }
    if (gap != granules - end) return found(end, "[1] a gap link leads out of the heap");
    if (remembers(h)) {
        what = check_objects(h, end, h->granules, &objects, &spans);
        if (what) return found(h->granules, what);
        if (h->granules % 8 && map(h)[h->granules / 8] >> h->granules % 8)
            return found(h->granules, "[6] marks beyond the last granule");
    }
#if TSP_INDEX
    if (is_indexed(h)) {
        tsp_report r = check_chunks(h, spans);
        if (r.what == NULL) r = check_bins(h, holes);
        if (r.what) return r;
    }
#endif
    (void)holes, (void)spans;
    if (remembers(h) && objects != h->objects) return found(0, "[7] the number of objects is wrong");
    if (free + h->used != h->granules) return found(0, "[7] used and free do not add up");
    if (h->peak < h->used || h->peak > h->granules) return found(0, "[7] the peak is wrong");
#if TSP_DEBUG & TSP_GUARDS_
    return check_guards(h);
#else
    return found(0, NULL);
#endif
}

tsp_report V_(check)(heap *h) {
    tsp_report r;
    lock_state state = LOCK(h);
    r = check(h);
    UNLOCK(h, state);
    return r;
}

/* -- Heaps that are already there ---------------------------------------------------------------------------------- */

/* Whether h, whose base may be elsewhere, is the handle of a heap at base in the memory up to `size` bytes behind it.
 */
static tsp_report fits(const heap *h, byte *base, size_t size) {
    heap there = *h;
    there.base = base;
    set_index(&there);
    if (h->granules == 0) return check(h);
    if (h->granules > size / GRANULE) return found(0, "the heap is larger than its memory");
    if (behind(h->granules, !remembers(h)) > size - capacity(h)) return found(0, "the heap is larger than its memory");
    if (offset(h, base) & (malloc_alignment((size_t)-1) - 1)) return found(0, "the memory is not aligned as it was");
    return check(&there);
}

tsp_report V_(attach)(heap *h, void *memory, size_t size, int alone) {
    size_t lost = (size_t)(0 - (uintptr_t)memory) % GRANULE;
    byte *base;
    lock_state state;
    tsp_report r;
    if (memory == NULL || size < lost) return found(0, "there is no memory");
    if (h->state != SIZED && h->state != REMEMBERS) return found(0, "the handle is not of a heap of this kind");
    base = (byte *)memory + lost;
    if (alone) {
        r = fits(h, base, size - lost);
        if (r.status == TSP_OK && h->granules) {
            h->base = base;
            set_index(h);
        }
        if (r.status == TSP_OK && h->failed == TSP_HELD) h->failed = 0; /* whoever had the count is no more */
        return r;
    }
    state = LOCK(h);
    if (h->base != base && h->granules) r = found(0, "the heap's users have it at another address");
    else r = fits(h, base, size - lost);
    if (r.status == TSP_OK) set_index(h); /* to what it is, if nobody scribbled on the handle */
    UNLOCK(h, state);
    return r;
}

#ifdef TSP_BUILT_
PLAIN(TSP_V, _attach);
#endif

#undef ACCESS
#undef ALL_BITS
#undef ALWAYS_INLINE
#undef ANEW
#undef ASAN_OPEN
#undef ASAN_SHUT
#undef ASIDE
#undef BY_WORDS
#undef CAN_FAIL
#undef COLD
#undef DAMAGED
#undef FAST
#undef GAP
#undef GRIND
#undef HOT
#undef LINK_MAX
#undef NEXT
#undef NO_CHUNK
#undef PLAIN
#undef PLAIN2
#undef PLAIN3
#undef PREV
#undef SIZE
#undef TRACK
#undef TSP_CHECK
#undef TSP_CHUNK
#undef TSP_FAN
#undef TSP_INDEX_FROM
#undef TSP_LARGE
#undef TSP_PASTE
#undef TSP_PASTE2
#undef TSP_STEP
#undef debug_cut_off
#undef debug_freed
#undef debug_heap
#undef debug_map
#undef debug_moved
#undef debug_new
#undef debug_open
#undef debug_resized
#undef debug_shut

#endif
