//! The `brightmeter` command.

use std::process::ExitCode;

/// A request makes some hundred small allocations, on whichever thread; the system's allocator takes a fifth of its time for them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    server::cli::main()
}
