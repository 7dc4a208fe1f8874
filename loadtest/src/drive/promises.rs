//! What must not happen, looked for in every answer.
//!
//! - No use is given twice: its ordinal comes once (where uses are given back, they come again).
//! - No code is used more often than it may be: the uses that are certainly taken, as far as
//!   answers tell, are counted by code.
//! - A hold that is open can be confirmed, and all of it is; what is released is gone, all of it.
//!
//! Knows no time and no connections. Whatever was not answered is left out, so that nothing is
//! called broken that might be kept.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jeton::client::Id;
use serde::{Deserialize, Serialize};

use crate::stats::{Ordinals, OrdinalsSeen};
use crate::workload::{Dice, Law, Question, Verb, Workload};

/// What is known of the codes before the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Known {
    /// Most uses of each code that can be had in this run.
    pub(crate) uses_max: Option<u64>,
    /// Nobody used these codes before, and nobody else does.
    pub(crate) is_ours: bool,
}

/// Questions about one list of codes, and what was answered.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) workload: Workload,
    pub(crate) known: Known,
    /// Absent where uses are given back.
    ordinals: Option<Ordinals>,
    /// Absent where there is neither a limit nor a hold.
    standing: Option<Mutex<Standing>>,
}

/// How the codes stand, as far as answers tell.
#[derive(Debug, Default)]
struct Standing {
    /// Holds that nobody asked to confirm or release yet, oldest first.
    open: VecDeque<(Id, u32)>,
    /// Uses that are certainly taken, by code.
    live: BTreeMap<u32, u64>,
    found: Standings,
}

/// What was found of limits and holds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Standings {
    /// Holds and redemptions by which a code was used more often than it may be.
    pub(crate) over: u64,
    /// Confirms and releases of an open hold that were refused for good.
    pub(crate) unresolved: u64,
    /// Confirms and releases that left a part behind.
    pub(crate) not_whole: u64,
    /// Codes whose count was compared with the server's own in the end.
    pub(crate) compared: u64,
    /// Those of them where the two differ.
    pub(crate) differing: u64,
    /// The first of them.
    pub(crate) first_difference: Option<String>,
}

/// An answer that tells something about uses.
#[derive(Debug, Clone, Copy)]
pub(crate) enum News {
    /// Yes.
    Yes {
        /// To this.
        question: Question,
        /// Which use of its code it is; 0: uses are not counted.
        ordinal: u64,
        /// Whether a confirm left all of it, and a release nothing.
        is_whole: bool,
    },
    /// No.
    No {
        /// To this.
        question: Question,
        /// Whether the same request may be answered otherwise later.
        is_transient: bool,
    },
}

impl Desk {
    /// Nothing asked yet.
    pub(crate) fn new(workload: Workload, known: Known) -> Self {
        let mix = workload.mix;
        let ordinals = (!mix.gives_back()).then(|| match workload.law {
            Law::Hot => Ordinals::hot(),
            Law::Once | Law::Uniform | Law::Skewed => Ordinals::many(),
        });
        let is_counted = mix.holds() || known.uses_max.is_some();
        let standing = is_counted.then(Mutex::default);
        Self { workload, known, ordinals, standing }
    }

    fn standing(&self) -> Option<MutexGuard<'_, Standing>> {
        let standing = self.standing.as_ref()?;
        Some(standing.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The next question; `None` when every code was given out once.
    pub(crate) fn next(&self, dice: &mut Dice) -> Option<Question> {
        let Workload { codes, law, mix } = &self.workload;
        let verb = match mix.pick(dice) {
            verb @ (Verb::Confirm | Verb::Release) => {
                if let Some(question) = self.resolve(verb) {
                    return Some(question);
                }
                Verb::Hold
            }
            verb @ (Verb::Validate | Verb::Redeem | Verb::Hold) => verb,
        };
        codes.pick(*law, dice).map(|code| Question::fresh(verb, code))
    }

    /// About the oldest open hold.
    fn resolve(&self, verb: Verb) -> Option<Question> {
        let mut standing = self.standing()?;
        let (id, code) = standing.open.pop_front()?;
        if verb == Verb::Release {
            // From now on the server may give it back at any time.
            standing.less(code);
        }
        Some(Question { verb, code, id })
    }

    /// Whether answers to this verb are news.
    pub(crate) const fn wants(verb: Verb) -> bool {
        !matches!(verb, Verb::Validate)
    }

    /// Takes answers down.
    pub(crate) fn note(&self, news: &[News]) {
        if let Some(ordinals) = &self.ordinals {
            ordinals.note(news.iter().filter_map(News::redeemed));
        }
        if let Some(mut standing) = self.standing() {
            for news in news {
                standing.note(*news, self.known.uses_max);
            }
        }
    }

    /// Which uses were given.
    pub(crate) fn ordinals(&self) -> OrdinalsSeen {
        self.ordinals.as_ref().map(Ordinals::seen).unwrap_or_default()
    }

    /// What was found of limits and holds; `None` where there are none.
    pub(crate) fn found(&self) -> Option<Standings> {
        self.standing().map(|standing| standing.found.clone())
    }

    /// Uses that are taken, by the code's place; all of them, when all was answered.
    pub(crate) fn live(&self) -> Vec<(u32, u64)> {
        let live = |standing: MutexGuard<'_, Standing>| {
            standing.live.iter().map(|(code, uses)| (*code, *uses)).collect()
        };
        self.standing().map(live).unwrap_or_default()
    }

