//! From a quantity to a place between 0 and 1, and the marks beside it.

/// One axis.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scale {
    kind: Kind,
    /// What it shows, with its unit.
    pub(super) name: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    /// From 0.
    Linear { to: f64 },
    /// Latencies in microseconds, from and to, as powers of ten.
    Log { from: f64, to: f64 },
    /// Shares: each further nine takes the same room.
    Nines { nines: f64 },
}

/// A mark: its place between 0 and 1, and what is said there.
pub(super) type Tick = (f64, String);

impl Scale {
    /// From 0 to a round figure that is at least `most`, which is above 0.
    pub(super) fn linear(most: f64, name: &'static str) -> Self {
        let step = round_step(most / 4.0);
        // A time need not end at a round figure: nothing comes behind it.
        let to = if name.starts_with("time") { most } else { (most / step).ceil() * step };
        Self { kind: Kind::Linear { to }, name }
    }

    /// Powers of ten that hold all these latencies, in microseconds.
    pub(super) fn log(values: impl Iterator<Item = f64>, name: &'static str) -> Self {
        let (least, most) =
            values.fold((f64::INFINITY, 0.1), |(least, most), us| (us.min(least), us.max(most)));
        let least = least.clamp(0.1, most);
        let (from, to) = (round_below(least).log10(), round_above(most).log10());
        let to = if to - from < 0.3 { from + 1.0 } else { to };
        Self { kind: Kind::Log { from, to }, name }
    }

    /// Shares of answers, as far as so many points of a plot reach.
    pub(super) fn nines(points: usize) -> Self {
        // As many for a nine as percentiles are told for.
        #[expect(clippy::cast_precision_loss, reason = "a few dozen")]
        let nines = (points as f64 / 8.0).max(1.0);
        Self { kind: Kind::Nines { nines }, name: "percentile" }
    }

    /// Where a value is, from 0 to 1.
    pub(super) fn place(&self, value: f64) -> f64 {
        let place = match self.kind {
            Kind::Linear { to } => value / to,
            Kind::Log { from, to } => (value.max(1e-3).log10() - from) / (to - from),
            Kind::Nines { nines } => -(1.0 - value).max(1e-12).log10() / nines,
        };
        place.clamp(0.0, 1.0)
    }

    /// The marks, of which no more than about `most` are wanted.
    pub(super) fn ticks(&self, most: u32) -> Vec<Tick> {
        let at = |value: f64, text: String| (self.place(value), text);
        match self.kind {
            Kind::Linear { to } => {
                let step = round_step(to / f64::from(most.max(1)));
                let values = (0_u32..).map(|nth| f64::from(nth) * step);
                let values = values.take_while(|value| *value <= to * (1.0 + 1e-9));
                values.map(|value| at(value, short(value))).collect()
            }
            Kind::Log { from, to } => {
                let digits: &[f64] = if to - from <= 2.2 { &[1.0, 2.0, 5.0] } else { &[1.0] };
                let decades = (-2_i32..=9).map(|power| 10_f64.powi(power));
                let values = decades.flat_map(|decade| digits.iter().map(move |d| d * decade));
                let inside = |value: &f64| (from - 1e-9..=to + 1e-9).contains(&value.log10());
                values.filter(inside).map(|value| at(value, duration(value))).collect()
            }
            Kind::Nines { nines } => {
                const SHARES: [(f64, &str); 9] = [
                    (0.0, "0 %"),
                    (0.5, "50 %"),
                    (0.9, "90 %"),
                    (0.99, "99 %"),
                    (0.999, "99.9 %"),
                    (0.999_9, "99.99 %"),
                    (0.999_99, "99.999 %"),
                    (0.999_999, "99.9999 %"),
                    (0.999_999_9, "99.99999 %"),
                ];
                let reached = |share: &f64| -(1.0 - share).log10() <= nines + 1e-9;
                let shares = SHARES.into_iter().filter(|(share, _)| reached(share));
                // Half of them would meet the first on a plot of many nines.
                let shares = shares.filter(|(share, _)| *share != 0.5 || nines < 4.0 && most > 6);
                shares.map(|(share, text)| at(share, text.to_owned())).collect()
            }
        }
    }
}

/// 1, 2 or 5 of some power of ten, not below `least`.
fn round_step(least: f64) -> f64 {
    round_above(least.max(1e-9))
}

