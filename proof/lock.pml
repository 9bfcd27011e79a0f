/* The lock of src/lock.h and all that relies on it, in Promela: Spin tries every schedule. proof/spin.sh compiles this
 * once for each model (-DEXCLUSION, YIELD, ONCE, HANDLER, HOOKS, RESIZE or FORK: see below) and for each way of breaking it
 * (-DNO_...), and expects the former to hold and the latter to be caught. Names are those of the C.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Memory is C11's, not this language's (which knows no weak memory): a plain access that does not happen after the
 * latest write of another thread is an error, whatever value it would have got. Of each variable, or group of variables
 * that are used together, a thread either has seen the latest write or has not. A release store leaves what its thread
 * has seen with the atomic variable, an acquire load takes that over, a relaxed one does not; a write makes everybody
 * else's view old. An atomic load may also return an old value, as long as its thread has not seen a newer one. */

#define HEAP 1             /* variables, as bits of a view: the links and counts in handle and holes */
#define FIELDS 2           /* base and granules, which are read without the lock */
#define STATE 4            /* h->state, where it is read plainly */
#define BYTES(slot) (8 << slot) /* the bytes of an object */
#define ALL 255

#define THREADS 4
#define LOCK_A 0 /* atomic variables: h->failed, which is the lock, of two heaps, or of parent and child; h->state */
#define LOCK_B 1
#define MADE 2
#define ATOMICS 3

byte seen[THREADS] = ALL; /* by thread: which variables' latest writes it has seen */
byte left[ATOMICS] = ALL; /* by atomic variable: what its last release store left there */
bool lock[2];             /* h->failed is TSP_HELD */
byte inside;              /* threads that believe they hold heap A */
hidden byte i;

inline acquire(at) {
    seen[me] = seen[me] | left[at]
}

inline release(at) {
    left[at] = seen[me]
}

inline relaxed(at) { /* a store that is no release */
    left[at] = 0
}

inline reads(variables) {
    assert((seen[me] & (variables)) == (variables))
}

inline writes(variables) {
    d_step {
        reads(variables);
        for (i : 0 .. THREADS - 1) { seen[i] = seen[i] & ~(variables) }
        for (i : 0 .. ATOMICS - 1) { left[i] = left[i] & ~(variables) }
        seen[me] = seen[me] | (variables);
        i = 0
    }
}

/* -- src/lock.h --------------------------------------------------------------------------------------------------- */

#ifdef HOOKS
bool masked;      /* "save the interrupt mask and disable", on one core */
bool interrupted; /* the handler runs */

inline LOCK(l) {
    atomic { state = masked; masked = true; acquire(l) }
}

inline UNLOCK(l) {
#ifdef NO_NESTING
    atomic { release(l); masked = false } /* instead of what was before */
#else
    atomic { release(l); masked = state }
#endif
}
#else

#ifdef YIELD
byte core;    /* the thread that runs */
bool gone[2]; /* threads that have ended */

inline LET_OTHERS_RUN() {
    core = 1 - me
}
#endif

/* An exchange that finds the lock taken stores what is there already. Then it waits by reading. So whoever would wait
 * for ever stands still here, and Spin reports it. Where each thread has a processor, giving it up changes nothing. */
inline LOCK(l) {
    do
#ifdef NO_EXCHANGE
    :: !lock[l] -> lock[l] = true; acquire(l); break /* a load, and then a store */
#elif defined NO_ACQUIRE
    :: atomic { !lock[l] -> lock[l] = true } break
#else
    :: atomic { !lock[l] -> lock[l] = true; acquire(l) } break
#endif
#if defined YIELD && !defined NO_YIELD
    :: atomic { lock[l] -> LET_OTHERS_RUN() }
#else
    :: lock[l] -> !lock[l]
#endif
    od
}

inline TRY_LOCK(l, got) {
    atomic { got = !lock[l]; lock[l] = true; acquire(l) }
}

inline UNLOCK(l) {
#ifdef NO_RELEASE
    atomic { relaxed(l); lock[l] = false }
#else
    atomic { release(l); lock[l] = false }
#endif
}
#endif

/* What every call does with the lock held, in steps between which others may come. */
inline use_heap() {
    inside++;
    assert(inside == 1);
    writes(HEAP);
    writes(HEAP);
    inside--
}

/* -- made_once, is_made and make of src/heaps.h --------------------------------------------------------------- */

#if defined ONCE || defined HANDLER
bool is_set;   /* h->state != UNMADE */
byte supplied; /* calls of the supplier */

