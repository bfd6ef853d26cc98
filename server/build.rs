//! Tells cargo that the program carries the migrations: a new file alone would not rebuild it.

fn main() {
    println!("cargo:rerun-if-changed=../migrations");
}
