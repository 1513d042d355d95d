//! The spin detector, on every mechanism: what it finds, and what it leaves alone.

mod event_loop;
mod healthy;
mod mechanisms;
mod sources;
mod sys;
mod timeouts;
mod told;
