//! The program: its arguments and environment, and one call.

use std::env;
use std::process::ExitCode;

use pages_retry::app;
use pages_retry::env::Env;
use pages_retry::io::Signals;

fn main() -> ExitCode {
    // First of all: an earlier signal would end the program without outputs.
    let signals = Signals::install();
    let arguments: Vec<_> = env::args_os().skip(1).collect();
    app::run(&arguments, &Env::from_os(env::vars_os()), signals)
}
