//! Reading settings one by one: each is looked up, checked, explained; mistakes are collected.

use std::ops::RangeInclusive;

use figment::value::Value;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::layers::Layers;
use super::{Fault, Origin, Setting};

/// How far a name may be from a known one to be taken for a slip.
const SLIPS_MAX: usize = 2;

pub(super) struct Reader<'a> {
    layers: &'a Layers,
    settings: Vec<Setting>,
    faults: Vec<Fault>,
}

/// What is said about a setting where it is read.
#[derive(Clone, Copy)]
pub(super) struct About {
    pub(super) key: &'static str,
    pub(super) range: &'static str,
    pub(super) what: &'static str,
}

impl<'a> Reader<'a> {
    pub(super) fn new(layers: &'a Layers, faults: Vec<Fault>) -> Self {
        Self { layers, settings: Vec::new(), faults }
    }

    /// A setting that is written as `W` and means a `T`; `None` when it is not set or wrong.
    pub(super) fn read<W: DeserializeOwned, T>(
        &mut self,
        about: About,
        default: impl Serialize,
        check: impl FnOnce(W) -> Result<T, String>,
    ) -> Option<T> {
        self.read_in(about, about.range.to_owned(), default, check)
    }

    fn read_in<W: DeserializeOwned, T>(
        &mut self,
        About { key, what, .. }: About,
        range: String,
        default: impl Serialize,
        check: impl FnOnce(W) -> Result<T, String>,
    ) -> Option<T> {
        let default = serde_json::to_value(default).unwrap_or_default();
        let found = self.layers.find(key);
        let (value, origin) = match &found {
            Some((value, origin)) => (json(value), origin.clone()),
            None => (default.clone(), Origin::Default),
        };
        let meant = found.map(|(written, _)| {
            let typed: Result<W, _> = written.deserialize();
            typed
                .map_err(|_other_type| format!("is {}; expected is {range}", shown(&value)))
                .and_then(check)
        });
        let taken = match meant {
            None => None,
            Some(Ok(meant)) => Some(meant),
            Some(Err(message)) => {
                self.faults.push(Fault { key: key.to_owned(), origin: origin.clone(), message });
                None
            }
        };
        self.settings.push(Setting { key, value, origin, default, range, what });
        taken
    }

    /// A whole number in a range; what is said of its range is its unit.
    pub(super) fn number<N>(&mut self, about: About, default: N, range: RangeInclusive<u64>) -> N
    where
        N: Copy + Serialize + TryFrom<u64>,
    {
        let text = format!("{} to {} {}", range.start(), range.end(), about.range);
        let wrong = |written: u64| format!("is {written}; expected is {text}");
        let check = |written: u64| {
            let fits = range.contains(&written).then(|| N::try_from(written).ok()).flatten();
            fits.ok_or_else(|| wrong(written))
        };
        self.read_in(about, text.clone(), default, check).unwrap_or(default)
    }

    /// A setting that means what is written.
    pub(super) fn plain<T: DeserializeOwned + Serialize>(&mut self, about: About, default: T) -> T {
        self.read(about, &default, Ok).unwrap_or(default)
    }

    /// Shows the value of a setting that was read, if it is a text, as `mask` makes it.
    pub(super) fn mask(&mut self, key: &str, mask: impl FnOnce(&str) -> String) {
        if let Some(setting) = self.settings.iter_mut().find(|setting| setting.key == key)
            && let serde_json::Value::String(text) = &mut setting.value
        {
            *text = mask(text);
        }
    }

    /// Notes a mistake that only several settings together make.
    pub(super) fn fault(&mut self, key: &str, message: String) {
        let origin = self.layers.find(key).map_or(Origin::Default, |(_, origin)| origin);
        self.faults.push(Fault { key: key.to_owned(), origin, message });
    }

    /// Whether somebody set this.
    pub(super) fn is_set(&self, key: &str) -> bool {
        self.layers.find(key).is_some()
    }

    /// Every setting and all mistakes, unknown keys among them.
    pub(super) fn finish(mut self) -> (Vec<Setting>, Vec<Fault>) {
        let unknown = self.layers.unknown(|key| self.settings.iter().any(|one| one.key == key));
        for (key, origin) in unknown {
            if self.is_empty_section(&key) {
                continue;
            }
            let message = match nearest(&key, self.settings.iter().map(|setting| setting.key)) {
                Some(known) => format!("is no setting; did you mean {known}?"),
                None => "is no setting; jeton config check lists all".to_owned(),
            };
            self.faults.push(Fault { key, origin, message });
        }
        (self.settings, self.faults)
    }

    /// Whether this is a heading such as `[quic]` with nothing below it.
    fn is_empty_section(&self, key: &str) -> bool {
        let is_below =
            |one: &Setting| one.key.strip_prefix(key).is_some_and(|at| at.starts_with('.'));
        let is_table = self.layers.find(key).is_some_and(|(value, _)| value.as_dict().is_some());
        is_table && self.settings.iter().any(is_below)
    }
}

fn json(value: &Value) -> serde_json::Value {
    serde_json::to_value(value).unwrap_or_default()
}

fn shown(value: &serde_json::Value) -> String {
    let text = value.to_string();
    let short: String = text.chars().take(60).collect();
    if short.len() < text.len() { format!("{short}…") } else { text }
}

/// The known name that was probably meant: the whole key or its last part is nearly the same.
fn nearest(key: &str, known: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    let away = |name: &'static str| {
        let last = name.rsplit('.').next().unwrap_or(name);
        // A name without its unit is one slip.
        if last.starts_with(key) { 1 } else { slips(key, name).min(slips(key, last)) }
    };
    let near = known.map(|name| (away(name), name)).filter(|(slips, _)| *slips <= SLIPS_MAX);
    near.min().map(|(_, name)| name)
}

/// Letters to change, insert or leave out to make `a` of `b` (Levenshtein's distance).
fn slips(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, a) in a.chars().enumerate() {
        let mut next = Vec::with_capacity(row.len());
        let mut left = i + 1;
        next.push(left);
        for (b, (diagonal, above)) in b.chars().zip(row.iter().zip(row.iter().skip(1))) {
            left = (diagonal + usize::from(a != b)).min(above + 1).min(left + 1);
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}
