/* GMP in a sized heap of 4 KiB: 500 digits of pi. When memory is out the computation is left and the heap emptied. */
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include "tsp_gmp.h"

static jmp_buf kitchen_door;

static void give_up(size_t size) {
    printf("no memory for %zu bytes\n", size);
    longjmp(kitchen_door, 1);
}

TSP128K_STATIC_SIZED(kitchen, 4 * 1024);
TSP_GMP(tsp128k, kitchen, give_up);

/* sum += factor * one * arctan(1 / x) */
static void add_arctan(mpz_t sum, const mpz_t one, long factor, unsigned long x) {
    mpz_t power, term;
    mpz_init(power);
    mpz_init(term);
    mpz_mul_si(power, one, factor);
    mpz_tdiv_q_ui(power, power, x);
    for (unsigned long n = 1; mpz_sgn(power) != 0; n += 2) {
        mpz_tdiv_q_ui(term, power, n);
        if (n % 4 == 1) mpz_add(sum, sum, term);
        else mpz_sub(sum, sum, term);
        mpz_tdiv_q_ui(power, power, x * x);
    }
    mpz_clear(power);
    mpz_clear(term);
}

static void print_pi(unsigned long digits) {
    mpz_t one, pi;
    mpz_init(one);
    mpz_init(pi);
    mpz_ui_pow_ui(one, 10, digits + 10);
    add_arctan(pi, one, 16, 5);
    add_arctan(pi, one, -4, 239);
    char *text = mpz_get_str(NULL, 10, pi);
    printf("%c.%.*s\n", text[0], (int)digits, text + 1);
    kitchen_gmp_free(text, strlen(text) + 1);
    mpz_clear(one);
    mpz_clear(pi);
}

int main(void) {
    kitchen_gmp();
    int failed = setjmp(kitchen_door);
    if (failed) tsp128k_reset(kitchen());
    else print_pi(500);

    tsp_usage usage = tsp128k_usage(kitchen());
    printf("heap: at most %zu of %zu bytes in use, %zu now\n", usage.total - usage.low_free, usage.total, usage.used);
    return failed;
}
