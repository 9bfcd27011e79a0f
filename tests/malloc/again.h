/* A test program that runs itself again, so that what its stderr was when it began can be chosen: `again` does not
 * return, and the new process calls the function and nothing else. SPDX-License-Identifier: BSD-3-Clause */
#ifndef AGAIN_H
#define AGAIN_H

static void again(void (*function)(void)) {
    char text[40];
    snprintf(text, sizeof text, "%lld", (long long)((intptr_t)function - (intptr_t)again));
    setenv("AGAIN", text, 1);
    execl("/proc/self/exe", "again", "run_again", (char *)NULL);
    _exit(120);
}

TEST(run_again) {
    const char *text = getenv("AGAIN");
    void (*function)(void);
    if (text == NULL) return;
    function = (void (*)(void))((intptr_t)again + (intptr_t)strtoll(text, NULL, 10));
    unsetenv("AGAIN");
    function();
    _exit(0);
}
#endif
