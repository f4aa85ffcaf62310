//! Curves and bars as SVG, readable on light and dark pages.

use std::fmt::Write as _;

/// The size of a chart with its labels, in the picture's own units.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 260.0;
const MARGIN_LEFT: f64 = 76.0;
const MARGIN_RIGHT: f64 = 16.0;
const MARGIN_TOP: f64 = 58.0;
const MARGIN_BOTTOM: f64 = 46.0;
const TITLE_HEIGHT: f64 = 34.0;

/// About how many marks an axis has.
const TICKS: f64 = 5.0;

/// Text, grid and curves, by the reader's preference. The colours of curves are apart for all kinds of sight.
const STYLE: &str = "\
svg{--page:#ffffff;--text:#1f2328;--faint:#59636e;--grid:#d1d9e0;--c0:#0072b2;--c1:#d55e00;--c2:#009e73;--c3:#aa3377;--c4:#8a6d00;font-family:system-ui,sans-serif}
@media (prefers-color-scheme:dark){svg{--page:#0d1117;--text:#f0f6fc;--faint:#9198a1;--grid:#30363d;--c0:#56b4e9;--c1:#ff9d5c;--c2:#3ddc97;--c3:#e58ac2;--c4:#f0e442}}
.page{fill:var(--page)}text{fill:var(--text);font-size:12px}.title{font-size:17px;font-weight:600}.head{font-size:14px;font-weight:600}.faint{fill:var(--faint)}
.grid{stroke:var(--grid);stroke-width:1}.curve{fill:none;stroke-width:1.8;stroke-linejoin:round}.whisker{stroke:var(--text);stroke-width:1.2}
.s0{stroke:var(--c0)}.s1{stroke:var(--c1)}.s2{stroke:var(--c2)}.s3{stroke:var(--c3)}.s4{stroke:var(--c4)}
.f0{fill:var(--c0)}.f1{fill:var(--c1)}.f2{fill:var(--c2)}.f3{fill:var(--c3)}.f4{fill:var(--c4)}";

/// How many colours the style has.
const COLOURS: usize = 5;

/// One curve.
#[derive(Clone, Debug)]
pub struct Curve {
    /// What it shows.
    pub name: String,
    /// Its points, from left to right.
    pub points: Vec<(f64, f64)>,
}

/// One bar with the lowest and highest value.
#[derive(Clone, Debug)]
pub struct Bar {
    /// Whose it is.
    pub name: String,
    /// Its height.
    pub value: f64,
    /// The lowest of what it stands for.
    pub lowest: f64,
    /// The highest.
    pub highest: f64,
}

/// What a chart shows.
#[derive(Clone, Debug)]
pub enum Drawing {
    /// Curves over a common axis.
    Curves(Vec<Curve>),
    /// Bars side by side.
    Bars(Vec<Bar>),
}

/// One chart. Both its axes begin at zero, or at the lowest value where there is a negative one.
#[derive(Clone, Debug)]
pub struct Chart {
    /// What is above it.
    pub title: String,
    /// What is below the horizontal axis, with its unit.
    pub x_label: String,
    /// What the vertical axis means, with its unit.
    pub y_label: String,
    /// What it shows.
    pub drawing: Drawing,
}

/// Draws charts below one another.
pub fn svg(title: &str, charts: &[Chart]) -> String {
    let height = TITLE_HEIGHT + HEIGHT * charts.len() as f64;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\" role=\"img\">\n<title>{0}</title>\n<style>{STYLE}</style>\n\
         <rect class=\"page\" width=\"{WIDTH}\" height=\"{height}\"/>\n\
         <text class=\"title\" x=\"16\" y=\"25\">{0}</text>\n",
        escape(title)
    );
    for (at, chart) in charts.iter().enumerate() {
        let _ = writeln!(text, "<g transform=\"translate(0 {})\">", TITLE_HEIGHT + HEIGHT * at as f64);
        chart.draw(&mut text);
        text.push_str("</g>\n");
    }
    text.push_str("</svg>\n");
    text
}

/// An axis: what range it shows and where its marks are.
struct Axis {
    lowest: f64,
    highest: f64,
    step: f64,
}

impl Axis {
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let finite = values.filter(|value| value.is_finite());
        let (lowest, highest) =
            finite.fold((0.0f64, 0.0f64), |(low, high), value| (low.min(value), high.max(value)));
        let span = if highest > lowest { highest - lowest } else { 1.0 };
        let rough = span / TICKS;
        let magnitude = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 2.5, 5.0, 10.0]
            .into_iter()
            .map(|factor| factor * magnitude)
            .find(|step| *step >= rough)
            .unwrap_or(rough);
        let marks = |value: f64| (value / step).ceil() * step;
        Self { lowest: -marks(-lowest), highest: marks(lowest + span), step }
    }

    fn share(&self, value: f64) -> f64 {
        (value - self.lowest) / (self.highest - self.lowest)
    }

    fn marks(&self) -> impl Iterator<Item = f64> {
        let count = ((self.highest - self.lowest) / self.step).round() as usize;
        (0..=count).map(|at| self.lowest + at as f64 * self.step)
    }
}

