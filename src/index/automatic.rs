//! The campaigns of a tenant that come into orders by themselves, found by what an order is about.
//!
//! A campaign that is for a list of things only (a channel, some products) lies under each of
//! these, in one of its lists: the one where the fewest others lie. So an order meets the
//! campaigns that name something it has, and those that name nothing; how many others there are
//! does not matter. What conditions mean is not known here: more may be found than applies, never
//! less.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use foldhash::fast::FixedState;
use smallvec::SmallVec;

use crate::domain::campaign::{Among, AmongRule, Campaign, Condition};
use crate::domain::id::CampaignId;
use crate::domain::order::Order;

/// What campaigns can be for, where several are equally good the first is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
enum About {
    Product,
    Partner,
    Region,
    Theme,
    Category,
    CustomerGroup,
    Property,
    Gate,
    Zone,
    Brand,
    Channel,
    ProductType,
    Trigger,
    /// Groups of slots. A campaign in groups is for every order without a slot as well.
    Group,
}

impl About {
    const ALL: [Self; 14] = [
        Self::Product,
        Self::Partner,
        Self::Region,
        Self::Theme,
        Self::Category,
        Self::CustomerGroup,
        Self::Property,
        Self::Gate,
        Self::Zone,
        Self::Brand,
        Self::Channel,
        Self::ProductType,
        Self::Trigger,
        Self::Group,
    ];
}

type Campaigns = Vec<Arc<Campaign>>;

/// Found campaigns; sixteen is the most that can apply to an order.
type Found<'a> = SmallVec<[&'a Arc<Campaign>; 16]>;

/// The automatic campaigns that are active.
#[derive(Debug, Clone, Default)]
pub(super) struct Automatic {
    by_about: [HashMap<Box<str>, Campaigns, FixedState>; About::ALL.len()],
    /// Those that are for everything.
    rest: Campaigns,
    /// Where each campaign lies; absent: in the rest.
    places: BTreeMap<CampaignId, (Arc<Campaign>, Option<About>)>,
}

impl Automatic {
    pub(super) fn put(&mut self, campaign: Arc<Campaign>) {
        self.remove(&campaign.id);
        let crowd = |about: About| {
            let map = self.map(about)?;
            values(&campaign, about)?.map(|value| map.get(value).map_or(0, Vec::len)).max()
        };
        let crowds = About::ALL.into_iter().filter_map(|about| Some((about, crowd(about)?)));
        let about = crowds.min_by_key(|(_, crowd)| *crowd).map(|(about, _)| about);
        self.places.insert(campaign.id.clone(), (Arc::clone(&campaign), about));
        let Some((about, map)) = about.and_then(|about| Some((about, self.map_mut(about)?))) else {
            return self.rest.push(campaign);
        };
        for value in values(&campaign, about).into_iter().flatten() {
            let lying = map.entry(value.into()).or_default();
            if !lying.last().is_some_and(|last| Arc::ptr_eq(last, &campaign)) {
                lying.push(Arc::clone(&campaign));
            }
        }
    }

