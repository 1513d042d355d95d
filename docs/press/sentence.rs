//! Commands within sentences: each is a recorded one, or is listed here with what becomes
//! of it, so that no command of the book is run by nobody.

use std::collections::BTreeSet;

use crate::println;
use crate::record::{recordings, run};
use crate::{LANGUAGES, Result, files, read, splice, text_of};

/// What `press commands` does with a command that no recording has.
enum Way {
    /// Runs it to its end.
    Ends,
    /// Runs it until it says that it listens, and ends it.
    Listens,
    /// Does not run it, for this reason.
    NotRun(&'static str),
}

const LISTED: [(&str, Way); 10] = [
    (
        "cargo bench",
        Way::NotRun("takes minutes; .ci/run runs it in test mode"),
    ),
    ("cargo doc --open -p waitset", Way::Ends),
    (
        "cargo run --release --example httpd -- --explain",
        Way::Listens,
    ),
    ("cargo run --release --example ports", Way::Listens),
    ("cargo run --release -p waitset-bench -- --help", Way::Ends),
    ("cargo run --release -p waitset-bench -- compare", Way::Ends),
    ("cargo run … --example NAME", Way::NotRun(A_FORM)),
    ("docs/run NAME", Way::NotRun(A_FORM)),
    (
        "man 2 accept",
        Way::NotRun("the manual need not be installed"),
    ),
    ("ulimit -n", Way::Ends),
];

const A_FORM: &str = "no command but the form of those that are recorded";

/// Seconds for each, compiling and linking included.
const SECONDS: u32 = 900;

/// How a command begins that a reader types.
const PROGRAMS: [&str; 22] = [
    "cargo",
    "cat",
    "cc",
    "cd",
    "curl",
    "docs/",
    "examples/",
    "gcc",
    "git",
    "kill",
    "man",
    "nc",
    "perf",
    "rustup",
    "sh",
    "ss",
    "strace",
    "sudo",
    "sysctl",
    "taskset",
    "ulimit",
    "watch",
];

/// What is wrong with the commands within sentences.
pub(crate) fn faults() -> Result<Vec<String>> {
    let recorded = recordings()?;
    let recorded: BTreeSet<&str> = recorded.iter().map(|it| it.command()).collect();
    let mut said = BTreeSet::new();
    for language in LANGUAGES {
        for path in files(&text_of(language), "md")? {
            said.extend(commands(&splice::without_spliced(&read(&path)?)));
        }
    }
    let is_listed = |command: &str| LISTED.iter().any(|(listed, _)| *listed == command);
    let is_run = |command: &&String| recorded.contains(command.as_str()) || is_listed(command);
    let unlisted = said.iter().filter(|command| !is_run(command));
    let mut faults: Vec<_> = unlisted
        .map(|command| format!("`{command}` is no recording and not in press/sentence.rs"))
        .collect();
    let unsaid = LISTED.iter().filter(|(listed, _)| !said.contains(*listed));
    faults.extend(unsaid.map(|(listed, _)| format!("press/sentence.rs: no chapter says {listed}")));
    Ok(faults)
}

/// Runs the listed commands; what failed is added to `failed`, a line each.
pub(crate) fn run_listed(failed: &mut Vec<String>) {
    for (command, way) in LISTED {
        let script = match way {
            // `cargo doc --open` opens what BROWSER names.
            Way::Ends => format!("export BROWSER=true; {command} >/dev/null"),
            Way::Listens => until_it_listens(command),
            Way::NotRun(reason) => {
                println!("{command}: not run: {reason}");
                continue;
            }
        };
        let ended = run(&script, SECONDS);
        println!(
            "{command}: {}",
            if ended.is_ok() { "ran" } else { "failed" }
        );
        failed.extend(ended.err());
    }
}

fn until_it_listens(command: &str) -> String {
    format!(
        "log=$(mktemp); trap 'rm -f $log' EXIT; {command} >$log 2>&1 & server=$!
        until grep -q 'listening on' $log; do
            kill -0 $server 2>/dev/null || {{ cat $log; exit 1; }}
            sleep 0.1
        done
        kill $server; wait $server"
    )
}

/// The commands in the inline code of `text`: more than one word, the first a program.
fn commands(text: &str) -> impl Iterator<Item = String> {
    // What stands between an odd and an even mark is code.
    let code = text.split('`').skip(1).step_by(2);
    let code = code.map(|code| code.split_whitespace().collect::<Vec<_>>().join(" "));
    code.filter(|code| {
        let starts = |program: &&str| {
            let rest = code.strip_prefix(program);
            rest.is_some_and(|rest| program.ends_with('/') || rest.starts_with(' '))
        };
        code.contains(' ') && PROGRAMS.iter().any(starts)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_told_from_other_code_and_across_the_ends_of_lines() {
        let text =
            "Run `curl -s\nhttp://x/`, `docs/run x`; not `docs/run`, `select` or `async fn`.";
        let found: Vec<_> = commands(text).collect();
        assert_eq!(found, ["curl -s http://x/", "docs/run x"]);
    }

    #[test]
    fn what_listens_is_ended_and_what_ends_before_it_does_has_failed() {
        let listens = until_it_listens(
            "sh -c 'trap \"exit 0\" TERM; echo listening on; while :; do sleep 0.1; done'",
        );
        assert!(run(&listens, 60).is_ok());
        assert!(run(&until_it_listens("echo no"), 60).is_err());
    }
}
