//! Compiles dist/teaspoon.c with CC (cc; for another target TARGET-gcc) and CFLAGS, and archives it with AR (ar).
use std::env::var;
use std::path::PathBuf;
use std::process::Command;

/// What is written into lib.rs of the handles: so many words are enough for each.
const SIZES: &str = r#"#include "teaspoon.h"
#define FIT(V, words32, words64) \
    typedef char V##_fits[sizeof(V) <= (sizeof(void *) == 4 ? words32 : words64) * sizeof(void *) ? 1 : -1]
FIT(tsp4k, 4, 3);
FIT(tsp128k, 5, 4);
FIT(tsp16m, 8, 5);
"#;

fn run(command: &mut Command) {
    let status = command.status().unwrap_or_else(|error| panic!("{:?}: {}", command, error));
    assert!(status.success(), "{:?}: {}", command, status);
}

fn main() {
    let (host, target) = (var("HOST").unwrap(), var("TARGET").unwrap());
    let source = PathBuf::from(var("CARGO_MANIFEST_DIR").unwrap()).join("../../dist");
    let out = PathBuf::from(var("OUT_DIR").unwrap());
    let is_x86_twin = host.starts_with("x86_64") && target == host.replacen("x86_64", "i686", 1);
    let tools = if host == target || is_x86_twin { String::new() } else { target.clone() + "-" };
    let cc = var("CC").unwrap_or(if tools.is_empty() { "cc".into() } else { tools.clone() + "gcc" });
    let ar = var("AR").unwrap_or(tools + "ar");
    let checked = out.join("sizes.c");
    std::fs::write(&checked, SIZES).unwrap();
    for (file, object) in [(source.join("teaspoon.c"), "teaspoon.o"), (checked, "sizes.o")] {
        let mut command = Command::new(&cc);
        command.args(["-std=c99", "-O2", "-ffunction-sections", "-fPIC", "-c", "-o"]).arg(out.join(object)).arg(file);
        command.arg("-I").arg(&source).args(is_x86_twin.then(|| "-m32"));
        command.args(var("CFLAGS").unwrap_or_default().split_whitespace());
        run(&mut command);
    }
    run(Command::new(ar).arg("rcs").arg(out.join("libteaspoon.a")).arg(out.join("teaspoon.o")));
    println!("cargo:rustc-link-search=native={}", out.display());
    println!("cargo:rustc-link-lib=static=teaspoon");
    println!("cargo:rerun-if-changed={}", source.display());
    for name in ["CC", "AR", "CFLAGS"] {
        println!("cargo:rerun-if-env-changed={}", name);
    }
}
