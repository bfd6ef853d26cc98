//! Rebuilds the server if the migrations change: they are embedded, but cargo does not track new files there.

fn main() {
    println!("cargo:rerun-if-changed=../migrations");
}
