//! Drives `ws_chat` as browsers do, and as those who mean it no good.

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use serde_json::json;
use support::{LONGEST, Server, Tab, on_every_mechanism, once};
use tungstenite::Message;
use tungstenite::protocol::frame::coding::CloseCode;

/// A tab on the chat, under this name.
fn join(running: &Server, name: &str) -> Tab {
    let mut tab = Tab::open(running, "/chat");
    tab.say(&json!({ "join": name }));
    tab
}

fn chats_go_on(running: &Server) {
    let mut tab = join(running, "witness");
    assert_eq!(tab.told()["kind"], "welcome");
    tab.say(&json!({ "say": "still here" }));
    loop {
        if tab.told()["text"] == "still here" {
            return;
        }
    }
}

#[test]
fn two_tabs_chat() {
    on_every_mechanism("ws_chat", &[], |running| {
        let mut ada = join(&running, "Ada");
        assert_eq!(
            ada.told(),
            json!({ "kind": "welcome", "name": "Ada", "others": [] })
        );
        let mut twin = join(&running, " Ada ");
        let welcome = json!({ "kind": "welcome", "name": "Ada 2", "others": ["Ada"] });
        assert_eq!(twin.told(), welcome);
        assert_eq!(ada.told(), json!({ "kind": "joined", "name": "Ada 2" }));
        ada.say(&json!({ "say": "<b>hello</b>" }));
        let said = json!({ "kind": "said", "name": "Ada", "text": "<b>hello</b>" });
        assert_eq!((ada.told(), twin.told()), (said.clone(), said));
        twin.close();
        assert_eq!(ada.told(), json!({ "kind": "left", "name": "Ada 2" }));
    });
}

#[test]
fn the_page_and_the_socket_come_from_one_server() {
    once("ws_chat", &[], |running| {
        let mut client = running.connect();
        assert!(client.get("/").text().contains("chat.js"));
        assert_eq!(client.get("/chat").status, 426);
        chats_go_on(&running);
    });
}

#[test]
fn what_is_no_chat_is_not_heard() {
    once("ws_chat", &[], |running| {
        let mut tab = Tab::open(&running, "/chat");
        for text in ["", "{", "{\"say\":\"before a name\"}", "[]", "{\"join\":1}"] {
            tab.0.send(Message::text(text)).unwrap();
        }
        tab.0.send(Message::binary(vec![0, 1])).unwrap();
        tab.say(&json!({ "join": "a".repeat(1000) }));
        assert_eq!(tab.told()["name"], "a".repeat(24));
        tab.say(&json!({ "say": "x".repeat(5000) }));
        assert_eq!(tab.told()["text"], "x".repeat(2000));
    });
}

/// A tab for which the kernel keeps little.
fn join_with_little_room(running: &Server, name: &str) -> Tab {
    let mut tab = Tab::over(running.connect_with_little_room().stream, "/chat");
    tab.say(&json!({ "join": name }));
    tab
}

/// Says more than is kept for somebody who does not read: 1 MB.
fn shout(loud: &mut Tab) {
    let text = "x".repeat(2000);
    // Few at a time: what it is told itself has room in the kernel's buffers, so that it is
    // never the slow one, however seldom it has a processor.
    for _ in 0..50 {
        for _ in 0..10 {
            loud.say(&json!({ "say": text }));
        }
        for _ in 0..10 {
            while loud.told()["kind"] != "said" {}
        }
    }
}

#[test]
fn a_slow_tab_is_told_why_it_is_closed() {
    on_every_mechanism("ws_chat", &["--send-ms", "60000"], |running| {
        let mut slow = join_with_little_room(&running, "slow");
        let mut loud = join(&running, "loud");
        shout(&mut loud);
        assert!(running.resident_kib() < 64 * 1024);
        assert_eq!(slow.close_code(), Some(CloseCode::Policy));
        chats_go_on(&running);
    });
}

#[test]
fn a_tab_that_never_reads_is_dropped() {
    on_every_mechanism("ws_chat", &["--send-ms", "300"], |running| {
        let _slow = join_with_little_room(&running, "slow");
        let mut loud = join(&running, "loud");
        shout(&mut loud);
        let mut witness = join(&running, "witness");
        let others = witness.told()["others"].clone();
        if others == json!(["loud", "slow"]) {
            while witness.told() != json!({ "kind": "left", "name": "slow" }) {}
        }
    });
}

const OPENING: &str = "\
GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// A connection on which the opening is done, for frames by hand.
fn raw(running: &Server) -> TcpStream {
    let mut client = running.connect();
    client.send(format!("{OPENING}\r\n"));
    assert_eq!(client.head().status, 101);
    client.stream
}

/// The same, unless the server has lost patience.
fn try_raw(running: &Server) -> Option<TcpStream> {
    let mut stream = running.connect().stream;
    stream.write_all(OPENING.as_bytes()).ok()?;
    stream.write_all(b"\r\n").ok()?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        head.extend(byte);
    }
    head.starts_with(b"HTTP/1.1 101").then_some(stream)
}

/// What comes until the server closes.
fn rest(mut stream: &TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    // A reset ends it as well.
    let _ = stream.read_to_end(&mut bytes);
    bytes
}

