//! Channels between tasks, threads and executors: async-channel, and those of tokio.

use std::thread;

use futures::StreamExt;
use waitset::PollReactor;
use waitset_async::{block_on, consume_budget, spawn};
use waitset_ecosystem::on_every_mechanism;

const MESSAGES: u64 = 2_000;
const SUM: u64 = MESSAGES * (MESSAGES - 1) / 2;

#[test]
fn messages_between_tasks_arrive_in_order() {
    on_every_mechanism(|| async {
        let (sender, receiver) = async_channel::bounded(10);
        let sending = spawn(async move {
            for number in 0..MESSAGES {
                sender.send(number).await.unwrap();
                consume_budget().await;
            }
        });
        let received: Vec<u64> = receiver.collect().await;
        assert!(received.into_iter().eq(0..MESSAGES));
        sending.await.unwrap();
    });
}

#[test]
fn messages_of_a_thread_wake_the_executor() {
    on_every_mechanism(|| async {
        let (sender, receiver) = async_channel::bounded(1);
        let thread = thread::spawn(move || {
            for number in 0..MESSAGES {
                sender.send_blocking(number).unwrap();
            }
        });
        assert_eq!(
            receiver.fold(0, async |sum, number| sum + number).await,
            SUM
        );
        thread.join().unwrap();
    });
}

#[test]
fn two_executors_talk_over_channels() {
    on_every_mechanism(|| async {
        let (ask, asked) = async_channel::bounded::<u64>(1);
        let (answer, answered) = async_channel::bounded(1);
        let other = thread::spawn(move || {
            block_on(PollReactor::new().unwrap(), async {
                while let Ok(number) = asked.recv().await {
                    answer.send(2 * number).await.unwrap();
                }
            })
        });
        for number in 0..1_000 {
            ask.send(number).await.unwrap();
            assert_eq!(answered.recv().await, Ok(2 * number));
        }
        drop(ask);
        other.join().unwrap().unwrap();
    });
}

#[test]
fn channels_of_tokio_need_no_runtime() {
    on_every_mechanism(|| async {
        let (sender, mut receiver) = tokio::sync::mpsc::channel(10);
        let (tell, told) = tokio::sync::oneshot::channel();
        let thread = thread::spawn(move || {
            for number in 0..MESSAGES {
                sender.blocking_send(number).unwrap();
            }
        });
        drop(spawn(async move {
            let mut sum = 0;
            while let Some(number) = receiver.recv().await {
                sum += number;
            }
            tell.send(sum).unwrap();
        }));
        assert_eq!(told.await, Ok(SUM));
        thread.join().unwrap();
    });
}