fn round_above(value: f64) -> f64 {
    let decade = 10_f64.powf(value.log10().floor());
    let steps = [1.0, 2.0, 5.0].map(|digit| digit * decade);
    let fits = |step: &f64| *step >= value * (1.0 - 1e-9);
    steps.into_iter().find(fits).unwrap_or(10.0 * decade)
}

fn round_below(value: f64) -> f64 {
    let decade = 10_f64.powf(value.log10().floor());
    let steps = [5.0, 2.0].map(|digit| digit * decade);
    let fits = |step: &f64| *step <= value * (1.0 + 1e-9);
    steps.into_iter().find(fits).unwrap_or(decade)
}

/// A count for an axis: `4k`, `1.5M`.
fn short(value: f64) -> String {
    let (scaled, unit) = match value {
        1e6.. => (value / 1e6, "M"),
        1e4.. => (value / 1e3, "k"),
        _ => (value, ""),
    };
    format!("{}{unit}", trimmed(format!("{scaled:.2}")))
}

/// A time in the unit that suits it, from microseconds, with three digits.
pub(super) fn duration(us: f64) -> String {
    let (value, unit) = match us {
        1e6.. => (us / 1e6, "s"),
        1e3.. => (us / 1e3, "ms"),
        _ => (us, "µs"),
    };
    let text = match value {
        100.0.. => format!("{value:.0}"),
        10.0.. => trimmed(format!("{value:.1}")),
        _ => trimmed(format!("{value:.2}")),
    };
    format!("{text} {unit}")
}

/// Without zeros at the end that say nothing.
fn trimmed(text: String) -> String {
    match text.split_once('.') {
        Some(_) => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(scale: &Scale, most: u32) -> Vec<String> {
        scale.ticks(most).into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn round_figures() {
        for (value, above, below) in [(1.0, 1.0, 1.0), (1.1, 2.0, 1.0), (3.0, 5.0, 2.0)] {
            assert!((round_above(value * 1e3) - above * 1e3).abs() < 1e-6, "{value}");
            assert!((round_below(value * 1e3) - below * 1e3).abs() < 1e-6, "{value}");
        }
        assert!((round_above(7.0) - 10.0).abs() < 1e-9 && (round_below(7.0) - 5.0).abs() < 1e-9);
    }

    #[test]
    fn a_linear_axis_holds_the_most() {
        let scale = Scale::linear(4_130.0, "requests a second");
        assert_eq!(texts(&scale, 4), ["0", "2000", "4000", "6000"]);
        assert!((scale.place(3_000.0) - 0.5).abs() < 1e-9);
        let time = Scale::linear(59.0, "time, s");
        assert_eq!(texts(&time, 6), ["0", "10", "20", "30", "40", "50"]);
        assert!((time.place(59.0) - 1.0).abs() < 1e-9, "a time ends where it ends");
    }

    #[test]
    fn a_log_axis_has_room_for_each_decade() {
        let scale = Scale::log([120.0, 33_000.0].into_iter(), "latency");
        assert_eq!(texts(&scale, 6), ["100 µs", "1 ms", "10 ms"]);
        assert!((scale.place(100.0)).abs() < 1e-9);
        assert!((scale.place(50_000.0) - 1.0).abs() < 1e-9);
        let narrow = Scale::log([120.0, 450.0].into_iter(), "latency");
        assert_eq!(texts(&narrow, 6), ["100 µs", "200 µs", "500 µs"]);
        let nothing = Scale::log(std::iter::empty(), "latency");
        assert!(nothing.place(1.0).is_finite());
    }

    #[test]
    fn each_nine_takes_the_same_room() {
        let scale = Scale::nines(32);
        assert_eq!(texts(&scale, 4), ["0 %", "90 %", "99 %", "99.9 %", "99.99 %"]);
        let step = scale.place(0.99) - scale.place(0.9);
        assert!((step - 0.25).abs() < 1e-9 && (scale.place(0.999) - 0.75).abs() < 1e-9);
        assert!((scale.place(1.0) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn times_have_the_unit_that_suits_them() {
        let told = [0.5, 85.04, 850.0, 1_000.0, 12_345.0, 123_456.0, 1_500_000.0].map(duration);
        assert_eq!(told, ["0.5 µs", "85 µs", "850 µs", "1 ms", "12.3 ms", "123 ms", "1.5 s"]);
        let told = [0.0, 750.0, 20_000.0, 1_500_000.0].map(short);
        assert_eq!(told, ["0", "750", "20k", "1.5M"]);
    }
}