#[test]
fn frames_that_are_not_allowed_end_with_their_code() {
    const MASK: &[u8] = &[0; 4];
    let huge = [&[0x82, 0xff], &(1_u64 << 63).to_be_bytes()[..], MASK].concat();
    let long_ping = [&[0x89, 0xfe, 0, 126][..], MASK, &[0; 126]].concat();
    let fragments = [&[0x01, 0x80][..], MASK].concat();
    let more = [&[0x00, 0x80][..], MASK].concat().repeat(100_000);
    on_every_mechanism("ws_chat", &[], |running| {
        for (name, frames, code) in [
            ("2^63 bytes", huge.clone(), 1009_u16),
            ("an unmasked frame", b"\x81\x02hi".to_vec(), 1002),
            ("a long ping", long_ping.clone(), 1002),
            (
                "empty fragments",
                [fragments.clone(), more.clone()].concat(),
                1009,
            ),
        ] {
            let mut stream = raw(&running);
            // The server may have had enough before all of it is sent.
            let _ = stream.write_all(&frames);
            let bytes = rest(&stream);
            let told = [&[0x88, 2], &code.to_be_bytes()[..]].concat();
            assert_eq!(bytes, told, "{name}");
        }
        assert!(running.resident_kib() < 64 * 1024);
        chats_go_on(&running);
    });
}

#[test]
fn a_socket_that_shows_no_sign_of_life_is_pinged_and_dropped() {
    let flags = ["--idle-ms", "200", "--head-ms", "500"];
    on_every_mechanism("ws_chat", &flags, |running| {
        // The opening has a deadline, too, for which this process may be too slow.
        let since = Instant::now();
        let dead = loop {
            if let Some(stream) = try_raw(&running) {
                break stream;
            }
            assert!(since.elapsed() < LONGEST, "it never opens in time");
        };
        assert_eq!(rest(&dead), b"\x89\x00");
    });
}

#[test]
fn a_socket_that_answers_its_pings_lives() {
    on_every_mechanism("ws_chat", &["--idle-ms", "200"], |running| {
        let mut alive = Tab::open(&running, "/chat");
        // Who does not answer a first one gets no second.
        for _ in 0..4 {
            assert_eq!(alive.0.read().unwrap(), Message::Ping(Vec::new().into()));
        }
        chats_go_on(&running);
    });
}

#[test]
fn another_sites_page_is_refused() {
    once("ws_chat", &[], |running| {
        let mut client = running.connect();
        client.send(format!("{OPENING}Origin: http://evil.example\r\n\r\n"));
        assert_eq!(client.answer().status, 403);
    });
}

#[test]
fn a_page_of_this_site_is_known_however_it_is_written() {
    on_every_mechanism("ws_chat", &[], |running| {
        for (host, origins, status) in [
            ("a:80", "Origin: http://a\r\n", 101),
            ("a:443", "Origin: https://a\r\n", 101),
            ("A:1", "Origin: http://a:1\r\n", 101),
            ("a", "Origin: http://evil\r\nOrigin: http://evil\r\n", 403),
        ] {
            let mut client = running.connect();
            let opening = OPENING.replace("Host: a", &format!("Host: {host}"));
            client.send(format!("{opening}{origins}\r\n"));
            assert_eq!(client.head().status, status, "{host} {origins}");
        }
        chats_go_on(&running);
    });
}

#[test]
fn nothing_is_lost_or_taken_for_frames_where_the_protocol_changes() {
    on_every_mechanism("ws_chat", &[], |running| {
        // Frames that come with the opening are heard.
        let mut client = running.connect();
        let opening = OPENING.replace("/chat", "//%65cho?x=/");
        let frame = b"\x81\x82\0\0\0\0hi";
        client.send([opening.as_bytes(), b"\r\n", frame].concat());
        assert_eq!(client.head().status, 101);
        assert_eq!(client.take(4), b"\x81\x02hi");
        // A body is none.
        let mut client = running.connect();
        client.send(format!("{OPENING}Content-Length: 8\r\n\r\n"));
        assert_eq!(client.answer().status, 400);
        client.send(frame);
        assert_eq!(client.get("/chat.js").status, 200);
        // And where the connection is to be closed, it is.
        let mut client = running.connect();
        let opening = OPENING.replace("Connection: Upgrade", "Connection: Upgrade, close");
        client.send([opening.as_bytes(), b"\r\n", frame].concat());
        assert_eq!(client.answer().status, 400);
        assert!(client.is_closed());
    });
}

#[test]
fn a_close_is_answered_and_the_connection_ended() {
    on_every_mechanism("ws_chat", &[], |running| {
        let mut tab = Tab::open(&running, "/echo");
        tab.0.send(Message::binary(vec![1; 10_000])).unwrap();
        assert_eq!(tab.0.read().unwrap(), Message::binary(vec![1; 10_000]));
        tab.close();
    });
}

#[test]
fn who_says_goodbye_and_does_not_hang_up_is_dropped() {
    let flags = ["--linger-ms", "100", "--idle-ms", "600000"];
    on_every_mechanism("ws_chat", &flags, |running| {
        let mut ada = join(&running, "Ada");
        let mut clinging = join(&running, "clinging");
        clinging.0.close(None).unwrap();
        while ada.told() != json!({ "kind": "left", "name": "clinging" }) {}
    });
}
