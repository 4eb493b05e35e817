//! Finds the columns of a row type without a value of it.
//!
//! The type is asked to deserialise itself from a source that only writes down what it
//! is asked for and answers with the plainest value of that type.

use serde::de::value::StrDeserializer;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer};
use serde::de::{MapAccess, VariantAccess, Visitor};

use super::cell::{Column, ColumnKind};
use super::decode::Refusal;
use super::record::Row;
use crate::{Error, Result};

/// Names that every stored table uses for the trial's key.
pub(crate) const KEY_COLUMNS: [&str; 4] = ["trial", "variant", "dataset", "seed"];

/// Lists the columns of the row type `R`.
pub(crate) fn columns_of<R: Row>() -> Result<Vec<Column>> {
    let columns = trace::<R>().map_err(|found| Error::RowShape {
        table: R::TABLE.to_owned(),
        found,
    })?;
    check_name(R::TABLE)?;
    if let Some(column) = columns.iter().find(|c| KEY_COLUMNS.contains(&c.name.as_str())) {
        return Err(Error::RowShape {
            table: R::TABLE.to_owned(),
            found: format!("field `{}`, a name kept for the trial's key", column.name),
        });
    }
    Ok(columns)
}

fn check_name(table: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    if table.is_empty() || !table.chars().all(plain) {
        return Err(Error::TableName {
            table: table.to_owned(),
        });
    }
    Ok(())
}

fn trace<T: DeserializeOwned>() -> std::result::Result<Vec<Column>, String> {
    let mut columns = Vec::new();
    T::deserialize(StructProbe { columns: &mut columns }).map_err(|refusal| refusal.0)?;
    Ok(columns)
}

struct StructProbe<'a> {
    columns: &'a mut Vec<Column>,
}

impl<'de> Deserializer<'de> for StructProbe<'_> {
    type Error = Refusal;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> std::result::Result<V::Value, Refusal> {
        Err(Refusal("a type that is no plain struct".to_owned()))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> std::result::Result<V::Value, Refusal> {
        visitor.visit_map(FieldProbe {
            fields,
            next: 0,
            columns: self.columns,
        })
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> std::result::Result<V::Value, Refusal> {
        visitor.visit_newtype_struct(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        option unit unit_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

struct FieldProbe<'a> {
    fields: &'static [&'static str],
    next: usize,
    columns: &'a mut Vec<Column>,
}

impl<'de> MapAccess<'de> for FieldProbe<'_> {
    type Error = Refusal;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> std::result::Result<Option<K::Value>, Refusal> {
        let Some(field) = self.fields.get(self.next) else {
            return Ok(None);
        };
        let name: StrDeserializer<'_, Refusal> = field.into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> std::result::Result<V::Value, Refusal> {
        let field = self.fields[self.next];
        self.next += 1;
        let mut kind = None;
        let value = seed
            .deserialize(ValueProbe { kind: &mut kind })
            .map_err(|refusal| Refusal(format!("field `{field}`: {}", refusal.0)))?;
        let kind = kind.ok_or_else(|| Refusal(format!("field `{field}` without a value")))?;
        self.columns.push(Column {
            name: field.to_owned(),
            kind,
        });
        Ok(value)
    }
}

struct ValueProbe<'a> {
    kind: &'a mut Option<ColumnKind>,
}

/// Answers one kind of request with a plain value and notes the column's type.
macro_rules! answer {
    ($($method:ident => $kind:ident, $visit:ident($value:expr);)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> std::result::Result<V::Value, Refusal> {
            *self.kind = Some(ColumnKind::$kind);
            visitor.$visit($value)
        }
    )*};
}

impl<'de> Deserializer<'de> for ValueProbe<'_> {
    type Error = Refusal;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> std::result::Result<V::Value, Refusal> {
        Err(Refusal("a nested or untyped value".to_owned()))
    }

    // One rather than zero: non-zero integers are row fields too.
    answer! {
        deserialize_bool => Bool, visit_bool(false);
        deserialize_i8 => Int, visit_i8(1);
        deserialize_i16 => Int, visit_i16(1);
        deserialize_i32 => Int, visit_i32(1);
        deserialize_i64 => Int, visit_i64(1);
        deserialize_u8 => Int, visit_u8(1);
        deserialize_u16 => Int, visit_u16(1);
        deserialize_u32 => Int, visit_u32(1);
        deserialize_u64 => Int, visit_u64(1);
        deserialize_f32 => Float, visit_f32(1.0);
        deserialize_f64 => Float, visit_f64(1.0);
        deserialize_char => Text, visit_char('a');
        deserialize_str => Text, visit_str("");
        deserialize_string => Text, visit_str("");
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> std::result::Result<V::Value, Refusal> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> std::result::Result<V::Value, Refusal> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> std::result::Result<V::Value, Refusal> {
        let first = variants
            .first()
            .ok_or_else(|| Refusal(format!("enum {name} without variants")))?;
        *self.kind = Some(ColumnKind::Text);
        visitor.visit_enum(UnitVariant(first))
    }

    serde::forward_to_deserialize_any! {
        i128 u128 bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier
        ignored_any
    }
}

/// A variant without data, given by its name.
pub(super) struct UnitVariant<'a>(pub(super) &'a str);

impl<'de> EnumAccess<'de> for UnitVariant<'_> {
    type Error = Refusal;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> std::result::Result<(V::Value, Self), Refusal> {
        let name: StrDeserializer<'_, Refusal> = self.0.into_deserializer();
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'de> VariantAccess<'de> for UnitVariant<'_> {
    type Error = Refusal;

    fn unit_variant(self) -> std::result::Result<(), Refusal> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, _: T) -> std::result::Result<T::Value, Refusal> {
        Err(Refusal(format!("enum variant `{}` with data", self.0)))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> std::result::Result<V::Value, Refusal> {
        Err(Refusal(format!("enum variant `{}` with data", self.0)))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        _: V,
    ) -> std::result::Result<V::Value, Refusal> {
        Err(Refusal(format!("enum variant `{}` with fields", self.0)))
    }
}
