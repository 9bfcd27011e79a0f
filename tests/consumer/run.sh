#!/bin/sh
# Uses the library in every way that the README promises, from outside its tree: as a part of a CMake project, installed
# and found by CMake (static and shared) and by pkg-config, installed by make, for a microcontroller too, and copied as
# two files. Ends in "N passed, N failed".
cd "$(dirname "$0")/../.." || exit 1
. scripts/suites.sh
work=$(mktemp -d)
trap 'rm -rf "$work" "$SUITES_LOG"' EXIT
CC=${CC:-cc}
here=tests/consumer

# cmake_installed DIR [OPTION...]: build and install, then move the tree, which must not matter.
cmake_installed() {
    dir=$work/$1
    shift
    cmake -S . -B "$dir/build" -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX="$dir/first" "$@" &&
        cmake --build "$dir/build" && cmake --install "$dir/build" && mv "$dir/first" "$dir/prefix"
}

find_package() {
    cmake -S $here -B "$work/$1/consumer" -DCMAKE_PREFIX_PATH="$work/$1/prefix" &&
        cmake --build "$work/$1/consumer" && "$work/$1/consumer/consumer" && "$work/$1/consumer/containers"
}

pkg_config() {
    pc=$(find "$work/$1/prefix" -name teaspoon.pc)
    PKG_CONFIG_PATH=$(dirname "$pc")
    export PKG_CONFIG_PATH
    lib=$(pkg-config --variable=libdir teaspoon) || return 1
    # shellcheck disable=SC2046 # the flags are words
    $CC -o "$work/$1/pkg-consumer" $here/consumer.c $(pkg-config --cflags --libs teaspoon) &&
        LD_LIBRARY_PATH=$lib "$work/$1/pkg-consumer"
}

make_installed() {
    make install BUILD="$work/made/build" PREFIX="$work/made/prefix" && [ -x "$work/made/prefix/bin/teaspoon" ] &&
        [ -f "$work/made/prefix/include/teaspoon.hpp" ]
}

# A project with old policies whose variable is an option here: it reaches library and program, and nothing of ours is
# installed.
subproject() {
    mkdir -p "$work/parent"
    printf '%s\n' 'cmake_minimum_required(VERSION 3.13)' 'project(parent C)' 'set(TSP_ROUND 4)' \
        "add_subdirectory($PWD teaspoon)" "add_executable(app $PWD/$here/consumer.c)" \
        'target_link_libraries(app teaspoon::teaspoon)' 'install(TARGETS app DESTINATION bin)' \
        > "$work/parent/CMakeLists.txt"
    cmake -S "$work/parent" -B "$work/parent/build" -DCMAKE_INSTALL_PREFIX="$work/parent/prefix" &&
        cmake --build "$work/parent/build" && "$work/parent/build/app" && cmake --install "$work/parent/build" &&
        nm "$work/parent/build/app" | grep -q _ROUND_4_ && [ "$(find "$work/parent/prefix" -type f | wc -l)" = 1 ]
}

# The same by FetchContent with new policies, and its install rules asked for: all of it is there but the adapters.
fetched() {
    mkdir -p "$work/fetch"
    printf '%s\n' 'cmake_minimum_required(VERSION 3.13...3.25)' 'project(fetch C)' 'include(FetchContent)' \
        'set(TSP_LOCK 0)' 'set(TSP_INSTALL ON)' "FetchContent_Declare(teaspoon SOURCE_DIR $PWD)" \
        'FetchContent_MakeAvailable(teaspoon)' "add_executable(app $PWD/$here/consumer.c)" \
        'target_link_libraries(app teaspoon::teaspoon)' > "$work/fetch/CMakeLists.txt"
    cmake -S "$work/fetch" -B "$work/fetch/build" -DCMAKE_INSTALL_PREFIX="$work/fetch/prefix" &&
        cmake --build "$work/fetch/build" && "$work/fetch/build/app" && cmake --install "$work/fetch/build" &&
        nm "$work/fetch/build/app" | grep -q LOCK_0_ && [ -f "$work/fetch/prefix/include/teaspoon.h" ] &&
        [ ! -f "$work/fetch/prefix/include/tsp_lua.h" ] && [ ! -d "$work/fetch/prefix/bin" ]
}

m0="-mcpu=cortex-m0plus -mthumb --specs=nosys.specs"

