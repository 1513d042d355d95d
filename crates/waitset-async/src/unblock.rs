//! A pool of threads for what blocks.

/// Calls `function` on another thread, and returns a future of what it returns.
///
/// This is for calls that would block the executor: reading files, resolving names, long
/// calculations, libraries that block. For files, the crate async-fs uses the same pool.
///
/// The function is queued immediately, before the future is awaited. If the future is dropped,
/// a function that has not begun is never called, and one that has begun runs to its end, for
/// nobody can interrupt it.
///
/// ```
/// use waitset_async::unblock;
///
/// # waitset_async::block_on(waitset::PollReactor::new()?, async {
/// let length = unblock(|| std::fs::read("/etc/passwd")).await?.len();
/// assert!(length > 0);
/// # Ok::<(), std::io::Error>(())
/// # })??;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Panics
///
/// If `function` panics, the future panics with the same value when it is polled. Like those of
/// `async` blocks, it also panics if it is polled again after it has ended.
///
/// # Platform notes
///
/// The pool is the one of the crate [blocking], which all executors of the process share. It
/// starts threads as they are needed, at most 500 or as many as the environment variable
/// `BLOCKING_MAX_THREADS` says; a thread that is idle for half a second ends. A process does not
/// wait for them when its `main` returns.
///
/// [blocking]: https://docs.rs/blocking
#[doc(alias("spawn_blocking"))]
#[must_use = "a function whose future is dropped may never be called"]
pub fn unblock<T, F>(function: F) -> impl Future<Output = T> + Send + Unpin + use<T, F>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    ::blocking::unblock(function)
}