    /// What the server counts for codes, beside what answers told.
    pub(crate) fn compared(&self, codes: u64, differing: u64, first: Option<String>) {
        if let Some(mut standing) = self.standing() {
            let found = &mut standing.found;
            (found.compared, found.differing, found.first_difference) = (codes, differing, first);
        }
    }
}

impl News {
    /// The code, and which use of it was redeemed.
    fn redeemed(&self) -> Option<(u32, u64)> {
        match *self {
            Self::Yes { question: Question { verb: Verb::Redeem, code, .. }, ordinal, .. } => {
                (ordinal > 0).then_some((code, ordinal))
            }
            Self::Yes { .. } | Self::No { .. } => None,
        }
    }
}

impl Standing {
    fn note(&mut self, news: News, uses_max: Option<u64>) {
        match news {
            News::Yes { question: Question { verb, code, id }, is_whole, .. } => match verb {
                Verb::Redeem => self.more(code, uses_max),
                Verb::Hold => {
                    self.open.push_back((id, code));
                    self.more(code, uses_max);
                }
                Verb::Confirm | Verb::Release => self.found.not_whole += u64::from(!is_whole),
                Verb::Validate => {}
            },
            News::No { question: Question { verb, code, id }, is_transient } => match verb {
                Verb::Confirm | Verb::Release => {
                    if verb == Verb::Release {
                        self.more(code, uses_max);
                    }
                    if is_transient {
                        self.open.push_front((id, code));
                    } else {
                        self.found.unresolved += 1;
                    }
                }
                Verb::Validate | Verb::Redeem | Verb::Hold => {}
            },
        }
    }

    fn more(&mut self, code: u32, uses_max: Option<u64>) {
        let live = self.live.entry(code).or_default();
        *live += 1;
        self.found.over += u64::from(uses_max.is_some_and(|max| *live > max));
    }

    fn less(&mut self, code: u32) {
        if let Some(live) = self.live.get_mut(&code) {
            *live = live.saturating_sub(1);
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::workload::Codes;

    fn desk(mix: &str, uses_max: u64) -> Desk {
        let codes = Arc::new(Codes::one("SLOT-1"));
        let known = Known { uses_max: Some(uses_max), is_ours: true };
        Desk::new(Workload { codes, law: Law::Hot, mix: mix.parse().unwrap() }, known)
    }

    fn yes(question: Question, ordinal: u64, is_whole: bool) -> [News; 1] {
        [News::Yes { question, ordinal, is_whole }]
    }

    #[test]
    fn one_use_too_many_is_noticed() {
        let desk = desk("redeem=1", 2);
        for ordinal in 1..=3 {
            desk.note(&yes(Question::fresh(Verb::Redeem, 0), ordinal, true));
        }
        assert_eq!((desk.found().unwrap().over, desk.ordinals().different), (1, 3));
        assert_eq!(desk.live(), [(0, 3)]);
    }

    #[test]
    fn holds_are_resolved_once_the_oldest_first() {
        let (desk, mut dice) = (desk("confirm=1,release=1", 2), Dice::new(1));
        let [first, second] = [(), ()].map(|()| desk.next(&mut dice).unwrap());
        assert_eq!((first.verb, second.verb), (Verb::Hold, Verb::Hold), "nothing is open yet");
        desk.note(&yes(first, 1, true));
        desk.note(&yes(second, 2, true));
        let third = desk.next(&mut dice).unwrap();
        assert_eq!(third.id, first.id);
        let fourth = desk.next(&mut dice).unwrap();
        assert_eq!(fourth.id, second.id);
        assert_eq!(desk.next(&mut dice).unwrap().verb, Verb::Hold);
        // A busy server has not done it: it is asked again. What is refused for good was broken.
        desk.note(&[News::No { question: third, is_transient: true }]);
        desk.note(&[News::No { question: fourth, is_transient: false }]);
        assert_eq!(desk.next(&mut dice).unwrap().id, first.id);
        assert_eq!(desk.found().unwrap().unresolved, 1);
    }

    #[test]
    fn what_is_given_back_can_be_had_again() {
        let desk = desk("release=1", 1);
        let mut dice = Dice::new(1);
        for _ in 0..3 {
            let hold = desk.next(&mut dice).unwrap();
            desk.note(&yes(hold, 1, true));
            assert_eq!(desk.live(), [(0, 1)]);
            let release = desk.next(&mut dice).unwrap();
            assert_eq!((release.verb, release.id), (Verb::Release, hold.id));
            desk.note(&yes(release, 0, true));
            assert_eq!(desk.live(), [(0, 0)]);
        }
        let found = desk.found().unwrap();
        assert_eq!((found.over, found.not_whole, desk.ordinals().twice), (0, 0, 0));
        let hold = desk.next(&mut dice).unwrap();
        desk.note(&yes(hold, 1, true));
        let release = desk.next(&mut dice).unwrap();
        desk.note(&yes(release, 0, false));
        assert_eq!(desk.found().unwrap().not_whole, 1);
    }
}
