#!/bin/sh
# What package managers and build systems are told about teaspoon, each as far as Debian's packages can tell: Meson
# itself; schemas of our own; the file sets and include paths of Arduino and PlatformIO, compiled; and the CMake files
# and recipes of ESP-IDF, Zephyr, vcpkg and Conan, run over stand-ins of our own (stubs/). docs/integration.md says what
# that leaves open. Ends in "N passed, N failed".
# SPDX-License-Identifier: BSD-3-Clause
cd "$(dirname "$0")/../.." || exit 1
. scripts/suites.sh
work=$(mktemp -d)
trap 'rm -rf "$work" "$SUITES_LOG"' EXIT
here=tests/packaging
consumer=tests/consumer/consumer.c
arm="arm-none-eabi-gcc -mcpu=cortex-m0plus -mthumb --specs=nosys.specs"

python_with() { # MODULES: sets $python, which may be Debian's where the first on the path is another that lacks them
    for python in python3 /usr/bin/python3; do
        "$python" -c "import $1" 2> /dev/null && return
    done
    return 1
}

# -- Meson: the tool itself --

meson_installed() {
    meson setup "$work/meson" -Dbuildtype=debug -Dlock=0 -Ddebug_aids=1 --prefix="$work/meson/prefix" --libdir=lib &&
        meson install -C "$work/meson" &&
        PKG_CONFIG_PATH=$work/meson/prefix/lib/pkgconfig pkg-config --cflags teaspoon | grep 'TSP_LOCK=0.*TSP_DEBUG=1' &&
        meson_project found --pkg-config-path "$work/meson/prefix/lib/pkgconfig" &&
        LD_LIBRARY_PATH=$work/meson/prefix/lib "$work/found/build/consumer"
}

meson_project() { # DIR [OPTION...]: a project that wants teaspoon
    mkdir -p "$work/$1"
    cp $here/meson/meson.build $consumer "$work/$1"
    dir=$work/$1
    shift
    meson setup "$dir/build" "$dir" "$@" && meson compile -C "$dir/build"
}

meson_wrap() {
    mkdir -p "$work/wrap/subprojects"
    ln -s "$PWD" "$work/wrap/subprojects/teaspoon"
    meson_project wrap -Dteaspoon:round=4 && "$work/wrap/build/consumer" && nm "$work/wrap/build/consumer" | grep _ROUND_4_
}

# A static library for a microcontroller.
meson_cross() {
    printf '%s\n' '[binaries]' "c = '${arm%% *}'" "ar = 'arm-none-eabi-ar'" "strip = 'arm-none-eabi-strip'" \
        '[built-in options]' "c_args = ['-mcpu=cortex-m0plus', '-mthumb']" '[host_machine]' "system = 'none'" \
        "cpu_family = 'arm'" "cpu = 'cortex-m0plus'" "endian = 'little'" > "$work/chip.ini"
    meson setup "$work/chip" --cross-file "$work/chip.ini" --default-library=static -Dbuildtype=debug &&
        meson compile -C "$work/chip" && $arm -Iinclude -o "$work/app" $consumer "$work/chip/libteaspoon.a"
}

# -- Arduino and PlatformIO: what their builders compile --

