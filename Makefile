# teaspoon's front door: `make help` says what there is. To use the library in a project see README.md; there is a
# CMakeLists.txt too.

CC = cc
CFLAGS = -O2
WARNINGS = -Wall -Wextra -Wconversion -pedantic
PREFIX = /usr/local
BUILD = build$(CROSS:%=/%)
CROSS = $(patsubst %-gcc,%,$(filter %-gcc,$(CC)))
AR = $(CROSS:%=%-gcc-)ar
LIB = common misuse tsp4k tsp128k tsp16m
OBJECTS = $(LIB:%=$(BUILD)/%.o)
# The command is built where the compiler makes programs with zlib: not for a microcontroller.
COMMAND := $(shell mkdir -p $(BUILD) && echo 'int main(void) { return !zlibVersion(); }' | \
    $(CC) -x c -include zlib.h -o $(BUILD)/has-zlib - -lz 2> /dev/null && echo $(BUILD)/teaspoon $(BUILD)/teaspoon-view.html)
RECORDER = $(if $(COMMAND),$(if $(filter Linux,$(shell uname -s)),$(BUILD)/libteaspoon-record.so))
LIBDW = $(shell pkg-config --silence-errors --cflags --libs libdw 2> /dev/null | sed 's/^./-DTSP_LIBDW &/')
VERSION = $$(sed -n 's/^.define TSP_VERSION "\(.*\)"/\1/p' include/teaspoon.h)

all: $(BUILD)/libteaspoon.a $(COMMAND) $(RECORDER) ## library and, where there is zlib, command, into build/
	$(if $(COMMAND),,@echo "the command is left out: $(CC) makes no programs with zlib")

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 20

demo: all $(BUILD)/teaspoon ## fit fifteen real programs' traces, and see Lua at work in 32 KiB
	@CC="$(CC)" sh tool/demo.sh $(BUILD)/teaspoon

test: all $(BUILD)/teaspoon ## the library and the command; two minutes
	@BUILD=$(BUILD) CC="$(CC)" sh scripts/test.sh

check: all $(BUILD)/teaspoon ## and what surrounds them: packages, adapters, real programs, chips; with the tools that are installed
	@BUILD=$(BUILD) CC="$(CC)" sh scripts/test.sh all

proof: ## every state of small heaps, the exact worst case, model checking, static proof, other machines; an hour
	@sh proof/proof.sh

fuzz: ## libFuzzer and AFL++ under sanitizers, an hour; needs clang-19 and afl++
	@CC="$(CC)" sh proof/fuzz.sh

coverage: ## lines, branches and MC/DC of the core that the tests reach; needs clang-19
	@python3 proof/coverage.py $(BUILD)/coverage

mutants: ## breaks the core in thousands of places and sees whether a test notices; an hour
	@python3 proof/mutants.py $(BUILD)/mutants
	@for folder in tool adapters include; do python3 proof/mutants.py --folder $$folder $(BUILD)/mutants-$$folder || exit; done

bench: ## bytes, instructions and slowest calls beside their goals, two or three minutes; needs gcc -m32, qemu
	@python3 bench/bench.py $(BUILD)/bench

size: ## code, data and stack on Cortex-M0+, RV32IMC and AVR, with the compilers that are installed
	@sh scripts/size.sh $(BUILD)/size

figures: ## the same, put into README.md, DESIGN.md, docs/plots/*.svg and tool/code.h; needs python3-matplotlib
	@python3 bench/bench.py $(BUILD)/bench docs
	@python3 bench/plots.py $(BUILD)/bench
	@sh scripts/code.sh > $(BUILD)/code.h && cp $(BUILD)/code.h tool

profile: ## where the bytes and the instructions go
	@python3 bench/bytes.py $(BUILD)/bench
	@python3 bench/instructions.py $(BUILD)/bench

malloc: $(BUILD)/libteaspoon-malloc.so $(BUILD)/libteaspoon-malloc.a ## a whole program's malloc, for LD_PRELOAD and to link

dist: ## the whole library as dist/teaspoon.c and dist/teaspoon.h, and dist/teaspoon.hpp for C++; to be committed with src/
	@python3 scripts/amalgamate.py dist

docs: ## the reference as build/docs/html/index.html, by Doxygen; fails at a warning
	@mkdir -p build/docs
	@doxygen docs/Doxyfile