impl Chart {
    fn draw(&self, text: &mut String) {
        let _ = writeln!(text, "<text class=\"head\" x=\"16\" y=\"18\">{}</text>", escape(&self.title));
        let _ = writeln!(text, "<text class=\"faint\" x=\"16\" y=\"36\">{}</text>", escape(&self.y_label));
        let (middle, bottom) = ((MARGIN_LEFT + WIDTH - MARGIN_RIGHT) / 2.0, HEIGHT - 12.0);
        let _ = writeln!(
            text,
            "<text class=\"faint\" x=\"{middle}\" y=\"{bottom}\" text-anchor=\"middle\">{}</text>",
            escape(&self.x_label)
        );
        match &self.drawing {
            Drawing::Curves(curves) => draw_curves(curves, text),
            Drawing::Bars(bars) => draw_bars(bars, text),
        }
    }
}

fn y_of(axis: &Axis, value: f64) -> f64 {
    HEIGHT - MARGIN_BOTTOM - axis.share(value) * (HEIGHT - MARGIN_BOTTOM - MARGIN_TOP)
}

fn x_of(axis: &Axis, value: f64) -> f64 {
    MARGIN_LEFT + axis.share(value) * (WIDTH - MARGIN_LEFT - MARGIN_RIGHT)
}

fn draw_grid(axis: &Axis, text: &mut String) {
    for mark in axis.marks() {
        let y = y_of(axis, mark);
        let (right, label_x, label_y) = (WIDTH - MARGIN_RIGHT, MARGIN_LEFT - 8.0, y + 4.0);
        let _ = writeln!(
            text,
            "<line class=\"grid\" x1=\"{MARGIN_LEFT}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
             <text x=\"{label_x}\" y=\"{label_y:.1}\" text-anchor=\"end\">{}</text>",
            short(mark)
        );
    }
}

fn draw_curves(curves: &[Curve], text: &mut String) {
    let points = || curves.iter().flat_map(|curve| &curve.points);
    let (across, up) = (Axis::of(points().map(|(x, _)| *x)), Axis::of(points().map(|(_, y)| *y)));
    draw_grid(&up, text);
    let bottom = HEIGHT - MARGIN_BOTTOM;
    for mark in across.marks() {
        let (x, y) = (x_of(&across, mark), bottom + 16.0);
        let _ = writeln!(text, "<text x=\"{x:.1}\" y=\"{y}\" text-anchor=\"middle\">{}</text>", short(mark));
    }
    let mut legend_x = WIDTH - MARGIN_RIGHT;
    for (at, curve) in curves.iter().enumerate().rev().filter(|_| curves.len() > 1) {
        // About seven units a letter; the legend is set from the right.
        legend_x -= 7.0 * curve.name.chars().count() as f64;
        let colour = at % COLOURS;
        let (box_x, next_x) = (legend_x - 16.0, legend_x - 34.0);
        let _ = writeln!(
            text,
            "<rect class=\"f{colour}\" x=\"{box_x:.1}\" y=\"9\" width=\"11\" height=\"11\" rx=\"2\"/>\
             <text x=\"{legend_x:.1}\" y=\"19\">{}</text>",
            escape(&curve.name)
        );
        legend_x = next_x;
    }
    for (at, curve) in curves.iter().enumerate() {
        let mut path = String::new();
        for (point, (x, y)) in curve.points.iter().filter(|(_, y)| y.is_finite()).enumerate() {
            let command = if point == 0 { 'M' } else { 'L' };
            let _ = write!(path, "{command}{:.1} {:.1}", x_of(&across, *x), y_of(&up, *y));
        }
        let _ = writeln!(text, "<path class=\"curve s{}\" d=\"{path}\"/>", at % COLOURS);
    }
}

