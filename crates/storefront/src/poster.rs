//! A poster drawn for an event or an artist that has none: colours, a pattern and the name, as SVG.
//!
//! Pure: everything hangs on the id and the texts, so that a poster looks the same in every list, on
//! every router and after every restart. Nothing in it refers to anything else, runs, or needs a
//! style of its own; texts are escaped and cut.

use std::fmt::Write as _;

/// Width and height of the drawing: three to four, as posters are.
const WIDTH: u32 = 300;
const HEIGHT: u32 = 400;
/// Where the pattern ends and the texts begin.
const ART_HEIGHT: u32 = 210;
/// Room between the pattern and the small lines, for the title.
const TITLE_HEIGHT: u32 = 112;
/// Room beside texts.
const MARGIN: u32 = 24;
/// Sizes of the title's letters, the greatest that fits is taken.
const TITLE_SIZES: [u32; 5] = [36, 31, 27, 23, 19];
/// Lines of a title at most; what is longer ends in an ellipsis.
const TITLE_LINES_MAX: usize = 3;
/// Characters of a smaller line at most.
const SMALL_CHARS_MAX: usize = 29;

/// Ground, second ground and light of each palette. White letters stand on the first.
const PALETTES: [[&str; 3]; 6] = [
    ["#2d2ab0", "#8f5bff", "#ffd24a"],
    ["#0b5d6b", "#18a58f", "#ffdf8a"],
    ["#7a1746", "#e0487f", "#ffc2a1"],
    ["#1d2b64", "#3b7dd8", "#9fe3ff"],
    ["#6b2d0c", "#e08330", "#ffe9b8"],
    ["#26213f", "#6a4fa3", "#f7a8d0"],
];

/// What a poster says.
#[derive(Debug, Clone, Copy)]
pub struct Poster<'a> {
    /// What its looks hang on: the id of the event or artist.
    pub id: &'a str,
    /// The great letters.
    pub title: &'a str,
    /// Small lines below, empty ones are passed over; two have room.
    pub lines: [&'a str; 2],
}

impl Poster<'_> {
    /// The poster as `image/svg+xml`.
    pub fn svg(&self) -> String {
        let dice = self.id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
            (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        // The low bits of the sum differ little between ids that differ in their last letter.
        let dice = dice ^ (dice >> 29);
        let [ground, second, light] = PALETTES[(dice % 6) as usize];
        let mut out = String::with_capacity(4_096);
        // Writing to a String cannot fail.
        let _ = write!(
            out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
             width=\"{WIDTH}\" height=\"{HEIGHT}\"><defs><linearGradient id=\"g\" x1=\"0\" y1=\"0\" \
             x2=\"1\" y2=\"1\"><stop stop-color=\"{ground}\"/><stop offset=\"1\" \
             stop-color=\"{second}\"/></linearGradient><clipPath id=\"c\"><rect width=\"{WIDTH}\" \
             height=\"{ART_HEIGHT}\"/></clipPath></defs><rect width=\"{WIDTH}\" height=\"{HEIGHT}\" \
             fill=\"{ground}\"/><g clip-path=\"url(#c)\"><rect width=\"{WIDTH}\" \
             height=\"{ART_HEIGHT}\" fill=\"url(#g)\"/>"
        );
        pattern(&mut out, dice >> 8, light);
        out.push_str("</g>");
        self.texts(&mut out, light);
        out.push_str("</svg>");
        out
    }

    fn texts(&self, out: &mut String, light: &str) {
        let (size, lines) = title(self.title);
        let _ = write!(
            out,
            "<rect x=\"{MARGIN}\" y=\"{}\" width=\"36\" height=\"5\" fill=\"{light}\"/>\
             <g font-family=\"system-ui,sans-serif\" fill=\"#fff\"><g font-size=\"{size}\" \
             font-weight=\"700\">",
            ART_HEIGHT + 16
        );
        let mut y = ART_HEIGHT + 24;
        for line in lines {
            y += size * 11 / 10;
            let _ = write!(out, "<text x=\"{MARGIN}\" y=\"{y}\">{}</text>", escaped(&line));
        }
        out.push_str("</g><g font-size=\"13\">");
        let small: Vec<&str> = self.lines.into_iter().filter(|line| !line.is_empty()).collect();
        let from = HEIGHT - 18 - 18 * u32::try_from(small.len().saturating_sub(1)).unwrap_or(0);
        for (at, line) in (0_u32..).zip(small) {
            let text = escaped(&cut(line, SMALL_CHARS_MAX));
            let _ = write!(out, "<text x=\"{MARGIN}\" y=\"{}\">{text}</text>", from + 18 * at);
        }
        out.push_str("</g></g>");
    }
}

/// Rings, bars, waves or rays, each in a measure of its own.
fn pattern(out: &mut String, dice: u64, light: &str) {
    let measure = (dice >> 4) % 40;
    match dice % 4 {
        0 => rings(out, measure, light),
        1 => bars(out, dice >> 10, light),
        2 => waves(out, measure, light),
        _ => rays(out, measure, light),
    }
}

fn rings(out: &mut String, measure: u64, light: &str) {
    let (x, y) = (90 + 3 * measure, 200 - 2 * measure);
    let _ = write!(out, "<circle cx=\"{x}\" cy=\"{y}\" r=\"58\" fill=\"{light}\"/>");
    for ring in 1..=5_u64 {
        let _ = write!(
            out,
            "<circle cx=\"{x}\" cy=\"{y}\" r=\"{}\" fill=\"none\" stroke=\"#fff\" \
             stroke-opacity=\".{}\" stroke-width=\"4\"/>",
            58 + 28 * ring,
            45 - 7 * ring
        );
    }
}

