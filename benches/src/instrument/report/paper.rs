//! The paper that figures are drawn on: a plot with logarithmic or plain axes, in SVG.
//!
//! Colours are classes, so that the page's style sheet gives them for light and dark. Each
//! figure is drawn twice, for wide and for narrow screens, so that its letters keep their
//! size; the style sheet shows one of them.

use std::fmt::Write;

/// How large a drawing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// For a desk or a wall.
    Wide,
    /// For a hand.
    Narrow,
}

impl Format {
    pub(super) const BOTH: [Self; 2] = [Self::Wide, Self::Narrow];

    pub(super) const fn width(self) -> f64 {
        match self {
            Self::Wide => 760.0,
            Self::Narrow => 340.0,
        }
    }

    pub(super) const fn class(self) -> &'static str {
        match self {
            Self::Wide => "wide",
            Self::Narrow => "narrow",
        }
    }
}

/// An axis: from a range of values to a range of places.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
    is_log: bool,
}

impl Axis {
    /// Logarithmic, with a little air around the values.
    pub(super) fn log(values: impl Iterator<Item = f64>, from: f64, to: f64, air: f64) -> Self {
        let (low, high) = ends(values.filter(|value| *value > 0.0));
        Self {
            low: low / air,
            high: high * air,
            from,
            to,
            is_log: true,
        }
    }

    /// Plain, from zero.
    pub(super) fn plain(high: f64, from: f64, to: f64) -> Self {
        Self {
            low: 0.0,
            high,
            from,
            to,
            is_log: false,
        }
    }

    /// The place of a value.
    pub(super) fn at(&self, value: f64) -> f64 {
        let part = match self.is_log {
            true => (value.max(self.low) / self.low).ln() / (self.high / self.low).ln(),
            false => (value - self.low) / (self.high - self.low),
        };
        self.from + part * (self.to - self.from)
    }

    /// Values to mark: powers of ten, and between them where there are few.
    pub(super) fn ticks(&self) -> Vec<f64> {
        if !self.is_log {
            return (0..=4)
                .map(|quarter| self.high * f64::from(quarter) / 4.0)
                .collect();
        }
        let decades = (self.high / self.low).log10();
        let steps: &[f64] = match decades {
            ..0.8 => &[1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0],
            0.8..2.0 => &[1.0, 2.0, 5.0],
            2.0..3.0 => &[1.0, 3.0],
            _ => &[1.0],
        };
        let first = self.low.log10().floor() as i32;
        let powers = (first..=first + decades as i32 + 2).map(|power| 10f64.powi(power));
        let all = powers.flat_map(|power| steps.iter().map(move |step| step * power));
        let inside = |value: &f64| (self.low * 0.999..=self.high * 1.001).contains(value);
        all.filter(inside).collect()
    }
}

fn ends(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let ends = values.fold((f64::MAX, 0.0_f64), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    if ends.1 == 0.0 { (1.0, 10.0) } else { ends }
}

/// A drawing that is being made.
#[derive(Debug)]
pub(super) struct Drawing {
    format: Format,
    width: f64,
    height: f64,
    body: String,
}

impl Drawing {
    pub(super) fn new(format: Format, height: f64) -> Self {
        Self {
            format,
            width: format.width(),
            height,
            body: String::new(),
        }
    }

    pub(super) fn line(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        let ((x1, y1), (x2, y2)) = (from, to);
        let _ = write!(
            self.body,
            r#"<line class="{class}" x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}"/>"#
        );
    }

    pub(super) fn rect(&mut self, class: &str, at: (f64, f64), size: (f64, f64), title: &str) {
        let ((x, y), (width, height)) = (at, (size.0.max(0.0), size.1.max(0.0)));
        let _ = write!(
            self.body,
            r#"<rect class="{class}" x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}">{}</rect>"#,
            titled(title)
        );
    }

    /// Text whose middle, start or end stands at a place: class `m`, `s`, `e`.
    pub(super) fn text(&mut self, class: &str, at: (f64, f64), text: &str) {
        let (x, y) = at;
        let text = escaped(text);
        let _ = write!(
            self.body,
            r#"<text class="{class}" x="{x:.1}" y="{y:.1}">{text}</text>"#
        );
    }

    pub(super) fn path(&mut self, class: &str, points: &[(f64, f64)], is_closed: bool) {
        let steps = points.iter().enumerate().map(|(place, (x, y))| {
            let step = if place == 0 { 'M' } else { 'L' };
            format!("{step}{x:.1} {y:.1}")
        });
        let steps: String = steps.collect();
        let end = if is_closed { "Z" } else { "" };
        let _ = write!(self.body, r#"<path class="{class}" d="{steps}{end}"/>"#);
    }

    pub(super) fn dot(&mut self, class: &str, at: (f64, f64), title: &str) {
        let (x, y) = at;
        let _ = write!(
            self.body,
            r#"<circle class="{class}" cx="{x:.1}" cy="{y:.1}" r="3">{}</circle>"#,
            titled(title)
        );
    }

    /// The drawing, with what it shows in words for those who do not see it.
    pub(super) fn finish(self, label: &str) -> String {
        format!(
            r#"<svg class="{}" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>"#,
            self.format.class(),
            self.width,
            self.height,
            escaped(label),
            self.body
        )
    }
}

fn titled(title: &str) -> String {
    match title {
        "" => String::new(),
        title => format!("<title>{}</title>", escaped(title)),
    }
}

/// Text as HTML has it.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// Moves labels apart that would cover each other, and keeps their order.
pub(super) fn apart(places: &mut [f64], distance: f64, low: f64, high: f64) {
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_by(|one, other| places[*one].total_cmp(&places[*other]));
    let mut least = low;
    for &place in &order {
        places[place] = places[place].max(least);
        least = places[place] + distance;
    }
    let mut most = high;
    for &place in order.iter().rev() {
        places[place] = places[place].min(most);
        most = places[place] - distance;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decade_is_as_long_as_another_and_its_ends_are_marked() {
        let axis = Axis::log([1.0, 100.0].into_iter(), 0.0, 200.0, 1.0);
        assert!((axis.at(10.0) - 100.0).abs() < 1e-9);
        assert_eq!(axis.ticks(), [1.0, 3.0, 10.0, 30.0, 100.0]);
    }

    #[test]
    fn labels_that_would_cover_each_other_move_apart() {
        let mut places = [50.0, 10.0, 52.0, 51.0];
        apart(&mut places, 10.0, 0.0, 60.0);
        assert_eq!(places, [40.0, 10.0, 60.0, 50.0]);
    }
}
