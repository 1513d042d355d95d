//! The contract on the rings that older kernels have.

mod cooperative {
    use crate::{UringReactor, ring::Ring, ring::Work};

    waitset_conformance::conformance!(
        Ring::open_for(Work::Cooperative).and_then(UringReactor::over)
    );
}

mod immediate {
    use crate::{UringReactor, ring::Ring, ring::Work};

    waitset_conformance::conformance!(Ring::open_for(Work::Immediate).and_then(UringReactor::over));
}
