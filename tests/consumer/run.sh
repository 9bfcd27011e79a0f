#!/bin/sh
# Uses the library in every way that the README promises, from outside its tree: installed and found by CMake (static
# and shared) and by pkg-config, installed by make, and copied as two files. Ends in "N passed, N failed".
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

optimised() {
    cmake -S . -B "$work/default" && grep -q "^CMAKE_BUILD_TYPE:.*=Release" "$work/default/CMakeCache.txt"
}

if have cmake; then
    check "CMake optimises by default" optimised
    check "add_subdirectory" subproject
    check "cmake --install, static" cmake_installed static
    check "find_package, static" find_package static
    check "cmake --install, shared, lock 0" cmake_installed shared -DBUILD_SHARED_LIBS=ON -DTSP_LOCK=0
    check "find_package, shared" find_package shared
    if have pkg-config; then
        check "pkg-config, static" pkg_config static
        check "pkg-config, shared" pkg_config shared
    fi
else
    skip "find_package" "cmake is not installed"
fi
check "make install" make_installed
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
