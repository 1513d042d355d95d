//! A pool of threads for what blocks.

/// Calls `function` on another thread, and returns a future of what it returns.
///
/// Use it for calls that would block the executor: reading files, long calculations, libraries
/// that block. For files, the crate async-fs uses the same pool; for host names, there is
/// [`resolve`](crate::resolve).
///
/// The function is queued immediately, before the future is awaited. If the future is dropped
/// before the function has begun, the function is never called. One that has begun runs to its
/// end, because nothing can interrupt it.
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
/// The pool is that of the crate [blocking], and all executors of the process share it. It starts
/// threads when they are needed, up to 500, or up to the number in the environment variable
/// `BLOCKING_MAX_THREADS`. A thread that has been idle for half a second ends. A process does not
/// wait for the threads when its `main` returns.
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
