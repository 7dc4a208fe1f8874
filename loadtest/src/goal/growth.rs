//! P16: what a request costs the server as codes grow, in its processor time, so that the load
//! generator's own work on long lists does not count. Codes of each size are asked for evenly.
//!
//! Beside it stands what finding one code in the index costs by itself: with ten million codes that
//! is a few misses of the processor's caches, which a request hardly notices.

use std::fs::File;
use std::hint::black_box;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, ensure};
use jeton::domain::code::CodeKey;
use jeton::index::{Entry, Index};
use jeton::metrics::Stopwatch;

use super::embedded::Side;
use super::field::Field;
use super::verdict::{Contest, Findings, Series, Target};
use crate::args::Keep;
use crate::box_server::{ServeBoxArgs, Uses};
use crate::workload::{Codes, Dice, Law, Verb};

const SIZES: [u64; 5] = [1_000, 10_000, 100_000, 1_000_000, 10_000_000];
/// Codes of a size that are asked for; of larger sizes, evenly chosen ones.
const ASKED_MAX: u64 = 500_000;
/// Look-ups that are timed together.
const LOOKUPS: u32 = 2_000_000;

/// A server with so many codes, and what its requests cost.
struct Size {
    side: Side,
    validate: Series,
    redeem: Series,
}

pub(super) async fn of_codes(field: &mut Field) -> anyhow::Result<Findings> {
    let most = field.codes(SIZES.into_iter().max().unwrap_or_default());
    let mut sizes = Vec::new();
    for codes in SIZES.into_iter().filter(|codes| *codes <= most) {
        sizes.push(Size::start(field, codes)?);
    }
    for _ in field.rounds() {
        for Size { side, validate, redeem } in &mut sizes {
            validate.push(cpu_us(side, field, Verb::Validate).await?);
            redeem.push(cpu_us(side, field, Verb::Redeem).await?);
        }
    }
    let (mut validate, mut redeem, mut beside) = (Vec::new(), Vec::new(), Vec::new());
    for size in sizes {
        beside.extend([size.validate.clone(), size.redeem.clone()]);
        validate.push(size.validate);
        redeem.push(size.redeem);
        size.side.end()?;
    }
    let contests = vec![dearest_against_cheapest(validate)?, dearest_against_cheapest(redeem)?];
    for size in SIZES.into_iter().filter(|size| *size <= most) {
        field.say(&format!("looking up among {size} codes"));
        beside.push(lookups(size, field.rounds_count())?);
    }
    Ok(Findings { contests, beside })
}

/// Of the sizes, the two whose medians lie farthest apart.
fn dearest_against_cheapest(mut sizes: Vec<Series>) -> anyhow::Result<Contest> {
    sizes.sort_by(|one, other| one.median().total_cmp(&other.median()));
    let cheapest = sizes.first().cloned();
    let (cheapest, dearest) = cheapest.zip(sizes.pop()).context("no size was measured")?;
    Ok(Contest::against(dearest, cheapest, Target::AtMost(2.0)))
}

impl Size {
    fn start(field: &Field, count: u64) -> anyhow::Result<Self> {
        let args = ServeBoxArgs::new(&field.path(&format!("of-{count}")), Keep::Sync, count);
        let server = field.server(&ServeBoxArgs { uses: Uses::Often, ..args })?;
        let codes = Arc::new(Codes::read(&thinned(server.codes(), count)?)?);
        let validate = Series::new(format!("validate, of {count} codes"), "µs");
        let redeem = Series::new(format!("redeem, of {count} codes"), "µs");
        Ok(Self { side: Side { server, codes }, validate, redeem })
    }
}

/// Processor time of the server for a request.
async fn cpu_us(side: &Side, field: &mut Field, verb: Verb) -> anyhow::Result<f64> {
    let figures = side.peak(field, verb, Law::Uniform).await?;
    ensure!(figures.yes > 0, "nothing was answered");
    figures.server_cpu_us.context("this system does not say what processor time was used")
}

/// A list with at most [`ASKED_MAX`] of the codes, from all of its parts.
fn thinned(list: &Path, size: u64) -> anyhow::Result<PathBuf> {
    let step = usize::try_from(size.div_ceil(ASKED_MAX).max(1))?;
    let path = list.with_extension("thinned");
    let mut out = BufWriter::new(File::create(&path)?);
    for line in BufReader::new(File::open(list)?).lines().step_by(step) {
        writeln!(out, "{}", line?)?;
    }
    out.flush()?;
    Ok(path)
}

/// What one look-up takes.
fn lookups(size: u64, rounds: u32) -> anyhow::Result<Series> {
    let index = Index::with_capacity(usize::try_from(size)?);
    let first = Entry::new(1, 0).context("an entry")?;
    index.fill(first, (0..size).map(key));
    let mut series = Series::new(format!("a look-up by itself, of {size} codes"), "ns");
    let mut dice = Dice::new(size);
    for _ in 0..rounds {
        let keys: Vec<CodeKey> = (0..LOOKUPS).map(|_| key(dice.below(size))).collect();
        let watch = Stopwatch::start();
        let found = keys.iter().filter(|key| index.lookup(black_box(key)).is_some()).count();
        series.push(watch.seconds() * 1e9 / f64::from(LOOKUPS));
        ensure!(found == keys.len(), "{found} of {} codes were found", keys.len());
    }
    Ok(series)
}

/// Spread over all bytes, as hashes are.
fn key(number: u64) -> CodeKey {
    let mixed = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let wide = (u128::from(mixed) << 64) | u128::from(number);
    CodeKey::from_bytes(wide.to_be_bytes())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn the_dearest_size_is_compared_with_the_cheapest() {
        let series = |what: &str, figures: [f64; 3]| {
            let figures = figures.to_vec();
            Series { what: what.to_owned(), unit: "µs", figures }
        };
        let sizes = vec![
            series("of 1000", [2.0, 2.1, 2.0]),
            series("of 10000", [1.0, 9.0, 1.1]),
            series("of 100000", [1.5, 1.4, 1.5]),
        ];
        let contest = dearest_against_cheapest(sizes).unwrap();
        assert_eq!(contest.ours.what, "of 1000");
        assert_eq!(contest.theirs.unwrap().what, "of 10000");
        assert!(dearest_against_cheapest(Vec::new()).is_err());
    }

    #[test]
    fn a_list_is_thinned_evenly() {
        let dir = tempfile::tempdir().unwrap();
        let list = dir.path().join("codes.txt");
        let all: Vec<String> = (0..10).map(|number| number.to_string()).collect();
        std::fs::write(&list, all.join("\n")).unwrap();
        let few = thinned(&list, ASKED_MAX * 3).unwrap();
        assert_eq!(std::fs::read_to_string(few).unwrap(), "0\n3\n6\n9\n");
    }

    #[test]
    fn look_ups_find_what_is_there() {
        let series = lookups(1_000, 1).unwrap();
        assert!(series.median() > 0.0);
    }
}
