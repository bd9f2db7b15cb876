//! The program beside the data, inside every container of the fleet: its loader and libraries are in its own volume
//! (`build.rs`, `fleet/worker-image`).

fn main() -> std::process::ExitCode {
    worker::program()
}
