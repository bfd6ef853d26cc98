//! Rebuilds the server if the migrations change: they are embedded, but cargo does not track new files there. Declares the
//! condition that cargo-fuzz sets.

fn main() {
    println!("cargo:rerun-if-changed=../migrations");
    println!("cargo:rustc-check-cfg=cfg(fuzzing)");
}
