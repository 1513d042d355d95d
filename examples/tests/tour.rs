//! Takes the tour of waitset-async, on every mechanism.
#![allow(
    clippy::disallowed_macros,
    reason = "the harness captures what a test prints"
)]

mod support;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::Stdio;

use nix::sys::signal::Signal;
use support::{LONGEST, Running, example, mechanisms};

#[test]
fn the_tour_visits_everything_and_then_serves_until_a_signal() {
    for (backend, host) in mechanisms().zip(["localhost", "127.0.0.1"].into_iter().cycle()) {
        eprintln!("on {backend}, {host}");
        let mut command = example("tour");
        command.args(["--backend", backend.name(), "--host", host]);
        let mut running = Running::start(command.stderr(Stdio::piped()));
        let errors = running.errors();

        let first = running.line();
        let first = first.strip_prefix("listening on ").unwrap();
        let (address, mechanism) = first.split_once(" backend=").unwrap();
        assert_eq!(mechanism, backend.name());
        for expected in [
            "sorted: APPLES FIGS PEARS",
            "tick 1",
            "tick 2",
            "tick 3",
            "a thread has computed 500000500000",
            "a task: the task was cancelled",
            "serving until Ctrl-C",
        ] {
            assert_eq!(running.line(), expected);
        }

        let mut client = TcpStream::connect(address).unwrap();
        client.set_read_timeout(Some(LONGEST)).unwrap();
        client.write_all(b"hello\nthere\n").unwrap();
        let mut lines = BufReader::new(client).lines();
        for expected in ["HELLO", "THERE"] {
            assert_eq!(lines.next().unwrap().unwrap(), expected);
        }

        running.send(Signal::SIGTERM); // while a client is there
        assert_eq!(running.rest(), "SIGTERM ends the tour\n");
        assert_eq!(errors.join().unwrap(), "");
    }
}
