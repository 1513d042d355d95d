use tungstenite::Message;

use super::answer::Answer;
use super::head::Head;
use super::status::Status;
use super::target::Target;
use super::websocket::{self, WebSocket};

const CAP: usize = 1000;
const MASK: [u8; 4] = [1, 2, 3, 4];

/// A frame as a client sends it.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        length @ 0..126 => bytes.push(0x80 | length as u8),
        length => {
            bytes.push(0x80 | 126);
            bytes.extend((length as u16).to_be_bytes());
        }
    }
    bytes.extend(MASK);
    bytes.extend(
        payload
            .iter()
            .zip(MASK.iter().cycle())
            .map(|(byte, mask)| byte ^ mask),
    );
    bytes
}

/// What a fresh socket makes of `bytes`: messages, answers, whether it is over.
fn told(bytes: &[u8]) -> (Vec<Message>, Vec<u8>, bool) {
    let (mut socket, mut heard, mut output) = (WebSocket::new(CAP), Vec::new(), Vec::new());
    socket.receive(bytes, &mut heard, &mut output);
    socket.conclude(&mut output);
    (heard, output, socket.is_over())
}

/// The code of the close frame that `output` ends with.
fn close_code(output: &[u8]) -> Option<u16> {
    let start = output
        .windows(2)
        .rposition(|two| two[0] == 0x88 && two[1] >= 2)?;
    let code = output.get(start + 2..start + 4)?;
    Some(u16::from_be_bytes(code.try_into().ok()?))
}

fn head(fields: &str) -> Head {
    let text = format!("GET /ws HTTP/1.1\r\nHost: a:1\r\n{fields}\r\n");
    Head::read(text.as_bytes()).unwrap().unwrap().0
}

fn upgrade(head: &Head) -> Answer {
    websocket::upgrade(head, &Target::decode(&head.target).unwrap())
}

const OPENING: &str = "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";

#[test]
fn the_opening_is_answered_as_in_the_standard() {
    let answer = upgrade(&head(OPENING));
    assert_eq!(answer.status, Status::SwitchingProtocols);
    let accept = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
    assert!(answer.fields.contains(accept), "{}", answer.fields);
}

#[test]
fn other_requests_open_nothing() {
    for (from, to, status) in [
        ("13", "8", Status::UpgradeRequired),
        (
            "Upgrade: websocket",
            "Upgrade: h2c",
            Status::UpgradeRequired,
        ),
        ("dGhlIHNhbXBsZSBub25jZQ==", "short", Status::BadRequest),
        (", Upgrade", "", Status::BadRequest),
        (", Upgrade", ", Upgrade, close", Status::BadRequest),
        ("Q==", "Q=", Status::BadRequest),
        ("dGhl", "d-hl", Status::BadRequest),
        ("13\r\n", "13\r\nContent-Length: 8\r\n", Status::BadRequest),
        (
            "13\r\n",
            "13\r\nSec-WebSocket-Version: 13\r\n",
            Status::BadRequest,
        ),
        (
            "13\r\n",
            "13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
            Status::BadRequest,
        ),
    ] {
        let fields = OPENING.replacen(from, to, 1);
        assert_eq!(upgrade(&head(&fields)).status, status, "{to}");
    }
}

fn status_for(target: &str, fields: &str) -> Status {
    let text = format!("GET {target} HTTP/1.1\r\n{fields}{OPENING}\r\n");
    let head = Head::read(text.as_bytes()).unwrap().unwrap().0;
    upgrade(&head).status
}

#[test]
fn a_page_of_this_site_may_open_one_and_no_other_page() {
    for (host, origin) in [
        ("a", "http://a"),
        ("a:80", "http://a"),
        ("a:443", "https://a"),
        ("A:1", "http://a:1"),
        ("[::1]:1", "http://[0::1]:1"),
    ] {
        let fields = format!("Host: {host}\r\nOrigin: {origin}\r\n");
        assert_eq!(
            status_for("/ws", &fields),
            Status::SwitchingProtocols,
            "{fields}"
        );
    }
    for (host, origins) in [
        ("a", "Origin: http://evil\r\n"),
        ("a", "Origin: http://evil\r\nOrigin: http://evil\r\n"),
        ("a", "Origin: http://a\r\nOrigin: http://evil\r\n"),
        ("a", "Origin: http://\u{e9}\r\n"),
        ("a", "Origin: null\r\n"),
        ("null", "Origin: null\r\n"),
        ("a", "Origin:\r\n"),
        ("a:443", "Origin: http://a\r\n"),
    ] {
        let fields = format!("Host: {host}\r\n{origins}");
        assert_eq!(status_for("/ws", &fields), Status::Forbidden, "{fields}");
    }
    // The authority of a whole URI outweighs the field.
    let fields = "Host: b\r\nOrigin: http://a\r\n";
    assert_eq!(
        status_for("http://a/ws", fields),
        Status::SwitchingProtocols
    );
    assert_eq!(status_for("http://b/ws", fields), Status::Forbidden);
}