inline set_state() { /* h->state = kind */
    atomic {
        writes(STATE);
        is_set = true;
#ifdef NO_RELEASE_OF_STATE
        relaxed(MADE)
#else
        release(MADE)
#endif
    }
}

inline is_made(result) {
    atomic {
        if
        :: is_set ->
            result = true;
#ifndef NO_ACQUIRE_OF_STATE
            acquire(MADE)
#endif
        :: !is_set || !(seen[me] & STATE) -> result = false /* also where the value is old */
        fi
    }
}

inline make() {
    supplied++;
    assert(supplied == 1);
#ifdef NO_STATE_LAST
    set_state();
#endif
    writes(FIELDS);
    writes(HEAP);
#ifndef NO_STATE_LAST
    set_state()
#endif
}

inline made_once() {
    is_made(made);
    if
    :: made
    :: else ->
        LOCK(LOCK_A);
#ifdef NO_SECOND_LOOK
        make();
#else
        reads(STATE);
        if
        :: !is_set -> make()
        :: else
        fi;
#endif
        UNLOCK(LOCK_A)
    fi
}
#endif

/* -- EXCLUSION: three threads, one of which would rather not wait -------------------------------------------------- */

#ifdef EXCLUSION
proctype thread(byte me) {
    byte calls;
    for (calls : 1 .. 3) {
        LOCK(LOCK_A);
        use_heap();
        UNLOCK(LOCK_A)
    }
}

proctype impatient(byte me) {
    bool got;
    byte calls;
    for (calls : 1 .. 3) {
        TRY_LOCK(LOCK_A, got);
        if
        :: got -> use_heap(); UNLOCK(LOCK_A)
        :: else
        fi
    }
}

init { atomic { run thread(0); run thread(1); run impatient(2) } }
#endif

/* -- YIELD: two threads on one core, which the scheduler takes from them a few times, and then no more --------------- */

#ifdef YIELD
proctype thread(byte me) provided (core == _pid - 1 || gone[_pid - 1]) { /* init is the first process */
    byte calls;
    for (calls : 1 .. 2) {
        LOCK(LOCK_A);
        use_heap();
        UNLOCK(LOCK_A)
    }
    atomic {
        gone[me] = true;
        if
        :: !gone[1 - me] -> LET_OTHERS_RUN()
        :: else
        fi
    }
}

proctype scheduler() {
    byte times;
    for (times : 1 .. 4) {
        atomic {
            if
            :: !gone[1 - core] -> core = 1 - core
            :: else
            fi
        }
    }
}

init { atomic { run thread(0); run thread(1); run scheduler() } }
#endif

/* -- ONCE: three threads come to a heap that makes itself, and use it ---------------------------------------------- */

#ifdef ONCE
proctype thread(byte me) {
    bool made;
    byte calls;
    for (calls : 1 .. 2) {
        made_once();
        assert(supplied == 1);
        reads(FIELDS); /* V_contains, V_resize: before they take the lock */
        reads(STATE);  /* V_malloc */
        LOCK(LOCK_A);
        use_heap();
        UNLOCK(LOCK_A)
    }
}

init { atomic { run thread(0); run thread(1); run thread(2) } }
#endif

/* -- HANDLER: an interrupt handler comes at any point, twice; what it interrupts stands still ---------------------- */

#ifdef HANDLER
bool interrupted;

proctype thread(byte me) provided (!interrupted) {
    bool made;
    byte calls;
    for (calls : 1 .. 2) {
        made_once();
        LOCK(LOCK_A);
        use_heap();
        UNLOCK(LOCK_A)
    }
}

proctype elsewhere(byte me) { /* on another core */
    LOCK(LOCK_A);
    use_heap();
    UNLOCK(LOCK_A)
}

proctype handler(byte me) {
    bool got, made;
    byte calls;
    for (calls : 1 .. 2) {
        interrupted = true;
#ifdef NO_TRY
        LOCK(LOCK_A); /* V_alloc */
        got = true;
#elif defined NO_HEAP_YET
        made_once(); /* the handler's call is the first */
        got = false;
#else
        TRY_LOCK(LOCK_A, got); /* V_try_alloc */
#endif
        if
        :: got ->
            reads(FIELDS);
            use_heap();
            UNLOCK(LOCK_A)
        :: else
        fi;
        interrupted = false
    }
}

init { atomic { run thread(0); run elsewhere(1); run handler(2) } }
#endif

/* -- HOOKS: the lock is that interrupts are off; one heap is used inside another's visitor ------------------------- */

