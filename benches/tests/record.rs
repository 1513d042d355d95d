//! What is kept of a run is what its raw data make today.

use std::fs;
use std::path::Path;

use waitset_bench::instrument::kept::made_from;
use waitset_bench::instrument::run::Run;

#[test]
fn the_kept_tables_and_page_are_made_from_the_kept_data() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("record");
    let run = Run::read(&folder.join("compare.jsonl")).unwrap();
    for (name, made) in made_from(&run).unwrap() {
        let kept = fs::read_to_string(folder.join(name)).unwrap();
        assert!(
            kept == made,
            "{name} is stale: cargo run -p waitset-bench -- record"
        );
    }
}

#[test]
#[cfg(target_os = "linux")]
fn the_tables_in_the_documents_are_made_from_the_kept_data() {
    for (path, made) in waitset_bench::spliced::documents().unwrap() {
        let kept = fs::read_to_string(&path).unwrap();
        let path = path.display();
        assert!(
            kept == made,
            "{path} is stale: cargo run -p waitset-bench -- record"
        );
    }
}
