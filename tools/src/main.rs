//! The thin binary: an allocator and the command line of the library.

use std::process::ExitCode;

#[global_allocator]
static GLOBAL: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    dutchbook_tools::cli::main()
}
