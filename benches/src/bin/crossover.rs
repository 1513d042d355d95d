//! The tables that end `cargo bench`, without the benchmarks before them.

use std::io;

fn main() -> io::Result<()> {
    waitset_bench::limits::raise();
    waitset_bench::closing::print()
}
