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

#[test]
fn what_is_said_of_the_crossover_is_what_the_record_says() {
    let (last, first) = press::crossover_of_one().unwrap();
    let english = format!("between {last} and {first} descriptors");
    let korean = format!("디스크립터 {last}개와 {first}개 사이에서");
    let texts = [
        ("README.md", &english),
        ("README.ko.md", &korean),
        ("docs/src/en/16-which.md", &english),
        ("docs/src/ko/16-which.md", &korean),
    ];
    for (name, said) in texts {
        let text = std::fs::read_to_string(press::docs().parent().unwrap().join(name)).unwrap();
        assert!(text.contains(said), "{name} does not say {said:?}");
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
