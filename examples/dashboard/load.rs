//! The load: one thread that sends each mechanism the same messages at the same times,
//! and notes when they are answered.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use waitset::{EventLoop, Handle, Interest, Mode, Remote};

use super::latency::{Latencies, Summary};
use super::stage::Door;
use waitset_examples::warn;

/// How often messages that are due are sent. More often costs more than the messages.
const TICK: Duration = Duration::from_millis(1);

/// What each active connection sends.
pub(crate) const MESSAGES_A_SECOND: u32 = 20;

/// Reaches the load's thread.
pub(crate) struct Load {
    remote: Remote<Groups>,
    summaries: Arc<Mutex<Vec<Summary>>>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

type In<'a> = Handle<'a, Groups>;

/// A group of connections a mechanism, by number.
#[derive(Default)]
struct Groups {
    groups: Vec<Group>,
    idle: usize,
    active: usize,
    first: usize,
    last_tick: Option<Instant>,
    /// Messages due to each group, and fractions of one.
    due: f64,
}

struct Group {
    /// None while the mechanism is off.
    door: Option<Door>,
    clients: Vec<Client>,
    /// Of the active ones, whose turn it is.
    next: usize,
    latencies: Latencies,
}

struct Client {
    stream: Rc<UnixStream>,
    key: waitset::Key,
    sent: Option<Instant>,
}

impl Load {
    /// Starts the thread, without any connection.
    pub(crate) fn start() -> io::Result<Self> {
        let (sender, receiver) = mpsc::sync_channel(1);
        let thread = thread::Builder::new().name("load".into()).spawn(move || {
            let mut event_loop = EventLoop::new()?;
            let handle = event_loop.handle();
            // The loop belongs to its thread, so it is made there.
            drop(sender.send(handle.remote()));
            handle.arm_every(TICK, |groups: &mut Groups, _, _| groups.tick());
            event_loop.run(&mut Groups::default())
        })?;
        let gone = |_| io::Error::other("the load could not be started");
        let remote = receiver.recv().map_err(gone)?;
        Ok(Self {
            remote,
            summaries: Arc::default(),
            thread: Some(thread),
        })
    }

    /// Loads the mechanism of this number by way of `door`, or no longer.
    pub(crate) fn turn(&self, number: usize, door: Option<Door>) {
        let _ = self.remote.post(move |groups, handle| {
            while groups.groups.len() <= number {
                groups.groups.push(Group::new());
            }
            groups.groups[number].drop_clients(0, handle);
            groups.groups[number].door = door;
            groups.fit(handle);
        });
    }

    /// Has this many connections a mechanism that are silent, and that send.
    pub(crate) fn set(&self, idle: usize, active: usize) {
        let _ = self.remote.post(move |groups, handle| {
            (groups.idle, groups.active) = (idle, active);
            groups.fit(handle);
        });
    }

    /// The last summaries, by number, and asks for the next ones.
    pub(crate) fn summaries(&self) -> Vec<Summary> {
        let latest = self
            .summaries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let summaries = Arc::clone(&self.summaries);
        let _ = self.remote.post(move |groups, _| {
            let groups = groups.groups.iter_mut();
            *summaries.lock().unwrap_or_else(PoisonError::into_inner) =
                groups.map(|group| group.latencies.turn()).collect();
        });
        latest
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        let _ = self.remote.post(|_, handle| handle.stop());
        if let Some(Ok(Err(error))) = self.thread.take().map(JoinHandle::join) {
            warn!("the load has ended: {error}");
        }
    }
}

impl Groups {
    fn fit(&mut self, handle: &mut In<'_>) {
        let count = self.idle + self.active;
        for (number, group) in self.groups.iter_mut().enumerate() {
            if let Err(error) = group.fit(number, count, handle) {
                warn!("{} of {count} connections: {error}", group.clients.len());
            }
        }
    }

    /// Sends what is due.
    fn tick(&mut self) {
        let now = Instant::now();
        let passed = now - self.last_tick.replace(now).unwrap_or(now);
        // A pause is not made up for by a burst.
        let passed = passed.min(10 * TICK).as_secs_f64();
        self.due += passed * self.active as f64 * f64::from(MESSAGES_A_SECOND);
        let whole = self.due.floor();
        self.due -= whole;
        for _ in 0..whole as usize {
            // Who is sent to first waits longest until this thread reads again: another
            // one each time.
            self.first = (self.first + 1) % self.groups.len().max(1);
            let (later, earlier) = self.groups.split_at_mut(self.first);
            for group in earlier.iter_mut().chain(later) {
                group.send_next(self.active);
            }
        }
    }
}

impl Group {
    fn new() -> Self {
        Self {
            door: None,
            clients: Vec::new(),
            next: 0,
            latencies: Latencies::new(),
        }
    }

    /// Opens or closes connections until there are `count`.
    fn fit(&mut self, number: usize, count: usize, handle: &mut In<'_>) -> io::Result<()> {
        let Some(door) = &self.door else {
            return Ok(());
        };
        let mut far_ends = Vec::new();
        let mut answer = Ok(());
        for index in self.clients.len()..count {
            match open(number, index, handle) {
                Ok((client, far)) => {
                    self.clients.push(client);
                    far_ends.push(far);
                }
                Err(error) => {
                    answer = Err(error);
                    break;
                }
            }
        }
        door.bring(far_ends);
        self.drop_clients(count, handle);
        answer
    }

    fn drop_clients(&mut self, count: usize, handle: &mut In<'_>) {
        for client in self.clients.drain(count.min(self.clients.len())..) {
            handle.remove(client.key);
        }
    }

    /// Sends a message on the active connection whose turn it is. They lie evenly among
    /// the idle ones: next to each other they would be cheaper for poll and select than
    /// in life.
    fn send_next(&mut self, active: usize) {
        if active == 0 {
            return;
        }
        self.next = (self.next + 1) % active;
        let index = self.next * self.clients.len() / active;
        let Some(client) = self.clients.get_mut(index) else {
            return;
        };
        // One that waits for its answer has nothing to say.
        if client.sent.is_none() {
            client.sent = Some(Instant::now());
            if (&*client.stream).write(b"!").is_err() {
                client.sent = None;
            }
        }
    }
}

fn open(number: usize, index: usize, handle: &mut In<'_>) -> io::Result<(Client, UnixStream)> {
    let (near, far) = UnixStream::pair()?;
    near.set_nonblocking(true)?;
    far.set_nonblocking(true)?;
    let stream = Rc::new(near);
    let watched = Rc::clone(&stream);
    let key = handle.insert(
        watched,
        Interest::READABLE,
        Mode::Level,
        move |groups, stream, _, handle| {
            let group: &mut Group = &mut groups.groups[number];
            match (&**stream).read(&mut [0; 64]) {
                Ok(1..) => {
                    let client = group.clients.get_mut(index);
                    if let Some(sent) = client.and_then(|client| client.sent.take()) {
                        group.latencies.record(sent.elapsed());
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                _ => drop(handle.remove(handle.key())),
            }
        },
    )?;
    let sent = None;
    Ok((Client { stream, key, sent }, far))
}
