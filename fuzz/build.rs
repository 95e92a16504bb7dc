//! Compiles the target that is written in C.

fn main() {
    println!("cargo::rerun-if-changed=targets/capi.c");
    println!("cargo::rerun-if-changed=../include/superchat.h");
    cc::Build::new().file("targets/capi.c").include("../include").compile("capi");
}
