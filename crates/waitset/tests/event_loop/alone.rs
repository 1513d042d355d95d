//! Tests that change what a whole process shares: each runs in a child process of its
//! own.

use std::env;
use std::io::{self, ErrorKind, Write};
use std::process::Command;

use waitset::Backend;

use crate::mechanisms::AnyReactor;
use crate::sys;

/// Names the mechanism to a child.
const VARIABLE: &str = "WAITSET_ALONE_ON";

/// Runs `body`, the whole of the test of this name, once for each mechanism in a child.
pub(crate) fn on_every_mechanism(test: &str, body: impl FnOnce(AnyReactor)) {
    if let Ok(name) = env::var(VARIABLE) {
        let backend: Backend = name.parse().unwrap();
        return body(backend.open().unwrap());
    }
    for backend in Backend::all() {
        match backend.open() {
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                // Past the harness, which keeps what passing tests print to itself.
                let _ = writeln!(io::stderr(), "NOT CHECKED: {error}");
            }
            opened => {
                drop(opened.unwrap());
                run_in_child(test, backend);
            }
        }
    }
}

fn run_in_child(test: &str, backend: Backend) {
    let mut command = Command::new(env::current_exe().unwrap());
    // The harness has a thread beside the test's.
    sys::block_in_every_thread(&mut command);
    let output = command
        .args([test, "--exact", "--nocapture"])
        .env(VARIABLE, backend.name())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "on {backend}: {}\n{text}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
}
