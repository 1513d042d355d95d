//! Figures of records within a sentence.
//!
//! Between `<!-- quote: WHAT -->` and `<!-- /quote -->` stands what the record says:
//! `crossover last` and `crossover first` of [`crossover_of_one`], or `NAME/LINE/NUMBER`,
//! the figure with that number, from 1, behind `LINE` at the beginning of a line of the
//! recording `NAME`. Words outside of a mark that are a figure are the author's own.

use crate::{Recording, Result, measured::crossover_of_one};

const BEGIN: &str = "<!-- quote: ";
const BEGIN_END: &str = " -->";
const END: &str = "<!-- /quote -->";

/// `text` with every quoted figure as its record has it.
pub(crate) fn fill(text: &str) -> Result<String> {
    replace(text, figure)
}

/// `text` with every quoted figure left out.
pub(crate) fn without(text: &str) -> Result<String> {
    replace(text, |_| Ok(String::new()))
}

fn replace(text: &str, figure: impl Fn(&str) -> Result<String>) -> Result<String> {
    let mut pieces = text.split(BEGIN);
    let mut filled = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        if filled.ends_with('\n') || filled.is_empty() {
            // Markdown takes such a line for HTML and the paragraph for ended.
            return Err(format!("a line begins with {BEGIN}"));
        }
        let ends = piece.split_once(BEGIN_END);
        let ends = ends.and_then(|(what, rest)| Some((what, rest.split_once(END)?.1)));
        let (what, rest) = ends.ok_or_else(|| format!("{BEGIN} has no {END}"))?;
        filled += &format!("{BEGIN}{what}{BEGIN_END}{}{END}{rest}", figure(what)?);
    }
    Ok(filled)
}

fn figure(what: &str) -> Result<String> {
    match what {
        "crossover last" => return Ok(crossover_of_one()?.0.to_string()),
        "crossover first" => return Ok(crossover_of_one()?.1.to_string()),
        _ => {}
    }
    let [name, start, number] = what.split('/').collect::<Vec<_>>()[..] else {
        return Err(format!("{what:?} is not NAME/LINE/NUMBER"));
    };
    let number: usize = number
        .parse()
        .map_err(|_| format!("{what}: which figure?"))?;
    let printed = Recording::load(name)?.merged()?;
    let figure = printed
        .lines()
        .find_map(|line| figures(line, start)?.nth(number.checked_sub(1)?));
    figure.ok_or_else(|| format!("the recording has no {what:?}"))
}

/// The figures behind `start` in a line that begins with it, ranges whole.
fn figures(line: &str, start: &str) -> Option<impl Iterator<Item = String>> {
    let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    let rest = line.strip_prefix(start)?.to_owned();
    let is_of_figure = |c: char| c.is_ascii_digit() || ".,–".contains(c);
    let words: Vec<String> = rest
        .split(|c| !is_of_figure(c))
        .map(|word| word.trim_matches(['.', ',', '–']).to_owned())
        .filter(|word| !word.is_empty())
        .collect();
    Some(words.into_iter())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_figure_is_what_the_record_says_and_the_words_around_it_stay() {
        let (last, first) = crossover_of_one().unwrap();
        let old = "from <!-- quote: crossover last -->0<!-- /quote --> to \
            <!-- quote: crossover first --><!-- /quote -->.\n";
        let filled = fill(old).unwrap();
        assert!(
            filled.contains(&format!("-->{last}<!-- /quote --> to")),
            "{filled}"
        );
        assert!(
            filled.contains(&format!("-->{first}<!-- /quote -->.\n")),
            "{filled}"
        );
        assert_eq!(without(&filled).unwrap(), without(old).unwrap());
    }

    #[test]
    fn a_figure_is_counted_behind_the_beginning_of_its_line() {
        let nth = |start, n| figures("a 1  took 1.5–2.0 ms, 3 times.", start)?.nth(n);
        assert_eq!(nth("a 1 took", 0).unwrap(), "1.5–2.0");
        assert_eq!(nth("a 1 took", 1).unwrap(), "3");
        assert_eq!(nth("b", 0), None);
    }

    #[test]
    fn a_quote_that_markdown_or_the_record_does_not_have_is_refused() {
        let quoted = |what| fill(&format!("x <!-- quote: {what} -->1<!-- /quote -->"));
        assert!(quoted("udp_loss/received:/1").is_ok());
        assert!(quoted("udp_loss/received:/2").is_err());
        assert!(quoted("udp_loss/received:/0").is_err());
        assert!(quoted("nobody").is_err());
        assert!(fill("<!-- quote: crossover last -->2<!-- /quote -->").is_err());
        assert!(fill("x <!-- quote: crossover last -->2").is_err());
    }
}
