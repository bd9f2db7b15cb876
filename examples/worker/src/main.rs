//! The program beside the data, as it runs on the machine that built it.

fn main() -> std::process::ExitCode {
    worker::program()
}
