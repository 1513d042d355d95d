//! What a container may forbid its programs.

use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};

/// Has the kernel refuse io_uring to this thread, and to what it starts from now on.
pub(crate) fn io_uring() {
    let forbidden = [(libc::SYS_io_uring_setup, Vec::new())];
    let filter = SeccompFilter::new(
        forbidden.into_iter().collect(),
        SeccompAction::Allow,
        SeccompAction::Errno(libc::EPERM.unsigned_abs()),
        std::env::consts::ARCH.try_into().unwrap(),
    );
    let program: BpfProgram = filter.unwrap().try_into().unwrap();
    seccompiler::apply_filter(&program).unwrap();
}
