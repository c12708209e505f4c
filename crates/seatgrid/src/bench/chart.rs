//! A page with line charts, as one file without scripts: HTML with SVG inside. Pure.

use std::fmt::Write as _;

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 280.0;
/// Room for the figures at the left and below.
const LEFT: f64 = 70.0;
const BELOW: f64 = 40.0;
const ABOVE: f64 = 24.0;
/// Told apart by people who see few colours, too.
const COLOURS: &[&str] = &["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#000000"];
/// Lines across.
const STEPS: u32 = 4;

/// One line of a chart.
pub struct Line {
    pub name: String,
    /// In the order of x.
    pub points: Vec<(f64, f64)>,
}

/// One chart; both scales begin at 0.
pub struct Chart {
    pub title: String,
    pub across: String,
    pub up: String,
    pub lines: Vec<Line>,
}

/// A whole page: title, a text that keeps its lines, charts.
pub fn page(title: &str, text: &str, charts: &[Chart]) -> String {
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <style>body{{font:15px/1.5 system-ui,sans-serif;max-width:900px;margin:2em auto;\
         padding:0 1em}}pre{{overflow-x:auto;background:#f4f4f4;padding:1em}}</style></head>\
         <body><h1>{title}</h1>\n<pre>{text}</pre>\n",
        title = escaped(title),
        text = escaped(text)
    );
    for chart in charts {
        page.push_str(&chart.svg());
    }
    page.push_str("</body></html>\n");
    page
}

impl Chart {
    /// The chart as one SVG element.
    pub fn svg(&self) -> String {
        let points = || self.lines.iter().flat_map(|line| &line.points);
        let x_max = round_up(points().map(|(x, _)| *x).fold(0.0, f64::max));
        let y_max = round_up(points().map(|(_, y)| *y).fold(0.0, f64::max));
        let at = |x: f64, y: f64| (LEFT + x / x_max * WIDTH, ABOVE + HEIGHT - y / y_max * HEIGHT);
        let (whole_x, whole_y) = (LEFT + WIDTH + 20.0, ABOVE + HEIGHT + BELOW);
        let mut svg = format!(
            "<h2>{}</h2>\n<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" \
             viewBox=\"0 0 {whole_x} {whole_y}\" font-size=\"12\" font-family=\"sans-serif\">\n",
            escaped(&self.title)
        );
        svg.push_str(&grid(x_max, y_max));
        let _ = writeln!(
            svg,
            "<text x=\"4\" y=\"14\">{}</text><text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>",
            escaped(&self.up),
            LEFT + WIDTH,
            whole_y - 6.0,
            escaped(&self.across)
        );
        for (nth, line) in self.lines.iter().enumerate() {
            let colour = COLOURS[nth % COLOURS.len()];
            let mut path = String::new();
            for (n, (x, y)) in line.points.iter().enumerate() {
                let (x, y) = at(*x, *y);
                let _ = write!(path, "{}{x:.1} {y:.1}", if n == 0 { 'M' } else { 'L' });
            }
            let _ = writeln!(
                svg,
                "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\
                 <text x=\"{:.1}\" y=\"14\" fill=\"{colour}\">{}</text>",
                LEFT + 60.0 + 190.0 * nth as f64,
                escaped(&line.name)
            );
        }
        svg.push_str("</svg>\n");
        svg
    }
}

/// Lines across, and the figures at both scales.
fn grid(x_max: f64, y_max: f64) -> String {
    let mut svg = String::new();
    let (right, bottom) = (LEFT + WIDTH, ABOVE + HEIGHT);
    for step in 0..=STEPS {
        let part = f64::from(step) / f64::from(STEPS);
        let (x, y) = (LEFT + part * WIDTH, bottom - part * HEIGHT);
        let _ = writeln!(
            svg,
            "<path d=\"M{LEFT} {y:.1}H{right}\" stroke=\"#ddd\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\
             <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            LEFT - 6.0,
            y + 4.0,
            short(y_max * part),
            bottom + 16.0,
            short(x_max * part)
        );
    }
    svg
}

/// The next of 1, 2, 5, 10, 20 … that is not below.
fn round_up(value: f64) -> f64 {
    if value <= 0.0 || !value.is_finite() {
        return 1.0;
    }
    let power = 10_f64.powf(value.log10().floor());
    let steps = [1.0, 2.0, 2.5, 5.0, 10.0];
    steps.into_iter().map(|step| step * power).find(|top| *top >= value).unwrap_or(10.0 * power)
}

fn short(value: f64) -> String {
    if value >= 100.0 || value.fract() == 0.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.2}")
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every element that is opened is closed in its order; text has no stray brackets.
    pub fn assert_well_formed(page: &str) {
        let mut open = Vec::new();
        for piece in page.split('<').skip(1) {
            let (tag, _) = piece.split_once('>').expect("a tag ends");
            let name = tag.split([' ', '/']).find(|part| !part.is_empty()).expect("a name");
            if tag.starts_with('/') {
                assert_eq!(open.pop(), Some(name), "{tag}");
            } else if !tag.starts_with('!') && !tag.ends_with('/') && name != "meta" {
                open.push(name);
            }
            assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        }
        assert!(open.is_empty(), "{open:?}");
    }

    #[test]
    fn a_page_is_well_formed_whatever_the_names_are() {
        let line = |name: &str, points| Line { name: name.into(), points };
        let chart = Chart {
            title: "a < b & \"c\"".into(),
            across: "s".into(),
            up: "a second".into(),
            lines: vec![line("<good>", vec![(0.0, 10.0), (1.0, 12_345.0)]), line("none", vec![])],
        };
        let empty =
            Chart { title: "x".into(), across: String::new(), up: String::new(), lines: vec![] };
        let page = page("1 < 2", "p99 > p50", &[chart, empty]);
        assert_well_formed(&page);
        assert_eq!(page.matches("<svg").count(), 2);
        assert!(!page.contains("NaN") && !page.contains("inf"), "{page}");
    }

    #[test]
    fn scales_end_at_round_figures() {
        for (value, top) in [(0.0, 1.0), (0.7, 1.0), (12.0, 20.0), (100.0, 100.0), (230.0, 250.0)] {
            assert!((round_up(value) - top).abs() < 1e-9, "{value}: {}", round_up(value));
        }
    }
}