fn draw_bars(bars: &[Bar], text: &mut String) {
    let up = Axis::of(bars.iter().map(|bar| bar.highest));
    draw_grid(&up, text);
    let place = (WIDTH - MARGIN_LEFT - MARGIN_RIGHT) / bars.len().max(1) as f64;
    let (ground, width) = (y_of(&up, 0.0), (place * 0.6).min(90.0));
    for (at, bar) in bars.iter().enumerate() {
        let middle = MARGIN_LEFT + place * (at as f64 + 0.5);
        let (left, top, label_y) = (middle - width / 2.0, y_of(&up, bar.value), ground + 16.0);
        let (low, high, value_y) =
            (y_of(&up, bar.lowest), y_of(&up, bar.highest), y_of(&up, bar.highest) - 6.0);
        let _ = writeln!(
            text,
            "<rect class=\"f{}\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{:.1}\"/>\
             <line class=\"whisker\" x1=\"{middle:.1}\" x2=\"{middle:.1}\" y1=\"{low:.1}\" y2=\"{high:.1}\"/>\
             <text x=\"{middle:.1}\" y=\"{label_y:.1}\" text-anchor=\"middle\">{}</text>\
             <text x=\"{middle:.1}\" y=\"{value_y:.1}\" text-anchor=\"middle\">{}</text>",
            at % COLOURS,
            ground - top,
            escape(&bar.name),
            short(bar.value)
        );
    }
}

/// A number for an axis.
fn short(number: f64) -> String {
    let (scaled, unit) = match number.abs() {
        size if size >= 1e9 => (number / 1e9, " G"),
        size if size >= 1e6 => (number / 1e6, " M"),
        size if size >= 1e4 => (number / 1e3, " k"),
        _ => (number, ""),
    };
    let digits = if scaled.abs() >= 100.0 { 0 } else { 2 };
    let text = format!("{scaled:.digits$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text}{unit}")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(drawing: Drawing) -> Chart {
        let [title, x_label, y_label] = ["a < b", "seconds", "ms"].map(str::to_owned);
        Chart { title, x_label, y_label, drawing }
    }

    #[test]
    fn a_picture_has_its_titles_escaped_and_its_curves() {
        let curves = ["one", "two"].map(|name| Curve {
            name: name.to_owned(),
            points: vec![(0.0, 1.0), (10.0, 42.0), (20.0, f64::NAN)],
        });
        let text = svg("all", &[chart(Drawing::Curves(curves.to_vec()))]);
        assert!(text.contains("a &lt; b") && text.contains(">two</text>"), "{text}");
        assert_eq!(text.matches("<path ").count(), 2);
        assert!(!text.contains("NaN"), "{text}");
    }

    #[test]
    fn a_bar_reaches_from_zero_to_its_value() {
        let bar = Bar { name: "x".to_owned(), value: 10.0, lowest: 8.0, highest: 10.0 };
        let text = svg("all", &[chart(Drawing::Bars(vec![bar]))]);
        let whole = HEIGHT - MARGIN_TOP - MARGIN_BOTTOM;
        assert!(text.contains(&format!("height=\"{whole:.1}\"")), "{text}");
    }

    #[test]
    fn axes_have_round_marks() {
        for (highest, last, step) in [(42.0, 50.0, 10.0), (0.9, 1.0, 0.2), (1_200.0, 1_250.0, 250.0)] {
            let axis = Axis::of([highest].into_iter());
            assert!(
                (axis.highest - last).abs() < 1e-9 && (axis.step - step).abs() < 1e-9,
                "{highest}: {}",
                axis.highest
            );
        }
        assert_eq!(Axis::of(std::iter::empty()).highest, 1.0);
        assert_eq!(Axis::of([-5.0, 5.0].into_iter()).lowest, -6.0);
    }

    #[test]
    fn numbers_are_short() {
        for (number, text) in [(0.0, "0"), (2.5, "2.5"), (500.0, "500"), (20_000.0, "20 k"), (1.5e9, "1.5 G")]
        {
            assert_eq!(short(number), text);
        }
    }
}
