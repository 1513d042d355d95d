//! Holds the model of the interactive page to the real mechanisms.
#![allow(
    clippy::disallowed_macros,
    reason = "the harness captures what a test prints"
)]

use std::fmt::Write as _;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use waitset::{
    EpollReactor, Interest, Key, Mode, PollReactor, Reactor, SelectReactor, Sweep, WaitSet,
};

const SOCKETS: usize = 6;
const TURNS: usize = 300;

/// Which sockets get a message before each turn: none, one or several.
fn arrivals() -> Vec<Vec<usize>> {
    let mut seed = 1_u32;
    let mut next = |below: u32| {
        // Numerical Recipes' linear congruential generator: the same script on each run.
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 16) % below
    };
    let turn = |_| {
        let count = [0, 0, 1, 1, 2, 4][next(6) as usize];
        (0..count).map(|_| next(SOCKETS as u32) as usize).collect()
    };
    (0..TURNS).map(turn).collect()
}

/// What a mechanism tells in each turn, and with how many system calls: a line a turn.
fn really(reactor: Box<dyn Reactor + Send>, mode: Mode, drains: bool) -> String {
    let mut set = WaitSet::with_reactor(reactor);
    let mut senders = Vec::new();
    let mut keys: Vec<Key> = Vec::new();
    for _ in 0..SOCKETS {
        let (near, far) = UnixDatagram::pair().unwrap();
        near.set_nonblocking(true).unwrap();
        keys.push(set.insert(near, Interest::READABLE, mode).unwrap());
        senders.push(far);
    }
    // What registration costs is no part of a wait.
    set.wait(Some(Duration::ZERO)).unwrap();
    while set.next_event().is_some() {}
    let mut lines = String::new();
    for turn in arrivals() {
        for socket in turn {
            senders[socket].send(b"!").unwrap();
        }
        let before = set.reactor().stats();
        set.wait(Some(Duration::ZERO)).unwrap();
        let calls = set.reactor().stats().since(&before).wait_calls;
        let mut told = Vec::new();
        while let Some((key, _event)) = set.next_event() {
            told.push(keys.iter().position(|known| *known == key).unwrap());
            let socket = set.get(key).unwrap();
            while socket.recv(&mut [0; 8]).is_ok() && drains {}
        }
        if set.reactor().name() == "sweep" {
            told.sort_unstable(); // its rounds begin where the last one ended
        }
        writeln!(lines, "{told:?} {calls}").unwrap();
    }
    lines
}

/// The same from the model.
fn modelled(name: &str, drains: bool) -> Option<String> {
    let script = "
        const model = require(process.argv[1]);
        const [name, drains, arrivals] = [process.argv[2], process.argv[3] === 'true', JSON.parse(process.argv[4])];
        let world = model.make(name, Number(process.argv[5]), drains);
        for (const turn of arrivals) {
            for (const socket of turn) world = model.arrive(world, socket);
            world = model.look(world);
            console.log(`[${world.events.join(', ')}] ${model.calls(world)}`);
            world = model.read(world);
        }";
    let file: PathBuf = press::docs().join("interactive/mechanisms.js");
    let output = Command::new("node")
        .args(["-e", script])
        .arg(file)
        .args([name, &drains.to_string(), &format!("{:?}", arrivals())])
        .arg(SOCKETS.to_string())
        .output()
        .ok()?;
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn the_interactive_page_tells_what_the_real_mechanisms_tell() {
    if Command::new("node").arg("--version").output().is_err() {
        println!("skipped: node is not installed");
        return;
    }
    let open = |name: &str| -> Box<dyn Reactor + Send> {
        match name {
            "select" => Box::new(SelectReactor::new().unwrap()),
            "poll" => Box::new(PollReactor::new().unwrap()),
            "busy" => Box::new(Sweep::new()),
            _ => Box::new(EpollReactor::new().unwrap()),
        }
    };
    for name in ["select", "poll", "epoll level", "epoll edge", "busy"] {
        for drains in [true, false] {
            let mode = if name == "epoll edge" {
                Mode::Edge
            } else {
                Mode::Level
            };
            let real = really(open(name), mode, drains);
            let modelled = modelled(name, drains).unwrap();
            for (turn, (real, modelled)) in real.lines().zip(modelled.lines()).enumerate() {
                assert_eq!(real, modelled, "{name}, drains {drains}, turn {turn}");
            }
            assert_eq!(real.lines().count(), modelled.lines().count());
        }
    }
}
