use waitset_core::Doorbell;

/// The doorbell of a reactor that never sleeps: the flag is enough.
#[derive(Debug)]
pub(crate) struct Silent;

impl Doorbell for Silent {
    fn ring(&self) -> bool {
        false
    }
}
