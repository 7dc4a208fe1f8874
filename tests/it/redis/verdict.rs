//! What sales came to: the lines of a table, and whether every promise was kept.

use std::fmt;
use std::ops::AddAssign;

use jeton::testing::{Call, Heard, Lie, Standing};

/// Most milliseconds that an answer may come after its deadline.
pub(crate) const LATE_MS_MAX: u64 = 200;

/// What sales came to, as a line of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Row {
    pub(crate) faults: u64,
    pub(crate) calls: usize,
    pub(crate) yes: usize,
    pub(crate) unknown: usize,
    pub(crate) over: usize,
    pub(crate) lost: usize,
}

impl Row {
    /// The line of one sale: what was heard of it, and which promises were broken.
    pub(crate) fn of(faults: u64, calls: &[Call], standing: &Standing, lies: &[Lie]) -> Self {
        let count = |is: fn(&Lie) -> bool| lies.iter().filter(|lie| is(lie)).count();
        Self {
            faults,
            calls: calls.len(),
            yes: standing.ordinals.len(),
            unknown: calls.iter().filter(|call| call.heard == Heard::Nothing).count(),
            over: count(|lie| matches!(lie, Lie::OutOfRange(..) | Lie::Shared(..))),
            lost: count(|lie| matches!(lie, Lie::Lost(..) | Lie::Changed(..) | Lie::Unsettled(..))),
        }
    }

    /// Prints the line.
    #[expect(clippy::print_stdout, reason = "the long run prints a table")]
    pub(crate) fn print(self, name: &str) {
        println!("{name:<40} {self}");
    }
}

impl AddAssign for Row {
    fn add_assign(&mut self, other: Self) {
        self.faults += other.faults;
        self.calls += other.calls;
        self.yes += other.yes;
        self.unknown += other.unknown;
        self.over += other.over;
        self.lost += other.lost;
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { faults, calls, yes, unknown, over, lost } = self;
        write!(
            f,
            "faults {faults:>5}  calls {calls:>7}  yes {yes:>6}  unknown {unknown:>6}  over \
             {over:>3}  lost {lost:>3}"
        )
    }
}

/// The judgement.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) row: Row,
    pub(crate) lies: Vec<Lie>,
    /// Answers that nobody should hear, counters and events that contradict the receipts.
    pub(crate) wrong: Vec<String>,
    /// How much later than its deadline an answer came at worst.
    pub(crate) late_ms: u64,
}

impl Verdict {
    /// Its line; fails unless every promise was kept.
    #[track_caller]
    pub(crate) fn kept(&self) -> Row {
        let (lies, wrong) = (self.lies.len(), self.wrong.len());
        assert_eq!(lies, 0, "{} {:?}", self.row, &self.lies[..lies.min(5)]);
        assert_eq!(wrong, 0, "{} {:?}", self.row, &self.wrong[..wrong.min(5)]);
        assert!(self.late_ms <= LATE_MS_MAX, "an answer came {} ms late", self.late_ms);
        self.row
    }
}
