//! What a program can do.

use std::fmt;

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any};
use proptest::prop_oneof;
use waitset_core::{Interest, Mode};

use super::source::Kind;

/// How many sources a program has.
pub(crate) const SLOTS: usize = 4;

/// One step. Those that make no sense for the kind or the state of a source do nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Operation {
    /// Where the reactor has no edge, it must refuse, and level stands for it.
    Register {
        slot: usize,
        interest: Interest,
        mode: Mode,
    },
    Modify {
        slot: usize,
        interest: Interest,
        mode: Mode,
    },
    Deregister {
        slot: usize,
    },
    /// The peer sends some bytes.
    Arrive {
        slot: usize,
    },
    /// The peer sends an urgent byte.
    Urgent {
        slot: usize,
    },
    /// One byte is read, or all there are.
    Read {
        slot: usize,
        all: bool,
    },
    /// Bytes are written until there is no room.
    Fill {
        slot: usize,
    },
    /// The peer reads all there is.
    MakeRoom {
        slot: usize,
    },
    /// The peer will send no more.
    HalfClose {
        slot: usize,
    },
    /// The peer closes, or resets the connection.
    PeerCloses {
        slot: usize,
        reset: bool,
    },
    /// A duplicate lives on to the end of the program.
    Duplicate {
        slot: usize,
    },
    /// Deregisters the source, and gives its number to a new one.
    Replace {
        slot: usize,
        kind: Kind,
    },
    Wake,
    /// Waits without waiting, as often as it takes with that buffer.
    Wait {
        capacity: usize,
    },
}

fn interest() -> impl Strategy<Value = Interest> {
    prop_oneof![
        3 => Just(Interest::READABLE),
        2 => Just(Interest::WRITABLE),
        2 => Just(Interest::READABLE | Interest::WRITABLE),
        2 => (1..=7_u8).prop_map(|bits| Interest::from_bits(bits).unwrap()),
    ]
}

fn mode() -> impl Strategy<Value = Mode> {
    prop_oneof![Just(Mode::Level), Just(Mode::Oneshot), Just(Mode::Edge)]
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        3 => Just(Kind::Unix),
        2 => Just(Kind::Tcp),
        2 => Just(Kind::PipeReader),
        2 => Just(Kind::PipeWriter),
        1 => Just(Kind::File),
        1 => Just(Kind::Null),
    ]
}

fn operation() -> impl Strategy<Value = Operation> {
    let slot = || 0..SLOTS;
    prop_oneof![
        5 => (slot(), interest(), mode())
            .prop_map(|(slot, interest, mode)| Operation::Register { slot, interest, mode }),
        4 => (slot(), interest(), mode())
            .prop_map(|(slot, interest, mode)| Operation::Modify { slot, interest, mode }),
        1 => slot().prop_map(|slot| Operation::Deregister { slot }),
        4 => slot().prop_map(|slot| Operation::Arrive { slot }),
        1 => slot().prop_map(|slot| Operation::Urgent { slot }),
        2 => (slot(), any::<bool>()).prop_map(|(slot, all)| Operation::Read { slot, all }),
        1 => slot().prop_map(|slot| Operation::Fill { slot }),
        1 => slot().prop_map(|slot| Operation::MakeRoom { slot }),
        1 => slot().prop_map(|slot| Operation::HalfClose { slot }),
        1 => (slot(), any::<bool>())
            .prop_map(|(slot, reset)| Operation::PeerCloses { slot, reset }),
        1 => slot().prop_map(|slot| Operation::Duplicate { slot }),
        1 => (slot(), kind()).prop_map(|(slot, kind)| Operation::Replace { slot, kind }),
        1 => Just(Operation::Wake),
        6 => prop_oneof![Just(16_usize), 1..4_usize]
            .prop_map(|capacity| Operation::Wait { capacity }),
    ]
}

/// A random program: what its sources are, and what is done with them.
#[derive(Clone)]
pub struct Program {
    kinds: [Kind; SLOTS],
    operations: Vec<Operation>,
}

impl Program {
    pub(crate) fn kinds(&self) -> [Kind; SLOTS] {
        self.kinds
    }

    pub(crate) fn operations(&self) -> &[Operation] {
        &self.operations
    }
}

/// An operation a line.
impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "sources: {:?}", self.kinds)?;
        for (number, operation) in self.operations.iter().enumerate() {
            writeln!(f, "{number:3}: {operation:?}")?;
        }
        Ok(())
    }
}

/// Programs of at most `longest` operations.
pub(crate) fn programs(longest: usize) -> impl Strategy<Value = Program> {
    let kinds = [kind(), kind(), kind(), kind()];
    (kinds, vec(operation(), 1..=longest))
        .prop_map(|(kinds, operations)| Program { kinds, operations })
}
