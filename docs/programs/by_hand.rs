//! An executor in one sitting: futures that wait for sockets, over a `WaitSet`.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::future::Future;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use press::println; // end when the reader does, where those of std panic
use waitset::{Interest, Key, Mode, WaitSet};

type Queue = Arc<Mutex<VecDeque<usize>>>;

// [parts]
/// Wakes a task: puts its number into the queue of those that may go on.
struct Wakeup(usize, Queue);

impl Wake for Wakeup {
    fn wake(self: Arc<Self>) {
        self.1.lock().unwrap().push_back(self.0);
    }
}

/// What futures and executor share: the reactor, and who waits for which source.
struct World {
    set: RefCell<WaitSet<Rc<UnixStream>>>,
    waiting: RefCell<HashMap<Key, Waker>>,
}

/// A future that is done when the socket is readable.
struct Readable<'a>(&'a World, &'a Rc<UnixStream>, Option<Key>);

impl Future for Readable<'_> {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self(world, socket, key) = &mut *self;
        let mut set = world.set.borrow_mut();
        match *key {
            // Woken, and nobody waits for it any more: it is readable.
            Some(key) if !world.waiting.borrow().contains_key(&key) => {
                set.remove(key);
                return Poll::Ready(Ok(()));
            }
            Some(_) => {}
            None => {
                *key = Some(set.insert(Rc::clone(socket), Interest::READABLE, Mode::Oneshot)?)
            }
        }
        let key = key.expect("just set");
        world
            .waiting
            .borrow_mut()
            .insert(key, context.waker().clone());
        Poll::Pending
    }
}
// [/parts]

type Task<'a> = Pin<Box<dyn Future<Output = io::Result<()>> + 'a>>;

// [run]
fn run(world: &World, mut tasks: BTreeMap<usize, Task<'_>>) -> io::Result<()> {
    let queue = Queue::default();
    queue.lock().unwrap().extend(tasks.keys());
    while !tasks.is_empty() {
        // Take out one at a time: the lock is not held while a task runs.
        while let Some(number) = { queue.lock().unwrap().pop_front() } {
            let Some(task) = tasks.get_mut(&number) else {
                continue;
            };
            let waker = Arc::new(Wakeup(number, Arc::clone(&queue))).into();
            if let Poll::Ready(result) = task.as_mut().poll(&mut Context::from_waker(&waker)) {
                tasks.remove(&number);
                result?;
            }
        }
        if tasks.is_empty() {
            break;
        }
        let mut set = world.set.borrow_mut();
        set.wait(None)?; // the only place where the thread sleeps
        while let Some((key, _event)) = set.next_event() {
            if let Some(waker) = world.waiting.borrow_mut().remove(&key) {
                waker.wake();
            }
        }
    }
    Ok(())
}
// [/run]

// [echo]
async fn echo(world: &World, socket: Rc<UnixStream>, polls: &Cell<u32>) -> io::Result<()> {
    let mut line = [0; 64];
    loop {
        Readable(world, &socket, None).await?;
        polls.set(polls.get() + 1);
        match (&*socket).read(&mut line)? {
            0 => return Ok(()),
            length => (&*socket).write_all(&line[..length])?,
        }
    }
}
// [/echo]

fn main() -> io::Result<()> {
    let world = World {
        set: RefCell::new(WaitSet::new()?),
        waiting: RefCell::default(),
    };
    let (mut chatty, first) = UnixStream::pair()?;
    let (quiet, second) = UnixStream::pair()?;
    first.set_nonblocking(true)?;
    second.set_nonblocking(true)?;
    let (woken_first, woken_second) = (Cell::new(0), Cell::new(0));

    let client = std::thread::spawn(move || -> io::Result<()> {
        let mut answer = [0; 5];
        for _ in 0..3 {
            chatty.write_all(b"hello")?;
            chatty.read_exact(&mut answer)?;
            assert_eq!(&answer, b"hello");
        }
        drop((chatty, quiet)); // both hang up
        Ok(())
    });
    let tasks: BTreeMap<usize, Task<'_>> = BTreeMap::from([
        (
            0,
            Box::pin(echo(&world, Rc::new(first), &woken_first)) as Task<'_>,
        ),
        (1, Box::pin(echo(&world, Rc::new(second), &woken_second))),
    ]);
    run(&world, tasks)?;
    client.join().expect("no panic")?;
    println!(
        "chatty task:  woken {} times: 3 lines and the end",
        woken_first.get()
    );
    println!("quiet task:  woken {} time: the end", woken_second.get());
    assert_eq!((woken_first.get(), woken_second.get()), (4, 1));
    Ok(())
}