fn bars(out: &mut String, dice: u64, light: &str) {
    for bar in 0..12_u64 {
        let height = 30 + (dice.rotate_left(u32::try_from(bar * 5).unwrap_or(0)) % 146);
        let (colour, opacity) = if bar % 4 == 1 { (light, "1") } else { ("#fff", ".28") };
        let _ = write!(
            out,
            "<rect x=\"{}\" y=\"{}\" width=\"14\" height=\"{height}\" rx=\"7\" fill=\"{colour}\" \
             fill-opacity=\"{opacity}\"/>",
            14 + 23 * bar,
            196 - height
        );
    }
}

fn waves(out: &mut String, measure: u64, light: &str) {
    let _ =
        write!(out, "<circle cx=\"{}\" cy=\"70\" r=\"40\" fill=\"{light}\"/>", 80 + 4 * measure);
    for wave in 0..5_u64 {
        let (y, rise) = (100 + 24 * wave, 22 + measure % 20);
        let _ = write!(
            out,
            "<path d=\"M-20 {y}q40-{rise} 80 0t80 0t80 0t80 0V260H-20Z\" fill=\"#fff\" \
             fill-opacity=\".16\"/>"
        );
    }
}

fn rays(out: &mut String, measure: u64, light: &str) {
    let x = 60 + 4 * measure;
    for ray in 0..7_u64 {
        let from = ray * 110;
        let _ = write!(
            out,
            "<path d=\"M{x} 200L{} -20H{}Z\" fill=\"#fff\" fill-opacity=\".15\"/>",
            from.cast_signed() - 200,
            from.cast_signed() - 150
        );
    }
    let _ = write!(out, "<circle cx=\"{x}\" cy=\"200\" r=\"64\" fill=\"{light}\"/>");
}

/// The size of the letters and the lines of a title.
fn title(text: &str) -> (u32, Vec<String>) {
    for size in TITLE_SIZES {
        let lines = wrapped(text, chars_of(size));
        let fits = lines.iter().all(|line| line.chars().count() <= chars_of(size));
        let height = u32::try_from(lines.len()).unwrap_or(u32::MAX).saturating_mul(size * 11 / 10);
        if fits && lines.len() <= TITLE_LINES_MAX && height + size / 5 <= TITLE_HEIGHT {
            return (size, lines);
        }
    }
    let size = TITLE_SIZES[TITLE_SIZES.len() - 1];
    let mut lines = wrapped(text, chars_of(size));
    let is_cut = lines.len() > TITLE_LINES_MAX;
    lines.truncate(TITLE_LINES_MAX);
    if let Some(last) = lines.last_mut().filter(|_| is_cut) {
        last.push('…');
    }
    (size, lines.iter().map(|line| cut(line, chars_of(size))).collect())
}

/// How many bold letters of this size a line holds; a wide letter is some 0.7 of its size.
fn chars_of(size: u32) -> usize {
    ((WIDTH - 2 * MARGIN) * 10 / (size * 7)) as usize
}

/// Words in lines, each as long as it may be; a word that is too long has a line of its own.
fn wrapped(text: &str, chars_max: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let length = word.chars().count();
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + length <= chars_max => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

fn cut(text: &str, chars_max: usize) -> String {
    if text.chars().count() <= chars_max {
        return text.to_owned();
    }
    let kept: String = text.chars().take(chars_max - 1).collect();
    format!("{}…", kept.trim_end_matches('…'))
}

/// The text as XML has it, without what XML cannot say.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poster(id: &str, title: &str) -> String {
        Poster { id, title, lines: ["05.03.2027, 19:00 (MSK)", "Hall, Kazan"] }.svg()
    }

    #[test]
    fn a_poster_hangs_on_its_id_and_texts_alone() {
        assert_eq!(poster("a", "Evening"), poster("a", "Evening"));
        let looks = |n: u32| poster(&format!("e{n}"), "");
        let all: std::collections::BTreeSet<_> = (0..40).map(looks).collect();
        assert!(all.len() > 30, "events look like each other: {} of 40", all.len());
    }

    #[test]
    fn texts_stay_texts_and_nothing_is_fetched() {
        let svg = poster("a", "<script>alert(1)</script> & \"x\" \u{1}");
        assert!(!svg.contains("<script") && svg.contains("&lt;script&gt;"), "{svg}");
        assert!(svg.contains("&amp;") && !svg.contains('\u{1}'));
        for foreign in ["href", "style", "<image", "url(http", "@import"] {
            assert!(!svg.contains(foreign), "{foreign}");
        }
        assert_eq!(svg.matches("http").count(), 1, "the name space alone");
    }

    #[test]
    fn titles_have_the_greatest_letters_that_fit() {
        let table: [(&str, u32, &[&str]); 4] = [
            ("Evening", 36, &["Evening"]),
            ("Камерный вечер", 36, &["Камерный", "вечер"]),
            ("Симфонический оркестр", 27, &["Симфонический", "оркестр"]),
            ("", 36, &[]),
        ];
        for (text, size, lines) in table {
            let lines: Vec<String> = lines.iter().map(|&line| line.to_owned()).collect();
            assert_eq!(title(text), (size, lines), "{text}");
        }
        let (size, lines) = title(&"word ".repeat(40));
        assert_eq!((size, lines.len()), (19, 3));
        assert!(lines[2].ends_with('…'), "{lines:?}");
        let (_, lines) = title(&"w".repeat(90));
        assert_eq!(lines.len(), 1);
        assert!(lines[0].chars().count() <= chars_of(19), "{lines:?}");
    }
}