    pub(super) fn remove(&mut self, id: &CampaignId) {
        let Some((campaign, about)) = self.places.remove(id) else { return };
        let Some((about, map)) = about.and_then(|about| Some((about, self.map_mut(about)?))) else {
            return self.rest.retain(|known| known.id != *id);
        };
        for value in values(&campaign, about).into_iter().flatten() {
            if let Some(lying) = map.get_mut(value) {
                lying.retain(|known| known.id != *id);
                if lying.is_empty() {
                    map.remove(value);
                }
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    pub(super) fn has(&self, id: &CampaignId) -> bool {
        self.places.contains_key(id)
    }

    /// Those that may apply to an order, in the order of their ids. `group` is what the order's
    /// slot accepts.
    pub(super) fn of<'a>(&'a self, order: &Order<'_>, group: Option<&str>) -> Found<'a> {
        let mut found = Found::from_iter(&self.rest);
        let mut take = |about, value: &str| {
            let lying = self.map(about).and_then(|map| map.get(value));
            found.extend(lying.into_iter().flatten());
        };
        let stated = [
            (About::Partner, order.partner),
            (About::Property, order.property),
            (About::Gate, order.gate),
            (About::Zone, order.zone),
            (About::Brand, order.brand),
            (About::Channel, order.channel),
            (About::Trigger, Some(order.trigger.name())),
            (About::Group, group),
        ];
        for (about, value) in stated {
            if let Some(value) = value {
                take(about, value);
            }
        }
        order.customer_groups.iter().for_each(|value| take(About::CustomerGroup, value));
        for line in &order.lines {
            take(About::Product, line.product);
            take(About::Region, line.region);
            take(About::Theme, line.theme);
            take(About::Category, line.category);
            take(About::ProductType, line.product_type);
        }
        match group {
            Some(group) => found.retain(|one| one.groups.iter().any(|own| **own == *group)),
            None => {
                found.extend(self.map(About::Group).into_iter().flat_map(HashMap::values).flatten())
            }
        }
        found.sort_unstable_by(|one, other| one.id.cmp(&other.id));
        found.dedup_by(|one, other| Arc::ptr_eq(one, other));
        found
    }

    fn map(&self, about: About) -> Option<&HashMap<Box<str>, Campaigns, FixedState>> {
        self.by_about.get(about as usize)
    }

    fn map_mut(&mut self, about: About) -> Option<&mut HashMap<Box<str>, Campaigns, FixedState>> {
        self.by_about.get_mut(about as usize)
    }
}

/// The things of one kind that a campaign is for only; `None` when it is for all of that kind.
fn values(campaign: &Campaign, about: About) -> Option<impl Iterator<Item = &str>> {
    let groups = (about == About::Group && !campaign.groups.is_empty()).then_some(&campaign.groups);
    let list = campaign.conditions.iter().find_map(|condition| list_of(condition, about));
    let triggers = (about == About::Trigger).then(|| {
        campaign.conditions.iter().find_map(|condition| {
            let Condition::Trigger { rule: AmongRule::Only, triggers } = condition else {
                return None;
            };
            Some(triggers)
        })
    });
    let triggers = triggers.flatten();
    (groups.is_some() || list.is_some() || triggers.is_some()).then(|| {
        let groups = groups.into_iter().flatten().map(|group| &**group);
        let list = list.into_iter().flat_map(|list| list.set.iter()).map(|value| &**value);
        let triggers = triggers.into_iter().flatten().map(|trigger| trigger.name());
        groups.chain(list).chain(triggers)
    })
}

/// The list that a condition demands one of.
fn list_of(condition: &Condition, about: About) -> Option<&Among> {
    let (list, kind) = match condition {
        Condition::Product(list) | Condition::Contains { among: list, .. } => {
            (list, About::Product)
        }
        Condition::ProductType(list) => (list, About::ProductType),
        Condition::Category(list) => (list, About::Category),
        Condition::Theme(list) => (list, About::Theme),
        Condition::Region(list) => (list, About::Region),
        Condition::Channel(list) => (list, About::Channel),
        Condition::Property(list) => (list, About::Property),
        Condition::Gate(list) => (list, About::Gate),
        Condition::Zone(list) => (list, About::Zone),
        Condition::Partner(list) => (list, About::Partner),
        Condition::Brand(list) => (list, About::Brand),
        Condition::CustomerGroup(list) => (list, About::CustomerGroup),
        Condition::Amount { .. }
        | Condition::Quantity { .. }
        | Condition::Persons { .. }
        | Condition::Nights { .. }
        | Condition::Points { .. }
        | Condition::Booked(_)
        | Condition::Arrival(_)
        | Condition::Departure(_)
        | Condition::FirstOrder(_)
        | Condition::Trigger { .. } => return None,
    };
    (kind == about && list.rule == AmongRule::Only && !list.set.is_empty()).then_some(list)
}
