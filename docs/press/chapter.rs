//! The parts that every chapter has, in every language.

/// The headings of a chapter in the order of `LANGUAGES`.
const PARTS: [[&str; 2]; 6] = [
    ["Guess first", "먼저 예상해 보세요"],
    ["Run it", "실행해 보기"],
    ["Why", "왜 그럴까요"],
    ["What goes wrong", "흔히 틀리는 것"],
    ["Exercise", "연습"],
    ["Read on", "더 읽을거리"],
];

/// True for the chapters, which are numbered; the other pages of the book are not.
pub(crate) fn is_chapter(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_digit())
}

/// What the chapter in `text` lacks; `language` is a place in `LANGUAGES`.
pub(crate) fn missing(language: usize, text: &str) -> Vec<String> {
    let (opening, parts) = parts(text);
    let headings: Vec<&str> = parts.iter().map(|(heading, _)| *heading).collect();
    let wanted = PARTS.map(|heading| heading[language]);
    if headings != wanted {
        return vec![format!("has the parts {headings:?} and not {wanted:?}")];
    }
    let [guess, run, why, wrong, exercise, sources] = [0, 1, 2, 3, 4, 5].map(|at| parts[at].1);
    let needed = [
        (opening.contains('?'), "opens without a question"),
        (guess.contains('?'), "asks for no prediction"),
        (
            run.contains("<!-- begin: run "),
            "runs no recorded command where it says so",
        ),
        (
            why.contains("](figures/"),
            "gives its reason without a figure",
        ),
        (
            paragraphs(wrong) >= 2,
            "names fewer than two things that go wrong",
        ),
        (
            exercise.contains("<details>\n<summary>") && exercise.contains("\n</details>"),
            "has an exercise without a solution folded away",
        ),
        (
            sources.matches("\n- ").count() >= 2,
            "names fewer than two sources",
        ),
    ];
    let lacking = needed.iter().filter(|(is_there, _)| !is_there);
    lacking.map(|(_, fault)| (*fault).to_owned()).collect()
}

/// What stands before the first heading of the second level, and each such heading with
/// what stands under it.
fn parts(text: &str) -> (&str, Vec<(&str, &str)>) {
    let mut pieces = text.split("\n## ");
    let opening = pieces.next().unwrap_or_default();
    let part = |piece| str::split_once(piece, '\n').unwrap_or((piece, ""));
    (opening, pieces.map(part).collect())
}

/// How many paragraphs begin with words in bold.
fn paragraphs(text: &str) -> usize {
    let paragraphs = text.split("\n\n");
    paragraphs.filter(|it| it.trim().starts_with("**")).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "# Name\n\nWhat is it?\n\n## Guess first\n\nOne or two?\n\n## Run it\n\n\
        <!-- begin: run x -->\n<!-- end -->\n\n## Why\n\n![a](figures/a.svg)\n\n\
        ## What goes wrong\n\n**One.** A.\n\n**Two.** B.\n\n## Exercise\n\nC?\n\n\
        <details>\n<summary>Solution</summary>\n\nD.\n\n</details>\n\n## Read on\n\n- e\n- f\n";

    #[test]
    fn a_chapter_with_all_its_parts_lacks_nothing() {
        assert_eq!(missing(0, WHOLE), Vec::<String>::new());
    }

    #[test]
    fn each_part_that_is_taken_out_is_missed() {
        let parts = [
            "What is it?",
            "One or two?",
            "<!-- begin: run x -->\n",
            "![a](figures/a.svg)",
            "**Two.**",
            "</details>",
            "- f\n",
            "## Why\n",
        ];
        for part in parts {
            assert_eq!(missing(0, &WHOLE.replace(part, "")).len(), 1, "{part}");
        }
        assert_eq!(missing(1, WHOLE).len(), 1, "English headings in Korean");
    }
}
