//! One mechanism in a thread of its own, which answers whatever it is sent.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use waitset::{Backend, EventLoop, Handle, Interest, Mode, Remote, Stats};

use super::figures::Sample;
use waitset_examples::warn;

/// A mechanism at work.
pub(crate) struct Stage {
    remote: Remote<Served>,
    sample: Arc<Mutex<Sample>>,
    thread: Option<JoinHandle<()>>,
}

/// How many messages were answered.
#[derive(Default)]
struct Served(u64);

impl Stage {
    /// Starts a mechanism without connections.
    pub(crate) fn start(backend: Backend) -> io::Result<Self> {
        let (sender, receiver) = mpsc::sync_channel(1);
        let thread = thread::Builder::new().name(backend.name().into());
        // Opened where it is used: a ring belongs to its thread.
        let thread = thread.spawn(move || match backend.open() {
            Err(error) => drop(sender.send(Err(error))),
            Ok(reactor) => {
                let mut event_loop = EventLoop::with_reactor(reactor);
                drop(sender.send(Ok(event_loop.handle().remote())));
                if let Err(error) = event_loop.run(&mut Served::default()) {
                    warn!("{backend}: {error}");
                }
            }
        })?;
        let gone = |_| Err(io::Error::other("the thread has panicked"));
        let remote = receiver.recv().unwrap_or_else(gone)?;
        let zero = Sample::now(Duration::ZERO, &Stats::default(), 0);
        Ok(Self {
            remote,
            sample: Arc::new(Mutex::new(zero)),
            thread: Some(thread),
        })
    }

    /// What hands it connections.
    pub(crate) fn door(&self) -> Door {
        Door(self.remote.clone())
    }

    /// The last sample, and asks for the next one.
    pub(crate) fn sample(&self) -> Sample {
        let latest = *self.sample.lock().unwrap_or_else(PoisonError::into_inner);
        let sample = Arc::clone(&self.sample);
        // One that is gone is stopped soon.
        let _ = self.remote.post(move |served, handle| {
            let stats = handle.stats();
            *sample.lock().unwrap_or_else(PoisonError::into_inner) =
                Sample::now(cpu_of_this_thread(), &stats, served.0);
        });
        latest
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = self.remote.post(|_, handle| handle.stop());
        if let Some(thread) = self.thread.take() {
            // A panic has told of itself.
            let _ = thread.join();
        }
    }
}

/// Takes connections to a stage.
pub(crate) struct Door(Remote<Served>);

impl Door {
    /// Has the stage serve these, which do not block, until they are closed.
    pub(crate) fn bring(&self, streams: Vec<UnixStream>) {
        // A stage that has stopped drops them, which their other ends see.
        let _ = self.0.post(move |_, handle| {
            for stream in streams {
                if let Err(error) = handle.insert(stream, Interest::READABLE, Mode::Level, serve) {
                    warn!("{}: {error}", handle.mechanism());
                }
            }
        });
    }
}

fn serve(
    served: &mut Served,
    mut stream: &UnixStream,
    _: waitset::Event,
    handle: &mut Handle<'_, Served>,
) {
    let mut message = [0; 64];
    match stream.read(&mut message) {
        Ok(count @ 1..) => {
            served.0 += 1;
            // The peer has one message under way at a time, so there is room.
            let _ = stream.write(&message[..count]);
        }
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
        _ => drop(handle.remove(handle.key())),
    }
}

fn cpu_of_this_thread() -> Duration {
    let clock = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID);
    clock.map_or(Duration::ZERO, Duration::from)
}
