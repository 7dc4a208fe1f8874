//! Shapes that no derive can write: 16 bytes, short lists, maps with small integer keys, and
//! messages that say of which kind they are.

use std::fmt;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smallvec::SmallVec;

/// Sixteen bytes.
#[derive(Default)]
pub(crate) struct Id(pub(crate) [u8; 16]);

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Id;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("16 bytes")
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Id, E> {
                bytes.try_into().map(Id).map_err(|_| E::invalid_length(bytes.len(), &self))
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}

/// A list that keeps its first `N` inline.
#[derive(Default)]
pub(crate) struct Few<T, const N: usize>(pub(crate) SmallVec<[T; N]>);

impl<T: Serialize, const N: usize> Serialize for Few<T, N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(&self.0)
    }
}

impl<'de, T: Deserialize<'de>, const N: usize> Deserialize<'de> for Few<T, N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Elements<T, const N: usize>(SmallVec<[T; N]>);
        impl<'de, T: Deserialize<'de>, const N: usize> Visitor<'de> for Elements<T, N> {
            type Value = Few<T, N>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<Few<T, N>, A::Error> {
                while let Some(element) = list.next_element()? {
                    self.0.push(element);
                }
                Ok(Few(self.0))
            }
        }
        deserializer.deserialize_seq(Elements(SmallVec::new()))
    }
}

/// A message of one of several kinds; its first element says which, its second is its number.
macro_rules! kinds {
    ($name:ident { $($kind:literal $variant:ident($message:ty),)* }) => {
        pub(crate) enum $name<'a> {
            $($variant($message),)*
        }

        impl serde::Serialize for $name<'_> {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    $(Self::$variant(message) => message.serialize(serializer),)*
                }
            }
        }

        const _: () = {
            use serde::de::value::SeqAccessDeserializer;
            use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};

            struct Elements<'a>(std::marker::PhantomData<&'a ()>);

            impl<'de: 'a, 'a> Visitor<'de> for Elements<'a> {
                type Value = $name<'a>;

                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("a message")
                }

                fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<$name<'a>, A::Error> {
                    let kind: Option<u8> = list.next_element()?;
                    let _seq: Option<u32> = list.next_element()?;
                    let fields = SeqAccessDeserializer::new(list);
                    match kind {
                        $(Some($kind) => Deserialize::deserialize(fields).map($name::$variant),)*
                        _ => Err(A::Error::custom("an unknown kind")),
                    }
                }
            }

            impl<'de: 'a, 'a> Deserialize<'de> for $name<'a> {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    deserializer.deserialize_seq(Elements(std::marker::PhantomData))
                }
            }
        };
    };
}

/// A map with small integer keys; what is absent is not written, and unknown keys are skipped.
macro_rules! pairs {
    ($name:ident { $($key:literal $field:ident: $type:ty,)* }) => {
        #[derive(Default)]
        pub(crate) struct $name<'a> {
            $(pub(crate) $field: Option<$type>,)*
        }

        const _: () = {
            use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
            use serde::ser::{Serialize, SerializeMap, Serializer};

            impl Serialize for $name<'_> {
                fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    let said = [$(self.$field.is_some()),*].into_iter().filter(|said| *said);
                    let mut map = serializer.serialize_map(Some(said.count()))?;
                    $(if let Some(value) = &self.$field {
                        map.serialize_entry::<u8, _>(&$key, value)?;
                    })*
                    map.end()
                }
            }

            struct Pairs<'a>(std::marker::PhantomData<&'a ()>);

            impl<'de: 'a, 'a> Visitor<'de> for Pairs<'a> {
                type Value = $name<'a>;

                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("a map")
                }

                fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<$name<'a>, A::Error> {
                    let mut pairs = $name::default();
                    while let Some(key) = map.next_key::<u64>()? {
                        match key {
                            $($key => pairs.$field = map.next_value()?,)*
                            _ => drop(map.next_value::<IgnoredAny>()?),
                        }
                    }
                    Ok(pairs)
                }
            }

            impl<'de: 'a, 'a> Deserialize<'de> for $name<'a> {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    deserializer.deserialize_map(Pairs(std::marker::PhantomData))
                }
            }
        };
    };
}

pub(crate) use {kinds, pairs};
