//! The program: allocator, TLS provider, command line, exit code.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Before anything can ask for a provider. Only a second call could fail.
    let _installed = rustls::crypto::ring::default_provider().install_default();
    jeton::cli::run()
}
