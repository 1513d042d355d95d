//! Files by async-fs, whose threads are those of the feature `blocking`.

use std::path::PathBuf;

use futures::StreamExt;
use futures::io::{AsyncReadExt, AsyncWriteExt, copy};

use waitset_async::spawn;
use waitset_ecosystem::{on_every_mechanism, tcp_pair};

/// A directory for a test's thread, which is removed with what is in it.
struct Directory(PathBuf);

impl Directory {
    async fn new() -> Self {
        let thread = std::thread::current().id();
        let name = format!("waitset-files-{}-{thread:?}", std::process::id());
        let path = std::env::temp_dir().join(name);
        async_fs::create_dir(&path).await.unwrap();
        Self(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn files_are_written_listed_and_read() {
    on_every_mechanism(|| async {
        let directory = Directory::new().await;
        for name in ["one", "two"] {
            let path = directory.0.join(name);
            async_fs::write(&path, name).await.unwrap();
            assert_eq!(async_fs::read_to_string(path).await.unwrap(), name);
        }
        let entries = async_fs::read_dir(&directory.0).await.unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = names.collect().await;
        names.sort();
        assert_eq!(names, ["one", "two"]);
    });
}

#[test]
fn a_file_is_sent_over_a_socket_and_written_again() {
    on_every_mechanism(|| async {
        let directory = Directory::new().await;
        let (original, received) = (directory.0.join("original"), directory.0.join("received"));
        let data: Vec<u8> = (0..1_u32 << 20).map(|place| place as u8).collect();
        async_fs::write(&original, &data).await.unwrap();

        let (mut near, far) = tcp_pair().await.unwrap();
        let sending = spawn(async move {
            let file = async_fs::File::open(original).await.unwrap();
            copy(file, &mut near).await.unwrap()
        });
        let mut file = async_fs::File::create(&received).await.unwrap();
        copy(far, &mut file).await.unwrap();
        file.close().await.unwrap();
        assert_eq!(sending.await.unwrap(), 1 << 20);

        let mut copied = Vec::new();
        let mut file = async_fs::File::open(received).await.unwrap();
        file.read_to_end(&mut copied).await.unwrap();
        assert!(copied == data);
    });
}
