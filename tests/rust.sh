#!/bin/sh
# The crate of bindings/rust with the compiler and cargo that are there (1.63 on), offline: under a global heap and by its
# calls, for this machine and, where the compiler has a library for it, i686. Ends in "N passed, N failed".
# SPDX-License-Identifier: BSD-3-Clause
cd "$(dirname "$0")/.." || exit 1
. scripts/suites.sh
if ! have cargo || ! have rustc; then
    skip "Rust" "cargo or rustc is not installed"
    verdict
    exit
fi
CARGO_TARGET_DIR=$(mktemp -d)
trap 'rm -rf "$CARGO_TARGET_DIR" "$SUITES_LOG"' EXIT
export CARGO_TARGET_DIR

crate() { # OPTION...
    cargo test --offline --quiet --manifest-path bindings/rust/Cargo.toml "$@"
}

allocator_api() {
    RUSTC_BOOTSTRAP=1 crate --features allocator_api --test families
}

check "the crate, $(rustc --version | cut -d ' ' -f 1-2)" crate
check "the crate's Allocator" allocator_api
i686="i686-unknown-linux-gnu"
if [ -d "$(rustc --print sysroot)/lib/rustlib/$i686" ]; then check "the crate, i686" crate --tests --target $i686
else skip "the crate, i686" "rustc has no library for it"; fi
verdict
