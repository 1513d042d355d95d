//! Holds the book to its own rules, without mdBook.
#![allow(
    clippy::disallowed_macros,
    reason = "the harness captures what a test prints"
)]

#[test]
fn the_chapters_are_spliced_linked_described_and_listed() {
    let faults = press::check().unwrap();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn translations_that_are_older_than_their_english_are_named() {
    // Named, not refused: who mends the English may not write Korean.
    for chapter in press::outdated().unwrap() {
        println!("older than its English: ko/{chapter}");
    }
}

#[test]
fn the_korean_readme_shows_the_first_example_and_links_to_what_is_there() {
    let root = press::docs().parent().unwrap();
    let read = |name: &str| std::fs::read_to_string(root.join(name)).unwrap();
    let (readme, example) = (read("README.ko.md"), read("examples/first.rs"));
    let (_doc, code) = example.split_once("\n\n").unwrap();
    assert!(readme.contains(code), "copy examples/first.rs into it");
    for (index, _) in readme.match_indices("](") {
        let target = readme[index + 2..].split([')', '#']).next().unwrap();
        assert!(root.join(target).exists(), "{target}");
    }
}