install: all ## library, headers, teaspoon.pc and, if built, the command into PREFIX (/usr/local)
	mkdir -p $(DESTDIR)$(PREFIX)/include $(DESTDIR)$(PREFIX)/lib/pkgconfig
	cp dist/teaspoon.h dist/teaspoon.hpp adapters/*.h $(DESTDIR)$(PREFIX)/include
	cp $(BUILD)/libteaspoon.a $(wildcard $(BUILD)/libteaspoon-malloc.*) $(DESTDIR)$(PREFIX)/lib
	sed -e "s|@TSP_VERSION@|$(VERSION)|" -e 's|@TSP_PC_UP@|../..|' -e 's|@TSP_PC_INCLUDE@|include|' \
	    -e 's|@TSP_PC_LIB@|lib|' -e 's|@TSP_PC_CFLAGS@| $(filter -DTSP_%,$(CFLAGS))|' cmake/teaspoon.pc.in > $(DESTDIR)$(PREFIX)/lib/pkgconfig/teaspoon.pc
	$(if $(COMMAND),$(INSTALL_COMMAND))

define INSTALL_COMMAND
mkdir -p $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/teaspoon $(DESTDIR)$(PREFIX)/share/man/man1
	cp $(BUILD)/teaspoon $(DESTDIR)$(PREFIX)/bin
	cp tool/teaspoon.1 $(DESTDIR)$(PREFIX)/share/man/man1
	cp $(BUILD)/teaspoon-view.html tool/look.gdb $(RECORDER) $(DESTDIR)$(PREFIX)/lib/teaspoon
	mkdir -p $(DESTDIR)$(PREFIX)/share/bash-completion/completions
	cp tool/completion.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/teaspoon
endef

clean: ## removes build/
	rm -rf $(BUILD)

$(BUILD)/libteaspoon.a: $(OBJECTS)
	rm -f $@
	$(AR) rcs $@ $(OBJECTS)

$(OBJECTS): $(BUILD)/%.o: src/%.c include/teaspoon.h $(wildcard src/*.h)
	@mkdir -p $(BUILD)
	$(CC) -std=c99 $(CFLAGS) $(WARNINGS) -Iinclude -c -o $@ $<

$(BUILD)/malloc.o: adapters/malloc.c src/common.c include/teaspoon.h $(wildcard src/*.h)
	@mkdir -p $(BUILD)
	$(CC) -std=c99 $(CFLAGS) $(WARNINGS) -Iinclude -fPIC -c -o $@ $<

$(BUILD)/libteaspoon-malloc.so: $(BUILD)/malloc.o
	$(CC) -shared -o $@ $< -lpthread

$(BUILD)/libteaspoon-malloc.a: $(BUILD)/malloc.o
	rm -f $@
	$(AR) rcs $@ $<

# Without a lock: each heap that it replays in is one thread's, and fit takes 8 % less time.
$(BUILD)/teaspoon: $(wildcard tool/*.c tool/*.h src/*) include/teaspoon.h
	@mkdir -p $(BUILD)
	$(CC) -std=c11 $(CFLAGS) -UTSP_LOCK -DTSP_LOCK=0 $(WARNINGS) -Iinclude -o $@ $(filter %.c,$^) $(LIBDW) -lz -lpthread

# What `teaspoon record` preloads; the command looks for it beside itself, and in ../lib/teaspoon.
$(BUILD)/libteaspoon-record.so: tool/preload/record.c tool/recording.h
	@mkdir -p $(BUILD)
	$(CC) -std=c11 $(CFLAGS) $(WARNINGS) -fPIC -shared -fvisibility=hidden -fexceptions -static-libgcc -Itool -o $@ $< \
	    -lpthread

# What `teaspoon view` puts replays into: one page of all that is in tool/view, where a line @FILE@ stands for the file.
$(BUILD)/teaspoon-view.html: $(wildcard tool/view/*)
	@mkdir -p $(BUILD)
	sed $(foreach f,view.css view.js uPlot.min.css uPlot.LICENSE uPlot.iife.min.js,-e '/^@$f@$$/{' -e 'r tool/view/$f' -e d -e '}') \
	    tool/view/page.html > $@

.PHONY: all help demo test check proof fuzz coverage mutants bench figures profile size malloc dist docs install clean
