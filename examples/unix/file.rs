//! The file that is the address of a Unix-domain socket.

use std::fs::{self, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use socket2::{Domain, SockAddr, Socket, Type};
use waitset_examples::program::about;
use waitset_examples::warn;

/// The file of a listener. It is removed when this is dropped: the kernel leaves it where it is,
/// and the next program to bind it would fail. If another file has its path meanwhile, that is
/// somebody else's and stays.
pub(crate) struct SocketFile {
    path: PathBuf,
    made: Identity,
    /// As long as a socket is bound to a file, no other file is given its inode.
    _bound: UnixListener,
}

/// Device and inode.
type Identity = (u64, u64);

fn identity(found: &Metadata) -> Identity {
    (found.dev(), found.ino())
}

/// What is at a path, if anything is. A symbolic link is not followed.
fn look(path: &Path) -> io::Result<Option<Metadata>> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        found => found.map(Some),
    }
}

/// Listens at a path. The file of a listener that ended without removing it is taken over.
pub(crate) fn bind(path: &Path) -> io::Result<(UnixListener, SocketFile)> {
    let listener = match UnixListener::bind(path) {
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            remove_dead(path).and_then(|()| UnixListener::bind(path))
        }
        other => other,
    };
    let listener = about(path.display(), listener)?;
    let file = SocketFile {
        path: path.to_owned(),
        made: identity(&about(path.display(), fs::symlink_metadata(path))?),
        _bound: listener.try_clone()?,
    };
    Ok((listener, file))
}

/// Removes a socket that no process has any more, and nothing else.
fn remove_dead(path: &Path) -> io::Result<()> {
    let Some(found) = look(path)? else {
        return Ok(()); // gone meanwhile
    };
    let refuse = |reason| Err(io::Error::new(ErrorKind::AddrInUse, reason));
    if !found.file_type().is_socket() {
        return refuse("a file that is not a socket is there; choose another --addr");
    }
    if is_alive(path)? {
        return refuse("another program listens there; stop it, or choose another --addr");
    }
    // A program that has taken it over in this moment has made another file.
    match look(path)? {
        Some(still) if identity(&still) == identity(&found) => fs::remove_file(path),
        _ => Ok(()),
    }
}

/// Whether a process has the socket at a path. This does not wait for it to accept: its backlog
/// may be full.
fn is_alive(path: &Path) -> io::Result<bool> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    match socket.connect(&SockAddr::unix(path)?) {
        Err(error) => match error.kind() {
            ErrorKind::ConnectionRefused | ErrorKind::NotFound => Ok(false),
            ErrorKind::PermissionDenied => Err(error),
            // EAGAIN of a full backlog, EPROTOTYPE of a socket of another type.
            _ => Ok(true),
        },
        Ok(()) => Ok(true),
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let removed = match look(&self.path) {
            Ok(Some(found)) if identity(&found) == self.made => fs::remove_file(&self.path),
            other => other.map(drop),
        };
        if let Err(error) = removed {
            warn!("{}: {error}", self.path.display());
        }
    }
}
