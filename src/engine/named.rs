//! What a request names: its codes, found, and the campaigns that apply to its order by themselves.

use smallvec::SmallVec;

use super::Engine;
use super::answer::Shown;
use super::ask::Ask;
use crate::codes::Verdict as Shape;
use crate::domain::campaign::{Campaign, Code, CodeState};
use crate::domain::code::{CodeKey, Normal};
use crate::domain::id::{Owner, TenantId};
use crate::domain::order::{Order, Passage};
use crate::domain::refusal::{Reason, Refusal};
use crate::domain::rules::{Question, Seen, StackMode};
use crate::domain::time::Timestamp;
use crate::index::Found;

/// A code of a request.
#[derive(Debug, Clone)]
pub(super) struct Named {
    /// Its place in the request.
    pub(super) index: u8,
    pub(super) key: CodeKey,
    /// How it was typed; absent where it is the only one.
    pub(super) typed: Option<Box<str>>,
    pub(super) found: Found,
}

/// The codes of a request, found, and what applies by itself.
#[derive(Debug, Clone, Default)]
pub(super) struct Codes {
    /// The keys of all codes of the request, in its order, also of those that were not found.
    pub(super) keys: SmallVec<[CodeKey; 1]>,
    /// The codes that are still in.
    pub(super) named: SmallVec<[Named; 1]>,
    /// The campaigns that may apply by themselves.
    pub(super) automatic: Vec<Found>,
    /// The codes that are out.
    pub(super) left_out: Vec<Refusal>,
}

impl Codes {
    /// What the campaigns and the codes themselves are, codes first.
    pub(super) fn all(&self) -> impl Iterator<Item = &Found> {
        self.named.iter().map(|named| &named.found).chain(&self.automatic)
    }

    /// What is shown of them beside what a receipt remembers.
    pub(super) fn shown(&self) -> SmallVec<[Shown; 1]> {
        self.named.iter().map(|named| Shown::of(named.key, &named.found.code)).collect()
    }

    /// Whether the request can go on when one of these is refused.
    pub(super) fn can_spare(&self, mode: StackMode) -> bool {
        !self.automatic.is_empty() || mode == StackMode::Partial && self.named.len() > 1
    }

    /// Goes on without the code at `code_index`, or what applies by itself and counts for `owner`,
    /// which was refused. Gives the refusal back if that cannot be: only what applies by itself
    /// goes silently, codes only if the request says so.
    pub(super) fn spare(
        &mut self,
        code_index: Option<u8>,
        owner: Owner,
        refusal: Refusal,
        mode: StackMode,
    ) -> Result<(), Refusal> {
        let Some(index) = code_index else {
            self.automatic.retain(|found| found.code.owner != owner);
            return Ok(());
        };
        if mode == StackMode::AllOrNothing || self.named.len() < 2 {
            return Err(refusal);
        }
        self.named.retain(|named| named.index != index);
        self.left_out.push(refusal);
        Ok(())
    }
}

impl Engine {
    /// Finds a code by its text.
    pub(super) fn find(&self, tenant: &TenantId, text: &str) -> Result<(CodeKey, Found), Refusal> {
        let normal = Normal::parse(text).map_err(|_wrong| Refusal::new(Reason::CodeMalformed))?;
        if self.patterns.load().verdict(tenant, &normal) == Shape::Mistyped {
            return Err(Refusal::new(Reason::CodeMalformed));
        }
        let key = self.keys.key(tenant.as_str(), &normal);
        let found = self.index.find(&key).ok_or(Refusal::new(Reason::CodeNotFound))?;
        Ok((key, found))
    }

    /// The key of a code, whether there is such a code or not.
    pub(super) fn key_of(&self, tenant: &TenantId, text: &str) -> CodeKey {
        match Normal::parse(text) {
            Ok(normal) => self.keys.key(tenant.as_str(), &normal),
            // What cannot be a code is still told apart from others.
            Err(_wrong) => {
                let parts = [tenant.as_str().as_bytes(), text.as_bytes()];
                CodeKey::from_bytes(self.keys.derive("malformed", &parts))
            }
        }
    }

    /// Finds all codes of a request, and the campaigns that apply to its order by themselves.
    ///
    /// # Errors
    /// The first code that is not found; where codes can be left out, it is.
    pub(super) fn find_all(&self, ask: &Ask<'_>) -> Result<Codes, Refusal> {
        let mut all = Codes::default();
        let single = ask.codes.len() == 1;
        for (index, text) in (0_u8..).zip(&ask.codes) {
            match self.find(ask.tenant, text) {
                Ok((key, found)) => {
                    let typed = (!single).then(|| Box::from(*text));
                    all.keys.push(key);
                    all.named.push(Named { index, key, typed, found });
                }
                Err(refusal) if single || ask.mode == StackMode::AllOrNothing => {
                    return Err(refusal.at(index));
                }
                Err(refusal) => {
                    all.keys.push(self.key_of(ask.tenant, text));
                    all.left_out.push(refusal.at(index));
                }
            }
        }
        if all.named.is_empty()
            && let Some(first) = all.left_out.first()
        {
            return Err(first.clone());
        }
        if ask.order.passage != Passage::Exit {
            let definitions = self.index.definitions_briefly();
            let automatic = definitions.automatic(ask.tenant, &ask.order);
            all.automatic.extend(automatic.map(by_itself));
        }
        Ok(all)
    }
}

/// A campaign that applies by itself, as if it were a code: its own owner counts its uses.
fn by_itself(campaign: &std::sync::Arc<Campaign>) -> Found {
    let code = Code {
        owner: campaign.owner,
        state: CodeState::Live,
        issued: Timestamp(0),
        paid: Some(Timestamp(0)),
        holder: None,
        photo: None,
        uses: None,
        balance_minor: None,
        valid_from: None,
        valid_until: None,
    };
    Found { campaign: campaign.clone(), worth: campaign.clone(), code, batch: 0, position: 0 }
}

/// The question whether a code is good by itself, whatever for: what `order` says does not matter.
pub(super) fn question_of<'a, 'o>(
    found: &'a Found,
    seen: &'a Seen,
    order: &'a Order<'o>,
    now: Timestamp,
) -> Question<'a, 'o> {
    Question {
        campaign: &found.campaign,
        worth: &found.worth,
        code: &found.code,
        seen,
        order,
        now,
        alone: true,
        account: None,
    }
}
