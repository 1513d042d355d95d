//! Holds the book to its own rules, without mdBook.

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
