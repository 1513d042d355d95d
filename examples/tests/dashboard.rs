//! Looks at `dashboard` as its page does, on every mechanism.

mod support;

#[allow(dead_code, reason = "only its own tests run here")]
#[path = "../dashboard/figures.rs"]
mod figures;
#[allow(dead_code, reason = "only its own tests run here")]
#[path = "../dashboard/latency.rs"]
mod latency;

use std::time::Instant;

use serde_json::{Value, json};
use support::{LONGEST, Tab, on_every_mechanism, once};
use tungstenite::Message;
use waitset::Backend;

/// It tells twice a second. Where all else has the processors it may be late, and figures
/// come only when each mechanism had its turn.
const TELLINGS: usize = 200;

/// The first telling of which that is true.
fn until(tab: &mut Tab, is_so: impl Fn(&Value) -> bool) -> Value {
    let mut last = Value::Null;
    for _ in 0..TELLINGS {
        last = tab.told();
        if is_so(&last) {
            return last;
        }
    }
    panic!("it never comes: {last:#}");
}

fn row<'a>(told: &'a Value, name: &str) -> &'a Value {
    let rows = told["rows"].as_array().unwrap();
    rows.iter().find(|row| row["name"] == name).unwrap()
}

/// Whether a mechanism has answered messages, and how long that took.
fn is_at_work(row: &Value) -> bool {
    let number = |name: &str| row["figures"][name].as_f64().unwrap_or(0.0);
    number("events_a_second") > 0.0
        && number("median_us") >= 1.0
        && number("p99_us") >= number("median_us")
}

/// Of the mechanisms that are switched on.
fn are_all_at_work(told: &Value) -> bool {
    let rows = told["rows"].as_array().unwrap();
    rows.iter().filter(|row| row["on"] == true).all(is_at_work)
}

#[test]
fn each_mechanism_has_its_figures() {
    on_every_mechanism("dashboard", &[], |server| {
        let mut page = Tab::open(&server, "/live");
        let told = until(&mut page, are_all_at_work);
        let names = told["rows"].as_array().unwrap().iter();
        let names: Vec<_> = names.map(|row| row["name"].as_str().unwrap()).collect();
        assert_eq!(names, Backend::all().map(Backend::name).collect::<Vec<_>>());
        for name in ["select", "poll", "epoll", "adaptive"] {
            assert_eq!(row(&told, name)["on"], true, "{told:#}");
            // A wait at least, though it may have brought several of them.
            let calls = &row(&told, name)["figures"]["calls_an_event"];
            assert!(calls.as_f64().unwrap() > 0.0, "{told:#}");
        }
        for name in ["sweep", "busy"] {
            let row = row(&told, name);
            assert_eq!((&row["on"], &row["sleeps"]), (&json!(false), &json!(false)));
            assert_eq!(row["figures"], Value::Null);
        }
        drop(page);
        server.stop();
    });
}

#[test]
fn the_controls_do_what_they_say_for_all_who_look() {
    on_every_mechanism("dashboard", &[], |server| {
        let mut page = Tab::open(&server, "/live");
        page.say(&json!({ "idle": 0 }));
        page.say(&json!({ "active": 1 }));
        until(&mut page, |told| {
            (&told["idle"], &told["active"]) == (&json!(0), &json!(1))
        });
        until(&mut page, are_all_at_work);
        let before = server.descriptors();
        page.say(&json!({ "idle": 50 }));
        page.say(&json!({ "active": 4 }));
        let mut other = Tab::open(&server, "/live");
        let is_set = |told: &Value| (&told["idle"], &told["active"]) == (&json!(50), &json!(4));
        let told = until(&mut other, is_set);
        // Each mechanism that is on has both ends of each connection.
        let rows = told["rows"].as_array().unwrap();
        let on = rows.iter().filter(|row| row["on"] == true).count();
        until(&mut page, |_| server.descriptors() >= before + 2 * 53 * on);
        until(&mut page, are_all_at_work);

        page.say(&json!({ "turn": { "name": "poll", "on": false } }));
        let told = until(&mut other, |told| row(told, "poll")["on"] == false);
        assert_eq!(row(&told, "poll")["figures"], Value::Null);
        page.say(&json!({ "turn": { "name": "poll", "on": true } }));
        page.say(&json!({ "turn": { "name": "sweep", "on": true } }));
        let told = until(&mut other, |told| {
            ["poll", "sweep"]
                .iter()
                .all(|name| is_at_work(row(told, name)))
        });
        // Who spins takes a processor as long as it is given one, who sleeps next to nothing.
        let cpu = |name| row(&told, name)["figures"]["cpu"].as_f64().unwrap();
        assert!(cpu("sweep") > 2.0 * cpu("poll"), "{told:#}");
        server.stop();
    });
}

