/* The board of board.h, simulated with simavr: runs a program until it writes its exit status, which becomes ours.
 *
 *     simulator PROGRAM.elf [MILLIONS OF CYCLES]      a program that takes longer has failed */
#include <simavr/sim_avr.h>
#include <simavr/sim_elf.h>
#include <simavr/sim_io.h>

#include <stdio.h>
#include <stdlib.h>

enum { CHARACTER = 0x4A, STATUS = 0x4B }; /* GPIOR1 and GPIOR2 */

static int status = -1;

static void on_character(avr_t *avr, avr_io_addr_t address, uint8_t value, void *unused) {
    (void)avr, (void)address, (void)unused;
    putchar(value);
}

static void on_status(avr_t *avr, avr_io_addr_t address, uint8_t value, void *unused) {
    (void)avr, (void)address, (void)unused;
    status = value;
}

int main(int argc, char **argv) {
    const unsigned long long most = (argc > 2 ? strtoull(argv[2], NULL, 10) : 20000) * 1000000;
    elf_firmware_t firmware = {0};
    avr_t *avr = avr_make_mcu_by_name("atmega2560");
    if (argc < 2 || avr == NULL || elf_read_firmware(argv[1], &firmware) != 0) {
        fprintf(stderr, "simulator: no such program, or no atmega2560\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    avr->ramend = 0xFFFF;
    avr_init(avr);
    avr_load_firmware(avr, &firmware);
    avr_register_io_write(avr, CHARACTER, on_character, NULL);
    avr_register_io_write(avr, STATUS, on_status, NULL);
    while (status < 0 && avr->cycle < most) {
        int state = avr_run(avr);
        if (state == cpu_Done || state == cpu_Crashed) break;
    }
    if (status < 0) printf("simulator: stopped after %llu cycles\n", (unsigned long long)avr->cycle);
    else printf("simulator: %llu million cycles\n", (unsigned long long)avr->cycle / 1000000);
    return status < 0 ? 3 : status;
}
