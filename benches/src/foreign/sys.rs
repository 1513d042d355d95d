//! Loading a C library's loop and calling it.
#![allow(unsafe_code, reason = "calls into C")]

use std::ffi::{CStr, CString, c_char, c_int};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr::NonNull;
use std::rc::Rc;

use crate::pipes::Pipes;

/// `struct rival` of rivals/rival.h.
#[repr(C)]
struct Rival {
    private: [u8; 0],
}

/// `struct rival_functions` of rivals/rival.h: what a loaded object can do.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Functions {
    new: extern "C" fn(usize, *const c_int, *const c_int, *const usize) -> *mut Rival,
    attach: unsafe extern "C" fn(*mut Rival, *const c_char) -> *const c_char,
    run: unsafe extern "C" fn(*mut Rival, usize, u64, *mut u32),
    detach: unsafe extern "C" fn(*mut Rival),
    free: unsafe extern "C" fn(*mut Rival),
    version: extern "C" fn() -> *const c_char,
}

impl Functions {
    /// Loads `object` and the library that it was linked with. They stay loaded for good.
    pub(crate) fn load(object: &Path) -> io::Result<Self> {
        let path = CString::new(object.as_os_str().as_bytes())?;
        // SAFETY: the path is a C string, and what it names was compiled from `rivals/`,
        // which runs nothing when it is loaded.
        let handle = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
        let handle = NonNull::new(handle).ok_or_else(last_error)?;
        // SAFETY: the handle is dlopen's; the name is a C string.
        let symbol = unsafe { libc::dlsym(handle.as_ptr(), c"rival_functions".as_ptr()) };
        let symbol = NonNull::new(symbol).ok_or_else(last_error)?;
        // SAFETY: the symbol is a `struct rival_functions`, declared as this type is, and
        // the object is never closed.
        Ok(unsafe { symbol.cast::<Self>().read() })
    }

    /// The version of the library, as it says itself.
    pub(crate) fn version(&self) -> String {
        text((self.version)()).unwrap_or_default()
    }
}

fn last_error() -> io::Error {
    // SAFETY: dlerror takes nothing.
    io::Error::other(text(unsafe { libc::dlerror() }).unwrap_or_default())
}

/// The text behind a pointer that C returned, if it is not null.
fn text(pointer: *const c_char) -> Option<String> {
    if pointer.is_null() {
        return None;
    }
    // SAFETY: a C string that is static or valid until the next call.
    let text = unsafe { CStr::from_ptr(pointer) };
    Some(text.to_string_lossy().into_owned())
}

/// A loop in C among pipes.
#[derive(Debug)]
pub(crate) struct Loop {
    functions: Functions,
    rival: NonNull<Rival>,
    is_attached: bool,
    /// What the C side points to. Boxed slices: they do not move when this does.
    _readers: Box<[c_int]>,
    _writers: Box<[c_int]>,
    _next: Box<[usize]>,
    pipes: Rc<Pipes>,
}

impl Loop {
    pub(crate) fn new(functions: Functions, pipes: Rc<Pipes>) -> io::Result<Self> {
        let all = 0..pipes.len();
        let (readers, writers): (Vec<_>, Vec<_>) =
            all.clone().map(|index| pipes.descriptors(index)).unzip();
        let (readers, writers) = (readers.into_boxed_slice(), writers.into_boxed_slice());
        let next: Box<[usize]> = all.map(|index| pipes.next(index)).collect();
        let rival = (functions.new)(
            pipes.len(),
            readers.as_ptr(),
            writers.as_ptr(),
            next.as_ptr(),
        );
        Ok(Self {
            rival: NonNull::new(rival).ok_or(io::ErrorKind::OutOfMemory)?,
            functions,
            is_attached: false,
            _readers: readers,
            _writers: writers,
            _next: next,
            pipes,
        })
    }

    pub(crate) fn pipes(&self) -> &Pipes {
        &self.pipes
    }

    pub(crate) fn attach(&mut self, method: &CStr) -> io::Result<()> {
        assert!(!self.is_attached);
        // SAFETY: the rival is open and not attached; its arrays and pipes are held here.
        let failure = unsafe { (self.functions.attach)(self.rival.as_ptr(), method.as_ptr()) };
        match text(failure) {
            Some(failure) => Err(io::Error::other(failure)),
            None => {
                self.is_attached = true;
                Ok(())
            }
        }
    }

    pub(crate) fn run(&mut self, tokens: usize, events: u64) {
        self.pass(tokens, events, std::ptr::null_mut());
    }

    /// The same, and how often each pipe was told.
    pub(crate) fn run_and_count(&mut self, tokens: usize, events: u64) -> Vec<u32> {
        let mut seen = vec![0; self.pipes.len()];
        self.pass(tokens, events, seen.as_mut_ptr());
        seen
    }

    #[inline]
    fn pass(&mut self, tokens: usize, events: u64, seen: *mut u32) {
        assert!(self.is_attached && (1..=self.pipes.len()).contains(&tokens) && events > 0);
        // SAFETY: the rival is attached; `seen` is null or has a number for each pipe.
        unsafe { (self.functions.run)(self.rival.as_ptr(), tokens, events, seen) }
    }

    pub(crate) fn detach(&mut self) {
        assert!(self.is_attached);
        self.is_attached = false;
        // SAFETY: it was attached.
        unsafe { (self.functions.detach)(self.rival.as_ptr()) }
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        if self.is_attached {
            self.detach();
        }
        // SAFETY: it is detached, and nobody else has it.
        unsafe { (self.functions.free)(self.rival.as_ptr()) }
    }
}
