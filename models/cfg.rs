//! Has the sources take what threads share from the model checker.

fn main() {
    println!("cargo::rustc-check-cfg=cfg(waitset_model)");
    println!("cargo::rustc-cfg=waitset_model");
}
