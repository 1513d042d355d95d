//! Chats with `chat`, on every mechanism.

mod support;

use std::io::{BufRead, BufReader};
use std::process::Command;
use std::thread;

use support::{Client, Server, example, on_every_mechanism};
use waitset::Backend;

fn reads(client: &mut Client, text: &str) {
    let got = client.take(text.len());
    assert_eq!(String::from_utf8_lossy(&got), text);
}

/// Has one join, which it reads as those do who are there already.
fn join(running: &Server, name: &str, others: &mut [&mut Client]) -> Client {
    let mut client = running.connect();
    client.send(format!("{name}\n"));
    reads(&mut client, &format!("{name} joins\n"));
    for other in others {
        reads(other, &format!("{name} joins\n"));
    }
    client
}

#[test]
fn who_joins_speaks_and_leaves_is_told_to_the_others() {
    on_every_mechanism("chat", &[], |running| {
        let mut anna = running.connect();
        anna.send("\n");
        reads(&mut anna, "another name, please\n");
        anna.send("An\x1bna\n"); // without what a terminal would obey
        reads(&mut anna, "Anna joins\n");
        let mut berta = running.connect();
        berta.send("Anna\nBerta\nhello\n");
        reads(&mut anna, "Berta joins\nBerta: hello\n");
        reads(&mut berta, "another name, please\nBerta joins\n");
        anna.send("good day\n");
        reads(&mut berta, "Anna: good day\n");
        berta.finish();
        reads(&mut anna, "Berta leaves\n");
        assert!(berta.is_closed());
        running.stop();
    });
}

#[test]
fn a_slow_reader_is_dropped_and_the_others_miss_nothing() {
    on_every_mechanism("chat", &[], |running| {
        let mut fast = join(&running, "fast", &mut []);
        let mut speaker = join(&running, "speaker", &mut [&mut fast]);
        let _slow = join(&running, "slow", &mut [&mut fast, &mut speaker]);
        let line = format!("{}\n", "x".repeat(999));
        let told = format!("speaker: {line}");
        let said = line.repeat(32);
        let dropped = "slow reads too slowly\n";
        // No more at a time than there is room for, so that `fast` is never the slow one.
        // The kernel's buffers hold some hundred thousand bytes for `slow`.
        let mut is_dropped = false;
        for _ in 0..64 {
            speaker.send(&said);
            for _ in 0..32 {
                let mut begin = fast.take(dropped.len());
                if begin == dropped.as_bytes() {
                    is_dropped = true;
                    begin = fast.take(dropped.len());
                }
                begin.extend(fast.take(told.len() - begin.len()));
                assert!(begin == told.as_bytes());
            }
            if is_dropped {
                break;
            }
        }
        assert!(is_dropped, "2 MB, and it is still there");
        reads(&mut speaker, dropped);
        let text = running.stop();
        assert!(text.contains("3 joined, 1 were dropped"), "{text}");
    });
}

/// One that joins, and from then on reads nothing and has room for little.
fn join_without_reading(running: &Server, number: usize) -> Client {
    let mut client = running.connect_with_little_room();
    client.send(format!("slow {number}\n"));
    client
}

#[test]
fn hundreds_who_are_slow_at_once_are_dropped_on_a_small_stack() {
    // On one mechanism: none of them takes part in who is dropped.
    let mut command = Command::new("sh");
    command
        .args(["-c", "ulimit -s 128 && exec \"$0\" \"$@\""])
        .arg(example("chat").get_program());
    let running = Server::spawn(command, Backend::default(), &[]);
    let slow: Vec<_> = (0..300)
        .map(|number| join_without_reading(&running, number))
        .collect();
    let mut speaker = join(&running, "speaker", &mut []);
    let line = format!("{}\n", "x".repeat(3999));
    let heard = BufReader::new(speaker.stream.try_clone().unwrap());
    thread::scope(|scope| {
        let listening = scope.spawn(|| {
            let lines = heard.lines().map(Result::unwrap);
            let dropped = lines.filter(|line| line.ends_with(" reads too slowly"));
            assert_eq!(dropped.take(slow.len()).count(), slow.len());
        });
        // The kernel's buffers hold some hundred thousand bytes for each.
        (0..500)
            .take_while(|_| !listening.is_finished())
            .for_each(|_| speaker.send(&line));
    });
    assert!(running.stop().contains("301 joined, 300 were dropped"));
}

#[test]
fn who_writes_a_line_without_an_end_is_dropped() {
    on_every_mechanism("chat", &[], |running| {
        let mut other = join(&running, "other", &mut []);
        let mut endless = join(&running, "endless", &mut [&mut other]);
        endless.send("x".repeat(4096));
        reads(&mut other, "endless writes without an end\n");
        assert!(endless.is_closed());
    });
}
