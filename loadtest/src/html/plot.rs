//! A plot of lines as SVG, once for wide screens and once for narrow ones.
//!
//! Colours come from the style sheet, by class, so that the plot is light or dark with its page.

use std::fmt::Write;

use super::escape;
use super::scale::Scale;

/// A plot.
#[derive(Debug, Clone)]
pub(super) struct Plot {
    pub(super) title: &'static str,
    /// What its lines show.
    pub(super) about: &'static str,
    pub(super) x: Scale,
    pub(super) y: Scale,
    pub(super) lines: Vec<Line>,
    pub(super) shape: Shape,
    /// Where something begins, by x, and its name.
    pub(super) marks: Vec<(f64, String)>,
    /// What is told to whoever points at a place, by x, in order.
    pub(super) hints: Vec<(f64, String)>,
}

/// A line.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) name: &'static str,
    pub(super) look: Look,
    /// By x, in order.
    pub(super) points: Vec<(f64, f64)>,
}

/// How points are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// By straight lines.
    Straight,
    /// What a point says holds until the next one, and the last until the end.
    Steps,
}

/// How a line looks.
#[derive(Debug, Clone, Copy)]
pub(super) enum Look {
    First,
    Second,
    Third,
    /// In the background: what was wanted, or the sum of the others.
    Quiet,
}

impl Look {
    const fn class(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Second => "second",
            Self::Third => "third",
            Self::Quiet => "quiet",
        }
    }
}

/// The size of a drawing, in its own units, which are pixels where it is shown.
struct Sheet {
    class: &'static str,
    width: f64,
    height: f64,
    /// Marks on the x axis.
    ticks: u32,
}

const WIDE: Sheet = Sheet { class: "wide", width: 920.0, height: 310.0, ticks: 10 };
const NARROW: Sheet = Sheet { class: "narrow", width: 360.0, height: 270.0, ticks: 5 };

const LEFT: f64 = 58.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 36.0;
const BOTTOM: f64 = 42.0;
/// Marks on the y axis.
const Y_TICKS: u32 = 5;
/// Room that a letter takes, about.
const LETTER: f64 = 6.2;

impl Sheet {
    /// From a place between 0 and 1 on each axis.
    fn at(&self, x: f64, y: f64) -> (f64, f64) {
        let (right, bottom) = (self.width - RIGHT, self.height - BOTTOM);
        (LEFT + x * (right - LEFT), bottom - y * (bottom - TOP))
    }
}

// Writing to a `String` cannot fail, hence `let _` below.
impl Plot {
    /// The plot with its title and legend.
    pub(super) fn draw(&self) -> String {
        let mut out = format!(
            "<figure><figcaption><b>{}</b> <span>{}</span><span class=\"legend\">",
            escape(self.title),
            escape(self.about)
        );
        for line in &self.lines {
            let (class, name) = (line.look.class(), escape(line.name));
            let _ = write!(out, "<span class=\"key {class}\">{name}</span>");
        }
        out.push_str("</span></figcaption>");
        for sheet in [WIDE, NARROW] {
            self.svg(&sheet, &mut out);
        }
        out + "</figure>"
    }

    fn svg(&self, sheet: &Sheet, out: &mut String) {
        let Sheet { class, width, height, .. } = sheet;
        let _ = write!(
            out,
            "<svg class=\"{class}\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
             aria-label=\"{}: {}\">",
            escape(self.title),
            escape(self.about)
        );
        self.axes(sheet, out);
        self.phases(sheet, out);
        for line in &self.lines {
            let _ = write!(out, "<path class=\"line {}\" d=\"", line.look.class());
            for (place, (x, y)) in line.points.iter().enumerate() {
                let (x, y) = sheet.at(self.x.place(*x), self.y.place(*y));
                let _ = match (place, self.shape) {
                    (0, _) => write!(out, "M{x:.1} {y:.1}"),
                    (_, Shape::Straight) => write!(out, "L{x:.1} {y:.1}"),
                    (_, Shape::Steps) => write!(out, "H{x:.1}V{y:.1}"),
                };
            }
            match self.shape {
                Shape::Steps => _ = write!(out, "H{:.1}", sheet.at(1.0, 0.0).0),
                // A line of one point is a dot.
                Shape::Straight if line.points.len() == 1 => out.push_str("h0.1"),
                Shape::Straight => {}
            }
            out.push_str("\"/>");
        }
        self.hints(sheet, out);
        out.push_str("</svg>");
    }

