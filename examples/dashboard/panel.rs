//! What the page is shown, and what its controls do.

use std::collections::HashSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tungstenite::Message;
use waitset::{Backend, Key};
use waitset_examples::web::{Outbox, Site};

use super::figures::{Figures, Sample};
use super::latency::Summary;
use super::load::{Load, MESSAGES_A_SECOND};
use super::stage::Stage;

/// How often the page is told.
pub(crate) const PERIOD: Duration = Duration::from_millis(500);

/// The ends of the sliders, if there are descriptors for so many.
const IDLE_MAX: usize = 1000;
const ACTIVE_MAX: usize = 100;
/// Descriptors for all else.
const SPARE: usize = 300;

/// The mechanisms, and who looks at them.
pub(crate) struct Panel {
    watchers: HashSet<Key>,
    rows: Vec<Row>,
    load: Load,
    /// What the load has last been told to do.
    loaded: (usize, usize),
    idle: usize,
    idle_max: usize,
    active: usize,
}

struct Row {
    backend: Backend,
    is_wanted: bool,
    stage: Option<Stage>,
    last: Option<Sample>,
    /// Why it cannot be had.
    error: Option<String>,
}

/// What the page's controls say.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Said {
    Idle(usize),
    Active(usize),
    Turn { name: String, on: bool },
}

/// What the page is told.
#[derive(Serialize)]
struct Told<'a> {
    idle: usize,
    idle_max: usize,
    active: usize,
    active_max: usize,
    messages_a_second: u32,
    rows: Vec<ToldRow<'a>>,
}

#[derive(Serialize)]
struct ToldRow<'a> {
    name: &'static str,
    on: bool,
    sleeps: bool,
    error: Option<&'a str>,
    figures: Option<Figures>,
}

impl Panel {
    /// All that are compiled in. Those that never sleep are off at first: they take the
    /// processors from the others.
    pub(crate) fn new(load: Load, descriptors: usize) -> Self {
        let rows: Vec<_> = Backend::all()
            .map(|backend| Row {
                backend,
                is_wanted: sleeps(backend),
                stage: None,
                last: None,
                error: None,
            })
            .collect();
        // Two ends a connection.
        let each = descriptors.saturating_sub(SPARE) / (2 * rows.len().max(1));
        Self {
            watchers: HashSet::new(),
            rows,
            load,
            loaded: (0, 0),
            idle: 100,
            idle_max: IDLE_MAX.min(each.saturating_sub(ACTIVE_MAX)),
            active: 10,
        }
    }

    /// Does what the controls ask for, and tells who looks what has happened since the last
    /// time.
    pub(crate) fn tick(&mut self, outbox: &mut Outbox) {
        self.apply();
        if self.watchers.is_empty() {
            return;
        }
        let summaries = self.load.summaries();
        let rows = self.rows.iter_mut().enumerate().map(|(number, row)| {
            let summary = summaries.get(number).copied().unwrap_or_default();
            row.told(summary)
        });
        let told = Told {
            idle: self.idle,
            idle_max: self.idle_max,
            active: self.active,
            active_max: ACTIVE_MAX,
            messages_a_second: MESSAGES_A_SECOND,
            rows: rows.collect(),
        };
        // Numbers and texts serialize always.
        let message = Message::text(serde_json::to_string(&told).unwrap_or_default());
        for watcher in &self.watchers {
            outbox.send(*watcher, message.clone());
        }
    }

    /// Starts and stops what is wanted, and nothing while nobody looks. Only a tick does so: a
    /// page that opens and closes or moves its controls without a pause would else have threads
    /// and connections made and dropped faster than the load can follow.
    fn apply(&mut self) {
        let wanted = (self.idle, self.active);
        if self.loaded != wanted {
            self.load.set(self.idle, self.active);
            self.loaded = wanted;
        }
        for (number, row) in self.rows.iter_mut().enumerate() {
            let is_wanted = row.is_wanted && !self.watchers.is_empty();
            if is_wanted && row.stage.is_none() {
                row.start();
                let door = row.stage.as_ref().map(Stage::door);
                self.load.turn(number, door);
            } else if !is_wanted && row.stage.is_some() {
                self.load.turn(number, None);
                (row.stage, row.last) = (None, None);
            }
        }
    }

    fn take(&mut self, said: Said) {
        match said {
            Said::Idle(idle) => self.idle = idle.min(self.idle_max),
            Said::Active(active) => self.active = active.min(ACTIVE_MAX),
            Said::Turn { name, on } => {
                let row = self.rows.iter_mut().find(|row| row.backend.name() == name);
                if let Some(row) = row {
                    row.is_wanted = on;
                }
            }
        }
    }
}

impl Site for Panel {
    const SOCKETS: &'static [&'static str] = &["/live"];

    fn opened(&mut self, who: Key, _: &'static str, _: &mut Outbox) {
        self.watchers.insert(who);
    }

    fn heard(&mut self, _: Key, message: Message, _: &mut Outbox) {
        let text = message.to_text().unwrap_or_default();
        if let Ok(said) = serde_json::from_str(text) {
            self.take(said);
        }
    }

    fn left(&mut self, who: Key, _: &mut Outbox) {
        self.watchers.remove(&who);
    }
}

impl Row {
    fn start(&mut self) {
        match Stage::start(self.backend) {
            Ok(stage) => (self.stage, self.error) = (Some(stage), None),
            Err(error) => {
                self.error = Some(error.to_string());
                self.is_wanted = false;
            }
        }
    }

    fn told(&mut self, summary: Summary) -> ToldRow<'_> {
        let now = self.stage.as_ref().map(Stage::sample);
        let figures = match (self.last, now) {
            (Some(last), Some(now)) => Figures::between(&last, &now, summary),
            _ => None,
        };
        self.last = now;
        ToldRow {
            name: self.backend.name(),
            on: self.is_wanted,
            sleeps: sleeps(self.backend),
            error: self.error.as_deref(),
            figures,
        }
    }
}

fn sleeps(backend: Backend) -> bool {
    !matches!(backend, Backend::Sweep | Backend::Busy)
}
