/* Runs a test program on the board: what it prints goes to one register of the simulator, its exit status to another.
 */
#include "board.h"
#undef main
#undef exit

#include <avr/io.h>

#ifndef TEST_WORD
#define TEST_WORD "" /* only the cases whose names contain it */
#endif

static int put(char c, FILE *stream) {
    (void)stream;
    GPIOR1 = (unsigned char)c;
    return 0;
}

void board_stop(int status) {
    GPIOR2 = (unsigned char)status;
    for (;;) {
    }
}

int main(void) {
    static FILE out = FDEV_SETUP_STREAM(put, NULL, _FDEV_SETUP_WRITE);
    static char *arguments[] = {"test", TEST_WORD, NULL};
    stdout = stderr = &out;
    board_stop(test_main(2, arguments));
}