# A library for a microcontroller, which find_package finds from there
cmake_cross() {
    mkdir -p "$work/cross"
    printf '%s\n' 'set(CMAKE_SYSTEM_NAME Generic)' 'set(CMAKE_SYSTEM_PROCESSOR arm)' \
        'set(CMAKE_C_COMPILER arm-none-eabi-gcc)' 'set(CMAKE_CXX_COMPILER arm-none-eabi-g++)' \
        "set(CMAKE_C_FLAGS_INIT \"$m0\")" "set(CMAKE_CXX_FLAGS_INIT \"$m0\")" > "$work/cross/chip.cmake"
    printf '%s\n' 'cmake_minimum_required(VERSION 3.13)' 'project(firmware C)' 'find_package(teaspoon 0.2 REQUIRED)' \
        "add_executable(app $PWD/$here/consumer.c)" 'target_link_libraries(app teaspoon::teaspoon)' \
        > "$work/cross/CMakeLists.txt"
    cmake_installed cross -DCMAKE_TOOLCHAIN_FILE="$work/cross/chip.cmake" -DTSP_ROUND=4 -DCMAKE_BUILD_TYPE=Debug &&
        cmake -S "$work/cross" -B "$work/cross/app" -DCMAKE_TOOLCHAIN_FILE="$work/cross/chip.cmake" \
            -Dteaspoon_DIR="$work/cross/prefix/lib/cmake/teaspoon" &&
        cmake --build "$work/cross/app" && arm-none-eabi-nm "$work/cross/app/app" | grep -q LOCK_3_ROUND_4_
}

make_cross() {
    make install CC=arm-none-eabi-gcc CFLAGS="-Os $m0 -DTSP_DEBUG=1" BUILD="$work/arm" PREFIX="$work/arm/prefix" &&
        [ ! -e "$work/arm/prefix/bin" ] && have pkg-config || return
    PKG_CONFIG_PATH=$work/arm/prefix/lib/pkgconfig
    export PKG_CONFIG_PATH
    # shellcheck disable=SC2046,SC2086 # the flags are words
    arm-none-eabi-gcc $m0 -o "$work/arm/app" $here/consumer.c $(pkg-config --cflags --libs teaspoon) &&
        arm-none-eabi-nm "$work/arm/app" | grep -q 'LOCK_3_.*DEBUG_1'
}

# On a machine without zlib, which a header that is none stands for.
make_without_zlib() {
    mkdir -p "$work/none"
    echo '#error "no zlib here"' > "$work/none/zlib.h"
    make install CC="$CC -I$work/none" CFLAGS=-O0 BUILD="$work/none/build" PREFIX="$work/none/prefix" > "$work/none/log" 2>&1 &&
        grep 'the command is left out' "$work/none/log" && [ -f "$work/none/prefix/include/teaspoon.h" ] &&
        [ -f "$work/none/prefix/lib/libteaspoon.a" ] && [ ! -e "$work/none/prefix/bin" ]
}

optimised() {
    cmake -S . -B "$work/default" && grep -q "^CMAKE_BUILD_TYPE:.*=Release" "$work/default/CMakeCache.txt"
}

if have cmake; then
    check "CMake optimises by default" optimised
    check "add_subdirectory" subproject
    check "FetchContent" fetched
    check "cmake --install, static" cmake_installed static
    check "find_package, static" find_package static
    check "cmake --install, shared, lock 0" cmake_installed shared -DBUILD_SHARED_LIBS=ON -DTSP_LOCK=0
    check "find_package, shared" find_package shared
    if have pkg-config; then
        check "pkg-config, static" pkg_config static
        check "pkg-config, shared" pkg_config shared
    fi
    if have arm-none-eabi-gcc; then check "CMake for a Cortex-M0+" cmake_cross
    else skip "CMake for a Cortex-M0+" "there is no arm-none-eabi-gcc"; fi
else
    skip "find_package" "cmake is not installed"
fi
check "make install" make_installed
check "make install without zlib" make_without_zlib
if have arm-none-eabi-gcc; then check "make install for a Cortex-M0+" make_cross
else skip "make install for a Cortex-M0+" "there is no arm-none-eabi-gcc"; fi
if have pkg-config; then
    check "pkg-config after make install" pkg_config made
else
    skip "pkg-config" "it is not installed"
fi
if have python3; then
    suite "two files copied" sh $here/amalgamation.sh
else
    skip "two files copied" "python3 is not installed"
fi
verdict
