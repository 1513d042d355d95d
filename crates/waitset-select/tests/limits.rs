//! Where select ends. Alone in its file, since it uses up the process's descriptors.
#![cfg(target_os = "linux")]

use std::fs::File;
use std::io::ErrorKind;
use std::os::fd::AsRawFd;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use waitset_core::{Interest, Mode, Reactor, Token};
use waitset_select::SelectReactor;

#[allow(unsafe_code, reason = "the trait's one unsafe method")]
fn register(reactor: &mut SelectReactor, file: &File) -> std::io::Result<()> {
    use std::os::fd::AsFd;
    // SAFETY: the files of this test outlive its reactors.
    unsafe { reactor.register(file.as_fd(), Token(7), Interest::READABLE, Mode::Level) }
}

#[test]
fn posix_ends_at_1024_and_linux_does_not() {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
    let (mut posix, mut any_size) = (
        SelectReactor::posix().unwrap(),
        SelectReactor::new().unwrap(),
    );
    let mut files = vec![File::open("/dev/null").unwrap()];
    while files.last().is_none_or(|file| file.as_raw_fd() < 1_024) {
        files.push(files[0].try_clone().unwrap());
    }
    let [.., last_that_fits, first_beyond] = files.as_slice() else {
        unreachable!("there are about a thousand");
    };
    assert_eq!(last_that_fits.as_raw_fd(), 1_023);
    register(&mut posix, last_that_fits).unwrap();
    let error = register(&mut posix, first_beyond).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    for part in ["1024", "SelectReactor::new"] {
        assert!(error.to_string().contains(part), "{error}");
    }
    register(&mut any_size, last_that_fits).unwrap();
    register(&mut any_size, first_beyond).unwrap();

    // The waker of a new one is beyond the limit itself, and closed again.
    let next_free = first_beyond.as_raw_fd() + 1;
    let error = SelectReactor::posix().map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    SelectReactor::new().map(drop).unwrap();
    assert_eq!(files[0].try_clone().unwrap().as_raw_fd(), next_free);
}