#[test]
fn a_limit_as_large_as_a_number_can_be_is_no_overflow() {
    let (mut socket, mut heard, mut output) = (WebSocket::new(usize::MAX), Vec::new(), Vec::new());
    socket.receive(&frame(0x81, b"hello"), &mut heard, &mut output);
    assert_eq!(heard, [Message::text("hello")]);
    // Nor is memory reserved for any frame.
    let huge = [&[0x82, 0xff][..], &(1_u64 << 62).to_be_bytes(), &MASK].concat();
    socket.receive(&huge, &mut heard, &mut output);
    socket.conclude(&mut output);
    assert_eq!(close_code(&output), Some(1009));
}

#[test]
fn a_message_is_whole_however_it_is_cut() {
    let mut bytes = frame(0x01, b"he"); // text, more to come
    bytes.extend(frame(0x89, b"ping"));
    bytes.extend(frame(0x00, b"l"));
    bytes.extend(frame(0x80, b"lo"));
    for cut in 1..bytes.len() {
        let (mut socket, mut heard, mut output) = (WebSocket::new(CAP), Vec::new(), Vec::new());
        for part in bytes.chunks(cut) {
            socket.receive(part, &mut heard, &mut output);
        }
        assert!(!socket.is_over());
        assert_eq!(heard, [Message::text("hello")]);
        assert_eq!(output, b"\x8a\x04ping");
    }
}

#[test]
fn what_is_not_allowed_ends_with_its_code() {
    let huge = |bits: u64| {
        let mut bytes = vec![0x82, 0x80 | 127];
        bytes.extend(bits.to_be_bytes());
        bytes.extend(MASK);
        bytes
    };
    let cases: [(&str, Vec<u8>, u16); 13] = [
        ("a length of 2^63", huge(1 << 63), 1009),
        ("a length of 2^64 - 1", huge(u64::MAX), 1009),
        ("a frame one too long", frame(0x82, &[0; CAP + 1]), 1009),
        (
            "a message one too long",
            [frame(0x02, &[0; CAP]), frame(0x80, &[0])].concat(),
            1009,
        ),
        ("an unmasked frame", b"\x81\x02hi".to_vec(), 1002),
        ("a long control frame", frame(0x89, &[0; 126]), 1002),
        ("a control frame in pieces", frame(0x09, b""), 1002),
        ("a reserved bit", frame(0xc1, b"x"), 1002),
        ("a reserved code", frame(0x83, b"x"), 1002),
        ("a continuation of nothing", frame(0x80, b"x"), 1002),
        (
            "a message in a message",
            [frame(0x01, b"x"), frame(0x81, b"y")].concat(),
            1002,
        ),
        ("text that is none", frame(0x81, b"\xff"), 1007),
        (
            "a close code that is none",
            frame(0x88, &999u16.to_be_bytes()),
            1002,
        ),
    ];
    for (name, bytes, code) in cases {
        let (heard, output, is_over) = told(&bytes);
        assert!(is_over, "{name}");
        assert!(heard.is_empty(), "{name}");
        assert_eq!(close_code(&output), Some(code), "{name}: {output:?}");
    }
}

#[test]
fn fragments_without_end_are_ended() {
    let (mut socket, mut heard, mut output) = (WebSocket::new(CAP), Vec::new(), Vec::new());
    socket.receive(&frame(0x01, b""), &mut heard, &mut output);
    assert!(!socket.is_over());
    let empty = frame(0x00, b"");
    let most = 16 * CAP / empty.len() + 1;
    for _ in 0..most {
        socket.receive(&empty, &mut heard, &mut output);
    }
    socket.conclude(&mut output);
    assert!(socket.is_over(), "{most} empty fragments were taken");
    assert_eq!(close_code(&output), Some(1009));
}

#[test]
fn pings_are_no_endless_message() {
    let (mut socket, mut heard, mut output) = (WebSocket::new(CAP), Vec::new(), Vec::new());
    for _ in 0..16 * CAP {
        socket.receive(&frame(0x89, b"0123456789"), &mut heard, &mut output);
        output.clear();
    }
    assert!(!socket.is_over());
}

#[test]
fn a_close_is_answered_with_its_code() {
    let (_, output, is_over) = told(&frame(0x88, &1000u16.to_be_bytes()));
    assert_eq!((close_code(&output), is_over), (Some(1000), true));
}

#[test]
fn nothing_is_sent_after_the_end() {
    let (mut socket, mut output) = (WebSocket::new(CAP), Vec::new());
    socket.close(1008.into(), "too slow", &mut output);
    let length = output.len();
    socket.send(Message::text("late"), &mut output);
    assert_eq!(output.len(), length);
    assert!(output.ends_with(b"\x03\xf0too slow"));
}

#[test]
fn what_was_said_before_a_fault_can_be_answered() {
    let (mut socket, mut heard, mut output) = (WebSocket::new(CAP), Vec::new(), Vec::new());
    let bytes = [
        frame(0x81, b"hello"),
        frame(0xc1, b"x"),
        frame(0x81, b"late"),
    ]
    .concat();
    socket.receive(&bytes, &mut heard, &mut output);
    assert_eq!(heard, [Message::text("hello")]);
    socket.send(Message::text("answer"), &mut output);
    socket.conclude(&mut output);
    assert!(output.starts_with(b"\x81\x06answer"));
    assert_eq!(close_code(&output), Some(1002));
}