# arduino COMPILER CXX PATHS CORE: all C files below src, which is the one include path; the sketch as C++.
arduino() {
    flags="-Os -w -ffunction-sections -fdata-sections $3"
    rm -rf "$work/arduino"
    mkdir -p "$work/arduino"
    # shellcheck disable=SC2086 # the flags are words
    for file in $(find src -name '*.c') $4; do
        object=$work/arduino/$(basename "$file").o
        case $file in
        *.c) $1 -std=gnu11 $flags -Isrc -c -o "$object" "$file" || return 1 ;;
        *) $2 -std=gnu++11 -fpermissive -fno-exceptions $flags -c -o "$object" "$file" || return 1 ;;
        esac
    done
    for sketch in examples/*/*.ino; do
        # shellcheck disable=SC2086
        $2 -std=gnu++11 -fno-exceptions $flags -Isrc -x c++ -include Arduino.h -c -o "$work/arduino/sketch.o" "$sketch" &&
            $2 $flags -Wl,--gc-sections -o "$work/arduino/program" "$work"/arduino/*.o -lm || return 1
    done
}

core=/usr/share/arduino/hardware/arduino/avr
arduino_uno() {
    arduino "avr-gcc -mmcu=atmega328p" "avr-g++ -mmcu=atmega328p" \
        "-DF_CPU=16000000L -DDECIMAL_DIG=__DECIMAL_DIG__ -DARDUINO=10819 -DARDUINO_ARCH_AVR -I$core/cores/arduino -I$core/variants/standard" \
        "$(find $core/cores/arduino -name '*.c' -o -name '*.cpp')"
}

arduino_arm() { # over a core of our own
    arduino "$arm" "arm-none-eabi-g++ ${arm#* }" "-I$here/stubs/arduino" $here/stubs/arduino/core.cpp
}

# platformio GCC...: what library.json exports, its srcDir compiled, srcDir and includeDir on the path.
platformio() {
    rm -rf "$work/pio"
    mkdir -p "$work/pio"
    python3 -c 'import json; print(*json.load(open("library.json"))["export"]["include"])' > "$work/export" &&
        xargs cp -r -t "$work/pio" < "$work/export" &&
        "$@" -w -Os -I"$work/pio/src" -I"$work/pio/dist" -o "$work/app" $consumer "$work"/pio/src/*.c
}

# -- ESP-IDF and Zephyr: Kconfig by its library, CMake files over stand-ins --

# component DIR KCONFIG EXPECTED [SETTING...]: a program over the component, which has EXPECTED among its symbols.
component() {
    dir=$1 kconfig=$2 expected=$3
    shift 3
    $python $here/kconfig.py "$kconfig" "$@" > "$work/options" || return 1
    mkdir -p "$work/system"
    printf '%s\n' 'cmake_minimum_required(VERSION 3.16)' 'project(system C)' \
        "include($PWD/$here/stubs/system.cmake)" "add_subdirectory($dir component)" \
        "add_executable(app $PWD/$consumer)" 'target_link_libraries(app teaspoon)' > "$work/system/CMakeLists.txt"
    rm -rf "$work/system/build"
    [ "$kconfig" != Kconfig ] || echo -DESP_PLATFORM=1 >> "$work/options"
    xargs cmake -S "$work/system" -B "$work/system/build" < "$work/options" && cmake --build "$work/system/build" &&
        "$work/system/build/app" && nm "$work/system/build/app" | grep "$expected"
}

# -- vcpkg and Conan: their recipes, over stand-ins --

vcpkg() {
    cmake -DPORT="$PWD/packaging/vcpkg/portfile.cmake" -DCURRENT_PACKAGES_DIR="$work/vcpkg" -P $here/stubs/vcpkg.cmake &&
        [ -f "$work/vcpkg/share/teaspoon/LICENSE" ] && [ -f "$work/vcpkg/lib/libteaspoon.a" ]
}

# The recipe's sources suffice for CMake.
conan() {
    PYTHONPATH=$here/stubs:packaging/conan PYTHONDONTWRITEBYTECODE=1 python3 -c '
import conanfile, sys
recipe = conanfile.Teaspoon()
recipe.recipe_folder, recipe.export_sources_folder = "packaging/conan", sys.argv[1]
recipe.export_sources()' "$work/conan" &&
        cmake -S "$work/conan" -B "$work/conan/build" -DTSP_INSTALL=ON -DCMAKE_BUILD_TYPE=Debug \
            -DCMAKE_INSTALL_PREFIX="$work/conan/prefix" && cmake --build "$work/conan/build" --target install
}

pdsc() { # by PACK.xsd too where PACK_XSD says where it is
    # shellcheck disable=SC2086 # schema is two words, or none
    xmllint --noout ${PACK_XSD:+--schema "$PACK_XSD"} packaging/cmsis/*.pdsc
}

if ! have python3; then
    skip "packaging" "python3 is not installed"
    verdict
    exit
fi
if python_with jsonschema,yaml; then check "metadata" $python $here/check.py
else skip "metadata" "python3-jsonschema or python3-yaml is not installed"; fi
if have xmllint; then check "CMSIS-Pack is well formed" pdsc; else skip "CMSIS-Pack" "xmllint is not installed"; fi

if have clangd; then check "clangd shows contracts" timeout 60 python3 $here/hover.py
else skip "clangd shows contracts" "clangd is not installed"; fi
if have doxygen; then check "the reference, without a warning" make docs
else skip "the reference" "doxygen is not installed"; fi

if have meson && have pkg-config; then
    check "Meson, installed" meson_installed
    check "Meson, as a wrap" meson_wrap
    if have arm-none-eabi-gcc; then check "Meson for a Cortex-M0+" meson_cross
    else skip "Meson for a Cortex-M0+" "there is no arm-none-eabi-gcc"; fi
else
    skip "Meson" "meson or pkg-config is not installed"
fi

if have avr-g++ && [ -d $core ]; then check "Arduino Uno" arduino_uno
else skip "Arduino Uno" "there is no avr-g++ or no arduino-core-avr"; fi
if have arm-none-eabi-g++; then check "Arduino, Cortex-M0+" arduino_arm
else skip "Arduino, Cortex-M0+" "there is no arm-none-eabi-g++"; fi
# shellcheck disable=SC2086 # the compiler is words
if have arm-none-eabi-gcc; then check "PlatformIO, Cortex-M0+" platformio $arm
else skip "PlatformIO, Cortex-M0+" "there is no arm-none-eabi-gcc"; fi
if have avr-gcc; then check "PlatformIO, AVR" platformio avr-gcc -mmcu=atmega2560
else skip "PlatformIO, AVR" "there is no avr-gcc"; fi

if have cmake && python_with kconfiglib; then
    check "ESP-IDF, its lock" component "$PWD" Kconfig LOCK_2_ROUND_8_
    check "ESP-IDF, options" component "$PWD" Kconfig LOCK_1_ROUND_4_ TEASPOON_LOCK=1 TEASPOON_ROUND=4
    check "Zephyr, its lock" component "$PWD/zephyr" zephyr/Kconfig LOCK_2_ROUND_8_ TEASPOON=y
    check "Zephyr, options" component "$PWD/zephyr" zephyr/Kconfig 'LOCK_0_.*DEBUG_2' TEASPOON=y TEASPOON_LOCK=0 \
        TEASPOON_DEBUG=2
else
    skip "ESP-IDF and Zephyr" "cmake or python3-kconfiglib is not installed"
fi
if have cmake; then
    check "vcpkg's recipe" vcpkg
    check "Conan's recipe" conan
else
    skip "vcpkg and Conan" "cmake is not installed"
fi
verdict