    fn axes(&self, sheet: &Sheet, out: &mut String) {
        let ((left, bottom), (right, top)) = (sheet.at(0.0, 0.0), sheet.at(1.0, 1.0));
        for (place, text) in self.y.ticks(Y_TICKS) {
            let (_, y) = sheet.at(0.0, place);
            let _ = write!(
                out,
                "<path class=\"grid\" d=\"M{left} {y:.1}H{right}\"/>\
                 <text class=\"end\" x=\"{:.1}\" y=\"{:.1}\">{text}</text>",
                left - 7.0,
                y + 4.0
            );
        }
        for (place, text) in self.x.ticks(sheet.ticks) {
            let (x, _) = sheet.at(place, 0.0);
            // What would stick out ends at the edge.
            let anchor = if place > 0.97 { "end" } else { "middle" };
            let _ = write!(
                out,
                "<path class=\"grid\" d=\"M{x:.1} {bottom}V{:.1}\"/>\
                 <text class=\"{anchor}\" x=\"{x:.1}\" y=\"{:.1}\">{text}</text>",
                bottom + 4.0,
                bottom + 18.0
            );
        }
        let _ = write!(
            out,
            "<path class=\"axis\" d=\"M{left} {bottom}H{right}\"/>\
             <text class=\"middle name\" x=\"{:.1}\" y=\"{:.1}\">{}</text>\
             <text class=\"name\" x=\"2\" y=\"{:.1}\">{}</text>",
            f64::midpoint(left, right),
            sheet.height - 5.0,
            escape(self.x.name),
            top - 24.0,
            escape(self.y.name)
        );
    }

    /// Names stand where the thing begins, unless the next one begins before they end.
    fn phases(&self, sheet: &Sheet, out: &mut String) {
        let (_, bottom) = sheet.at(0.0, 0.0);
        let (right, top) = sheet.at(1.0, 1.0);
        let starts: Vec<f64> =
            self.marks.iter().map(|(x, _)| sheet.at(self.x.place(*x), 0.0).0).collect();
        let ends = starts.iter().skip(1).copied().chain([right]);
        for ((start, end), (_, name)) in starts.iter().zip(ends).zip(&self.marks) {
            if *start > LEFT {
                let over = top - 16.0;
                let _ = write!(out, "<path class=\"mark\" d=\"M{start:.1} {bottom}V{over}\"/>");
            }
            #[expect(clippy::cast_precision_loss, reason = "a few letters")]
            if name.chars().count() as f64 * LETTER < end - start {
                let (x, y) = (start + 3.0, top - 6.0);
                let name = escape(name);
                let _ = write!(out, "<text class=\"mark\" x=\"{x:.1}\" y=\"{y:.1}\">{name}</text>");
            }
        }
    }

    /// Columns that nobody sees, each with its text, from its place to the next one's.
    fn hints(&self, sheet: &Sheet, out: &mut String) {
        let ((_, bottom), (right, top)) = (sheet.at(0.0, 0.0), sheet.at(1.0, 1.0));
        let begins = self.hints.iter().map(|(x, _)| sheet.at(self.x.place(*x), 0.0).0);
        let ends = begins.clone().skip(1).chain([right]);
        for ((begin, end), (_, text)) in begins.zip(ends).zip(&self.hints) {
            let _ = write!(
                out,
                "<rect class=\"hint\" x=\"{begin:.1}\" y=\"{top}\" width=\"{:.1}\" \
                 height=\"{:.1}\"><title>{}</title></rect>",
                end - begin,
                bottom - top,
                escape(text)
            );
        }
    }
}
