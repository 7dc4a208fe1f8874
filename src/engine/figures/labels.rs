//! Labels: the names of campaigns, properties and gates that figures are kept for, each as a number
//! that pages carry. What was numbered once keeps its number; what finds no room is `other`.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

/// Most campaigns of a tenant that are counted by name.
pub(super) const CAMPAIGNS_MAX: usize = 4_096;

/// Most properties of a tenant that are counted by name.
pub(super) const PROPERTIES_MAX: usize = 512;

/// Most gates (and channels) of a tenant that are counted by name: callers choose these names.
pub(super) const GATES_MAX: usize = 2_048;

/// What everything is called that found no room.
pub(super) const OTHER: &str = "other";

const _: () = assert!(CAMPAIGNS_MAX + PROPERTIES_MAX + GATES_MAX < u16::MAX as usize);

/// The labels of a tenant.
#[derive(Debug, Default)]
pub(super) struct Labels {
    pub(super) campaigns: Names,
    pub(super) properties: Names,
    pub(super) gates: Names,
    is_changed: bool,
}

/// The labels of one sort. The number of a name is its place, from 1.
#[derive(Debug, Default)]
pub(super) struct Names {
    names: Vec<Box<str>>,
    numbers: HashMap<Box<str>, u16>,
}

impl Names {
    /// What a number stands for.
    pub(super) fn name(&self, number: u16) -> &str {
        let place = usize::from(number).checked_sub(1);
        place.and_then(|place| self.names.get(place)).map_or(OTHER, |name| name)
    }

    /// The number of a name; 0: it has none, or is `other`.
    pub(super) fn known(&self, name: &str) -> u16 {
        self.numbers.get(name).copied().unwrap_or(0)
    }

    fn push(&mut self, name: Box<str>) -> u16 {
        let number = u16::try_from(self.names.len() + 1).unwrap_or(0);
        self.names.push(name.clone());
        self.numbers.insert(name, number);
        number
    }
}

/// As it is stored.
#[derive(Serialize, Deserialize)]
struct Stored {
    campaigns: Vec<Box<str>>,
    properties: Vec<Box<str>>,
    gates: Vec<Box<str>>,
}

impl Labels {
    pub(super) fn campaign(&mut self, name: &str) -> u16 {
        number(&mut self.campaigns, &mut self.is_changed, name, CAMPAIGNS_MAX)
    }

    pub(super) fn property(&mut self, name: &str) -> u16 {
        number(&mut self.properties, &mut self.is_changed, name, PROPERTIES_MAX)
    }

    pub(super) fn gate(&mut self, name: &str) -> u16 {
        number(&mut self.gates, &mut self.is_changed, name, GATES_MAX)
    }

    /// As bytes, if there are new ones since they were read.
    pub(super) fn changed(&mut self) -> Option<Vec<u8>> {
        if !std::mem::take(&mut self.is_changed) {
            return None;
        }
        let stored = Stored {
            campaigns: self.campaigns.names.clone(),
            properties: self.properties.names.clone(),
            gates: self.gates.names.clone(),
        };
        serde_json::to_vec(&stored).ok()
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let stored: Stored = serde_json::from_slice(bytes).ok()?;
        let names = |stored: Vec<Box<str>>| {
            let mut names = Names::default();
            for name in stored {
                names.push(name);
            }
            names
        };
        Some(Self {
            campaigns: names(stored.campaigns),
            properties: names(stored.properties),
            gates: names(stored.gates),
            is_changed: false,
        })
    }
}

fn number(names: &mut Names, is_changed: &mut bool, name: &str, most: usize) -> u16 {
    if let Some(number) = names.numbers.get(name) {
        return *number;
    }
    if names.names.len() >= most || name == OTHER {
        return 0;
    }
    *is_changed = true;
    names.push(name.into())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a panic is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn labels_keep_their_numbers_and_the_rest_is_other() {
        let mut labels = Labels::default();
        assert_eq!((labels.campaign("summer"), labels.campaign("")), (1, 2));
        for property in 0..PROPERTIES_MAX + 3 {
            labels.property(&format!("p{property}"));
        }
        assert_eq!(labels.property("one more"), 0);
        let mut again = Labels::decode(&labels.changed().unwrap()).unwrap();
        assert_eq!((again.campaign("summer"), again.campaign("winter")), (1, 3));
        assert_eq!(again.campaigns.name(2), "");
        assert_eq!(again.properties.name(0), OTHER);
        assert_eq!(again.properties.known("p511"), 512);
        assert_eq!(again.properties.known("p512"), 0);
        assert!(labels.changed().is_none());
    }
}
