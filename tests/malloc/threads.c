/* Eight threads that allocate, resize and free, and hand objects to each other, while the program forks again and again
 * and the children do the same. Every object keeps its bytes. What it prints does not depend on the schedule; where
 * memory is out it says so and ends with 1. SPDX-License-Identifier: BSD-3-Clause */
#define _GNU_SOURCE

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 8, OBJECTS = 64, ROUNDS = 40000, FORKS = 80, SHELF = 16 };

typedef struct object {
    uint32_t size, seed; /* size: of the bytes */
    unsigned char bytes[];
} object;

static object *shelf[SHELF]; /* objects of no thread */
static pthread_mutex_t shelf_lock = PTHREAD_MUTEX_INITIALIZER;

static void stop(const char *why) {
    if (write(STDOUT_FILENO, why, strlen(why)) < 0) _exit(3);
    _exit(strcmp(why, "no memory\n") == 0 ? 1 : 2);
}

static void verify(const object *o, uint32_t size) {
    for (uint32_t i = 0; o && i < size; i++)
        if (o->bytes[i] != (unsigned char)(o->seed + i * 7)) stop("an object has lost its bytes\n");
}

static void fill(object *o, uint32_t from) {
    for (; from < o->size; from++) o->bytes[from] = (unsigned char)(o->seed + from * 7);
}

/* One step: drop, make, resize or swap an object. Returns the next random number. */
static uint32_t step(object **o, uint32_t dice) {
    uint32_t size = dice >> 20 & 31 ? dice >> 8 & 255 : dice >> 8 & 4095, old;
    dice = dice * 1664525 + 1013904223;
    verify(*o, *o ? (*o)->size : 0);
    if (*o == NULL) {
        *o = dice >> 31 ? malloc(sizeof **o + size) : aligned_alloc(64, sizeof **o + size);
        if (*o == NULL) stop("no memory\n");
        (*o)->size = size;
        (*o)->seed = dice;
        fill(*o, 0);
    } else if (dice >> 30 == 0) {
        free(*o);
        *o = NULL;
    } else if (dice >> 30 == 1) {
        object **place = &shelf[dice >> 16 & (SHELF - 1)], *mine = *o;
        pthread_mutex_lock(&shelf_lock);
        *o = *place;
        *place = mine;
        pthread_mutex_unlock(&shelf_lock);
    } else {
        old = (*o)->size;
        *o = realloc(*o, sizeof **o + size);
        if (*o == NULL) stop("no memory\n");
        (*o)->size = size;
        verify(*o, old < size ? old : size);
        fill(*o, old);
    }
    return dice;
}

static void *work(void *number) {
    object *objects[OBJECTS] = {NULL};
    uint32_t dice = (uint32_t)(uintptr_t)number;
    for (int round = 0; round < ROUNDS; round++) dice = step(&objects[dice >> 26], dice);
    for (int i = 0; i < OBJECTS; i++) free(objects[i]);
    return NULL;
}

/* The child has one thread, and nobody's objects but its own. */
static int in_child(uint32_t dice) {
    object *objects[OBJECTS] = {NULL};
    memset(shelf, 0, sizeof shelf);
    for (int round = 0; round < 500; round++) dice = step(&objects[dice >> 26], dice);
    for (int i = 0; i < OBJECTS; i++) free(objects[i]);
    return 0;
}

int main(void) {
    pthread_t threads[THREADS];
    alarm(200);
    for (uintptr_t i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, work, (void *)(i + 1)) != 0) stop("no memory\n");
    for (uint32_t i = 0; i < FORKS; i++) {
        int status = 2;
        pid_t child;
        pthread_mutex_lock(&shelf_lock); /* or the child may never get it */
        child = fork();
        if (child == 0) {
            pthread_mutex_unlock(&shelf_lock);
            _exit(in_child(i + 100));
        }
        pthread_mutex_unlock(&shelf_lock);
        if (child < 0 || waitpid(child, &status, 0) != child) stop("no child\n");
        if (!WIFEXITED(status) || WEXITSTATUS(status) == 2) stop("a child went wrong\n");
        if (WEXITSTATUS(status) == 1) stop("no memory\n");
    }
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < SHELF; i++) free(shelf[i]);
    printf("%d threads took %d steps each, %d children 500\n", THREADS, ROUNDS, FORKS);
    return 0;
}
