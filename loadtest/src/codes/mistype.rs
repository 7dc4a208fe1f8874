//! Slips: one wrong character, two neighbours swapped, at every place of many codes.
//!
//! "Malformed" is what the engine says before it asks the index, and nothing behind that says it.

use std::ops::ControlFlow;
use std::path::Path;

use anyhow::{anyhow, ensure};
use indicatif::ProgressBar;
use jeton::codes::Alphabet;
use jeton::domain::code::Normal;
use jeton::domain::id::TenantId;
use jeton::domain::order::Order;
use jeton::domain::refusal::Reason;
use jeton::domain::time::Timestamp;
use jeton::engine::{Ask, CodeFilter, Counts, Engine, Prepared, StackMode};
use jeton::testing::{BoxOptions, engine_in};
use serde::Serialize;
use smallvec::smallvec;

use super::tenant;
use crate::args::CodesArgs;
use crate::workload::Dice;

/// What became of slips.
#[derive(Debug, Default, Serialize)]
pub(super) struct Mistyped {
    pub(super) codes: u64,
    /// One wrong character, at each place of each code.
    pub(super) wrong_characters: u64,
    /// Two neighbours swapped, at each place of each code where they differ.
    pub(super) swaps: u64,
    /// Refused as malformed: nothing was looked up.
    pub(super) malformed: u64,
    /// Anything else: each breaks a promise.
    pub(super) others: u64,
}

/// Mistypes codes that lie evenly among all, in every way that a check character promises to find.
pub(super) fn mistype(dir: &Path, args: &CodesArgs) -> anyhow::Result<Mistyped> {
    let engine = engine_in(dir, &BoxOptions::default()).map_err(|why| anyhow!(why))?;
    let tenant = tenant()?;
    let step = (args.count / args.mistyped.max(1)).max(1);
    let mut sample = Vec::new();
    for batch in engine.batches(&tenant, None)? {
        let mut place = 0;
        engine.export(&batch, CodeFilter::default(), |code| {
            if place % step == 0 {
                sample.push(code.text.to_owned());
            }
            place += 1;
            ControlFlow::Continue(())
        })?;
    }
    let mut mistyped = Mistyped { codes: u64::try_from(sample.len())?, ..Mistyped::default() };
    let mut dice = Dice::new(args.count);
    let progress = ProgressBar::new(mistyped.codes);
    for code in &sample {
        let right = Normal::parse(code).map_err(|why| anyhow!("{why}"))?;
        ensure!(ask(&engine, &tenant, right.as_str()).is_none(), "a right code is refused");
        for place in 0..right.as_bytes().len() {
            let wrong = with_wrong_character(right.as_bytes(), place, &mut dice);
            mistyped.wrong_characters += 1;
            mistyped.count(ask(&engine, &tenant, &wrong));
            if let Some(swapped) = with_swapped_neighbours(right.as_bytes(), place) {
                mistyped.swaps += 1;
                mistyped.count(ask(&engine, &tenant, &swapped));
            }
        }
        progress.inc(1);
    }
    progress.finish_and_clear();
    engine.ledger().close();
    Ok(mistyped)
}

/// The reason for which a code is refused. Malformed is said before the index is asked, and by
/// nothing behind it.
fn ask(engine: &Engine, tenant: &TenantId, code: &str) -> Option<Reason> {
    let (order, now) = (Order::default(), engine.now());
    let ask = Ask { tenant, codes: smallvec![code], order, now, mode: StackMode::AllOrNothing };
    match engine.validate(&ask, Counts::Known, Timestamp::NEVER) {
        Prepared::Answer(verdict) => verdict.err().map(|refusal| refusal.reason),
        // The ledger is asked about codes that are right only.
        Prepared::Posting(_) | Prepared::Page(_) => None,
    }
}

fn with_wrong_character(code: &[u8], place: usize, dice: &mut Dice) -> String {
    let mut text = code.to_vec();
    if let Some(character) = text.get_mut(place) {
        let others = Alphabet::Clear.characters().iter().filter(|other| *other != character);
        let others: Vec<u8> = others.copied().collect();
        let pick = usize::try_from(dice.below(others.len() as u64)).unwrap_or_default();
        *character = others.get(pick).copied().unwrap_or(b'0');
    }
    String::from_utf8(text).unwrap_or_default()
}

/// `None` when there is no next character, or the same one.
fn with_swapped_neighbours(code: &[u8], place: usize) -> Option<String> {
    let mut text = code.to_vec();
    let neighbours = text.get_mut(place..place + 2)?;
    let (first, second) = (*neighbours.first()?, *neighbours.get(1)?);
    neighbours.swap(0, 1);
    (first != second).then_some(())?;
    String::from_utf8(text).ok()
}

impl Mistyped {
    fn count(&mut self, refused: Option<Reason>) {
        if refused == Some(Reason::CodeMalformed) {
            self.malformed += 1;
        } else {
            self.others += 1;
        }
    }
}
