//! What each mechanism does by itself, what waitset adds, what can't be had.

use std::io;

use press::{eprintln, println}; // end when the reader does, where those of std panic
use waitset::{Backend, Capabilities, Interest, Support};

fn support(support: Support) -> String {
    match support {
        Support::Native => "native",
        Support::Emulated => "added",
        Support::Unsupported => "-",
    }
    .to_owned()
}

fn yes(is: bool) -> String {
    if is { "yes" } else { "-" }.to_owned()
}

fn directions(interest: Interest) -> String {
    let of = |one: Interest, letter| if interest.contains(one) { letter } else { "" };
    let read_write = of(Interest::READABLE, "r").to_owned() + of(Interest::WRITABLE, "w");
    read_write + of(Interest::PRIORITY, "p")
}

type Row = (&'static str, fn(&Capabilities) -> String);

const ROWS: [Row; 12] = [
    ("level", |c| support(c.level)),
    ("edge", |c| support(c.edge)),
    ("oneshot", |c| support(c.oneshot)),
    ("timeout step", |c| format!("{:?}", c.timeout_resolution)),
    ("sleeps", |c| yes(c.sleeps)),
    ("hang-up shows as", |c| directions(c.hangup_shows_as)),
    ("error shows as", |c| directions(c.error_shows_as)),
    ("hang-up told apart", |c| yes(c.hints)),
    ("half-close told", |c| yes(c.peer_closed_hint)),
    ("finds dead files", |c| yes(c.reports_closed_descriptors)),
    ("looks before telling", |c| yes(c.rechecks_events)),
    ("a stop ends a wait", |c| yes(c.interrupted_by_stop)),
];

fn main() -> io::Result<()> {
    let mut columns = Vec::new();
    for backend in Backend::all() {
        match backend.open() {
            Ok(reactor) => columns.push((backend.name(), reactor.capabilities())),
            Err(error) => eprintln!("{backend} is left out: {error}"),
        }
    }
    let line = |first: &str, cells: Vec<String>| {
        let cells: String = cells.iter().map(|cell| format!("  {cell:<6}")).collect();
        println!("{}", format!("{first:<20}{cells}").trim_end());
    };
    line(
        "mechanism",
        columns.iter().map(|(name, _)| (*name).to_owned()).collect(),
    );
    for (name, cell) in ROWS {
        line(name, columns.iter().map(|(_, of)| cell(of)).collect());
    }
    Ok(())
}
