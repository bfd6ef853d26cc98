//! A stricter reading of JSON than serde's. Five kinds of input that serde accepts are errors:
//!
//! - an array in place of an object, whose items would be taken as fields by their position;
//! - `null` in place of an optional value: a client that sends it may mean something else than "not given";
//! - a name that occurs twice in an object, even in one with free names: only the last value would count;
//! - values that are nested deeper than [`MAX_DEPTH`];
//! - a name that serde_json reserves: it would replace the object by the JSON that is in its value, a text, unchecked.

use std::{collections::HashSet, fmt};

use serde::{
    Deserializer,
    de::{
        DeserializeSeed, EnumAccess, Error, IntoDeserializer, MapAccess, SeqAccess, Unexpected, Visitor,
        value::StringDeserializer,
    },
};

/// The deepest nesting of objects and arrays, the body itself included.
pub(super) const MAX_DEPTH: u8 = 32;
/// The start of the names that serde_json reserves.
const RESERVED: &str = "$serde_json::private::";

/// A deserializer that adds the checks to another one.
pub(super) struct Strict<D> {
    inner: D,
    /// The number of objects and arrays around the value.
    depth: u8,
}

impl<D> Strict<D> {
    /// Adds the checks to the deserializer of a whole document.
    pub(super) const fn new(inner: D) -> Self {
        Self { inner, depth: 0 }
    }
}

/// Forwards to the inner deserializer with a visitor that checks what it is given.
macro_rules! forward {
    ($($method:ident($($argument:ident: $type:ty),*) $kind:expr;)*) => {$(
        fn $method<V: Visitor<'de>>(self, $($argument: $type,)* visitor: V) -> Result<V::Value, D::Error> {
            self.inner.$method($($argument,)* Checked { inner: visitor, kind: $kind, depth: self.depth })
        }
    )*};
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Strict<D> {
    type Error = D::Error;

    forward! {
        deserialize_any() Kind::Any;
        deserialize_bool() Kind::Any;
        deserialize_i8() Kind::Any;
        deserialize_i16() Kind::Any;
        deserialize_i32() Kind::Any;
        deserialize_i64() Kind::Any;
        deserialize_i128() Kind::Any;
        deserialize_u8() Kind::Any;
        deserialize_u16() Kind::Any;
        deserialize_u32() Kind::Any;
        deserialize_u64() Kind::Any;
        deserialize_u128() Kind::Any;
        deserialize_f32() Kind::Any;
        deserialize_f64() Kind::Any;
        deserialize_char() Kind::Any;
        deserialize_str() Kind::Any;
        deserialize_string() Kind::Any;
        deserialize_bytes() Kind::Any;
        deserialize_byte_buf() Kind::Any;
        deserialize_option() Kind::Optional;
        deserialize_unit() Kind::Any;
        deserialize_unit_struct(name: &'static str) Kind::Any;
        deserialize_newtype_struct(name: &'static str) Kind::Any;
        deserialize_seq() Kind::Any;
        deserialize_tuple(len: usize) Kind::Any;
        deserialize_tuple_struct(name: &'static str, len: usize) Kind::Any;
        deserialize_map() Kind::Map;
        deserialize_struct(name: &'static str, fields: &'static [&'static str]) Kind::Struct;
        deserialize_enum(name: &'static str, variants: &'static [&'static str]) Kind::Any;
        deserialize_identifier() Kind::Any;
        deserialize_ignored_any() Kind::Any;
    }
}

/// What the value is meant to be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// An object with known fields. serde's derived code refuses the second of two equal names.
    Struct,
    /// An object with any names.
    Map,
    /// An optional value.
    Optional,
    /// Anything else.
    Any,
}

/// A visitor that refuses what the module's documentation lists, and passes on everything else.
struct Checked<V> {
    inner: V,
    kind: Kind,
    depth: u8,
}

impl<V> Checked<V> {
    /// The depth of the values inside of this one.
    fn depth_inside<E: Error>(&self) -> Result<u8, E> {
        if self.depth < MAX_DEPTH {
            Ok(self.depth + 1)
        } else {
            Err(E::custom(format_args!("values can be nested at most {MAX_DEPTH} deep")))
        }
    }
}

macro_rules! pass_on {
    ($($method:ident: $type:ty;)*) => {$(
        fn $method<E: Error>(self, value: $type) -> Result<V::Value, E> {
            self.inner.$method(value)
        }
    )*};
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Checked<V> {
    type Value = V::Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Struct | Kind::Map => formatter.write_str("an object"),
            Kind::Optional => formatter.write_str("a value: omit the field instead"),
            Kind::Any => self.inner.expecting(formatter),
        }
    }

    pass_on! {
        visit_bool: bool;
        visit_i64: i64;
        visit_i128: i128;
        visit_u64: u64;
        visit_u128: u128;
        visit_f64: f64;
        visit_char: char;
        visit_str: &str;
        visit_borrowed_str: &'de str;
        visit_string: String;
        visit_bytes: &[u8];
        visit_borrowed_bytes: &'de [u8];
        visit_byte_buf: Vec<u8>;
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        Err(E::invalid_type(Unexpected::Other("null"), &self))
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        if self.kind == Kind::Any { self.inner.visit_unit() } else { self.visit_none() }
    }

    fn visit_some<D: Deserializer<'de>>(self, value: D) -> Result<V::Value, D::Error> {
        self.inner.visit_some(Strict { inner: value, depth: self.depth })
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, value: D) -> Result<V::Value, D::Error> {
        self.inner.visit_newtype_struct(Strict { inner: value, depth: self.depth })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<V::Value, A::Error> {
        if matches!(self.kind, Kind::Struct | Kind::Map) {
            return Err(A::Error::invalid_type(Unexpected::Other("an array"), &self));
        }
        let depth = self.depth_inside()?;
        self.inner.visit_seq(Inside { inner: items, depth, names: None })
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<V::Value, A::Error> {
        let depth = self.depth_inside()?;
        let names = (self.kind != Kind::Struct).then(HashSet::new);
        self.inner.visit_map(Inside { inner: entries, depth, names })
    }

    fn visit_enum<A: EnumAccess<'de>>(self, variant: A) -> Result<V::Value, A::Error> {
        self.inner.visit_enum(variant)
    }
}

/// The items of an array or the entries of an object.
struct Inside<A> {
    inner: A,
    depth: u8,
    /// The names so far, if they must be checked.
    names: Option<HashSet<String>>,
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Inside<A> {
    type Error = A::Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, A::Error> {
        self.inner.next_element_seed(Seed { inner: seed, depth: self.depth })
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Inside<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        let Some(names) = &mut self.names else { return self.inner.next_key_seed(seed) };
        let Some(name) = self.inner.next_key::<String>()? else { return Ok(None) };
        if name.starts_with(RESERVED) {
            return Err(A::Error::custom(format_args!("reserved field `{name}`")));
        }
        if !names.insert(name.clone()) {
            return Err(A::Error::custom(format_args!("duplicate field `{name}`")));
        }
        let name: StringDeserializer<A::Error> = name.into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, A::Error> {
        self.inner.next_value_seed(Seed { inner: seed, depth: self.depth })
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

/// Deserializes a value inside of another one.
struct Seed<T> {
    inner: T,
    depth: u8,
}

impl<'de, T: DeserializeSeed<'de>> DeserializeSeed<'de> for Seed<T> {
    type Value = T::Value;

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<T::Value, D::Error> {
        self.inner.deserialize(Strict { inner: value, depth: self.depth })
    }
}