#ifdef HOOKS
proctype thread(byte me) provided (!interrupted) {
    bool state, outer;
    byte calls;
    for (calls : 1 .. 2) {
        LOCK(LOCK_A); /* V_walk */
        outer = state;
        inside++;
        writes(HEAP);
        LOCK(LOCK_B); /* the visitor */
        UNLOCK(LOCK_B);
        writes(HEAP);
        inside--;
        state = outer;
        UNLOCK(LOCK_A)
    }
}

proctype handler(byte me) {
    bool state;
    byte calls;
    for (calls : 1 .. 2) {
        atomic { !masked -> interrupted = true }
        LOCK(LOCK_A); /* V_alloc: nobody to wait for */
        use_heap();
        UNLOCK(LOCK_A);
        interrupted = false
    }
}

init { atomic { run thread(0); run handler(1) } }
#endif

/* -- RESIZE: objects move, with the lock given back while they are copied, and others help themselves -------------- */

#ifdef RESIZE
#define SLOTS 3
#define NOBODY 0
#define NONE SLOTS
byte owner[SLOTS]; /* who has the object; NOBODY: free */
byte bytes[SLOTS]; /* what is in it */

inline allocate(result) { /* any free one: what is best is not the point here */
    writes(HEAP);
    if
    :: owner[0] == NOBODY -> result = 0
    :: owner[1] == NOBODY -> result = 1
    :: owner[2] == NOBODY -> result = 2
    :: else -> result = NONE
    fi;
    if
    :: result != NONE -> writes(HEAP); owner[result] = me + 1
    :: else
    fi
}

inline deallocate(object) {
    assert(owner[object] == me + 1);
    writes(HEAP);
    owner[object] = NOBODY
}

inline fill(object) {
    writes(BYTES(object));
    bytes[object] = me + 1
}

inline keeps(object) {
    reads(BYTES(object));
    assert(bytes[object] == me + 1)
}

/* Makes an object, resizes it so that it moves if there is room, and gives it back. */
proctype thread(byte me; bool resizes) {
    byte object, result, copy;
    LOCK(LOCK_A);
    allocate(object);
    UNLOCK(LOCK_A);
    if
    :: object == NONE -> goto done
    :: object != NONE && !resizes -> fill(object); goto give
    :: else -> fill(object)
    fi;
    LOCK(LOCK_A); /* resize */
    assert(owner[object] == me + 1);
    allocate(result);
#ifdef NO_OLD_OBJECT
    if
    :: result != NONE -> deallocate(object) /* already here */
    :: else
    fi;
#endif
    UNLOCK(LOCK_A);
    if
    :: result == NONE
    :: else ->
        reads(BYTES(object)); /* memmove */
        copy = bytes[object];
        writes(BYTES(result));
        bytes[result] = copy;
#ifndef NO_OLD_OBJECT
        keeps(object);
#ifndef NO_SECOND_LOCK
        LOCK(LOCK_A); /* give_back */
#endif
        deallocate(object);
#ifndef NO_SECOND_LOCK
        UNLOCK(LOCK_A);
#endif
#endif
        object = result
    fi;
give:
    keeps(object);
    LOCK(LOCK_A);
    deallocate(object);
    UNLOCK(LOCK_A);
done:
    skip
}

init { atomic { run thread(0, true); run thread(1, true); run thread(2, false) } }
#endif

/* -- FORK: the child is a copy of one thread, and of the heap as it is at that moment ------------------------------ */

#ifdef FORK
bool half_done, half_done_in_child; /* a heap between two steps of a call */

proctype child(byte me) {
#ifdef NO_PREPARE
    lock[LOCK_B] = false; /* the child just declares the lock free */
#elif !defined NO_HANDLERS
    UNLOCK(LOCK_B); /* after_fork */
#endif
    LOCK(LOCK_B);
    assert(!half_done_in_child);
    UNLOCK(LOCK_B)
}

proctype forks(byte me) {
#if !defined NO_PREPARE && !defined NO_HANDLERS
    LOCK(LOCK_A); /* before_fork */
#endif
    atomic {
        lock[LOCK_B] = lock[LOCK_A];
        half_done_in_child = half_done;
        run child(3)
    }
#if !defined NO_PREPARE && !defined NO_HANDLERS
    UNLOCK(LOCK_A); /* after_fork */
#endif
    LOCK(LOCK_A);
    use_heap();
    UNLOCK(LOCK_A)
}

proctype thread(byte me) {
    byte calls;
    for (calls : 1 .. 2) {
        LOCK(LOCK_A);
        half_done = true;
        use_heap();
        half_done = false;
        UNLOCK(LOCK_A)
    }
}

init { atomic { run forks(0); run thread(1); run thread(2) } }
#endif