#[test]
fn what_no_control_says_changes_nothing() {
    on_every_mechanism("dashboard", &[], |server| {
        let mut page = Tab::open(&server, "/live");
        let settings = |told: &Value| {
            let rows = told["rows"].as_array().unwrap();
            let on: Vec<_> = rows.iter().map(|row| row["on"].clone()).collect();
            (told["idle"].clone(), on)
        };
        let before = settings(&page.told());
        for text in [
            "",
            "{",
            "[]",
            "{\"idle\":-1}",
            "{\"idle\":1.5}",
            "{\"idle\":\"9\"}",
            "{\"idle\":18446744073709551616}",
            "{\"active\":null}",
            "{\"idle\":9,\"active\":9}",
            "{\"turn\":{\"name\":\"poll\"}}",
            "{\"turn\":{\"name\":\"kqueue\",\"on\":true}}",
            "{\"stop\":true}",
        ] {
            page.0.send(Message::text(text)).unwrap();
        }
        page.0
            .send(Message::binary(b"{\"idle\":9}\xff".to_vec()))
            .unwrap();
        // This is heard after all of them.
        page.say(&json!({ "active": 7 }));
        let told = until(&mut page, |told| told["active"] == 7);
        assert_eq!(settings(&told), before);
        // More than a slider can say is its end.
        page.say(&json!({ "idle": 1_000_000_000 }));
        page.say(&json!({ "active": 1_000_000_000 }));
        let told = until(&mut page, |told| told["active"] == told["active_max"]);
        assert_eq!(told["idle"], told["idle_max"]);
        server.stop();
    });
}

#[test]
fn nothing_runs_while_nobody_looks() {
    once("dashboard", &[], |server| {
        let threads = || {
            let tasks = std::fs::read_dir(format!("/proc/{}/task", server.id()));
            tasks.unwrap().count()
        };
        let mut client = server.connect();
        assert!(client.get("/").text().contains("dashboard.js"));
        let (before, descriptors) = (threads(), server.descriptors());
        let mut page = Tab::open(&server, "/live");
        until(&mut page, are_all_at_work);
        assert!(threads() > before);
        drop(page);
        // It sees that by and by; meanwhile it answers.
        let since = Instant::now();
        while threads() > before || server.descriptors() > descriptors {
            assert!(since.elapsed() < LONGEST, "{} threads", threads());
            assert_eq!(client.get("/").status, 200);
        }
        server.stop();
    });
}

#[test]
#[cfg(target_os = "linux")]
fn a_mechanism_that_cannot_be_had_says_why_and_the_others_go_on() {
    use waitset_conformance::{IO_URING, refusing};

    refusing(&IO_URING, libc::EPERM, without_io_uring).unwrap();
}

#[cfg(target_os = "linux")]
fn without_io_uring() {
    once("dashboard", &[], |server| {
        let mut page = Tab::open(&server, "/live");
        let told = until(&mut page, are_all_at_work);
        let uring = row(&told, "uring");
        assert_eq!(uring["on"], false);
        let error = uring["error"].as_str().unwrap();
        assert!(error.contains("seccomp"), "{error}");
        server.stop();
    });
}
