//! Turns a row into cells, with the type that each field has and NaN as it stands.

use serde::ser::{Impossible, Serialize, SerializeStruct, Serializer};

use super::cell::Cell;
use super::decode::Refusal;
use super::record::Row;
use crate::{Error, Result};

type Outcome<T> = std::result::Result<T, Refusal>;

/// The fields of a row, by name, in their order.
///
/// # Errors
/// [`Error::RowShape`] when it is no flat struct.
pub fn fields<R: Row>(row: &R) -> Result<Vec<(&'static str, Cell)>> {
    cells(row).map_err(|refusal| Error::RowShape {
        table: R::TABLE.to_owned(),
        found: refusal.0,
    })
}

/// Serialises a flat struct into its fields' names and cells.
pub(crate) fn cells<R: Serialize>(row: &R) -> Outcome<Vec<(&'static str, Cell)>> {
    row.serialize(RowSink(Vec::new()))
}

struct RowSink(Vec<(&'static str, Cell)>);

impl SerializeStruct for RowSink {
    type Ok = Vec<(&'static str, Cell)>;
    type Error = Refusal;

    fn serialize_field<T: ?Sized + Serialize>(&mut self, name: &'static str, value: &T) -> Outcome<()> {
        let cell = value
            .serialize(CellSink)
            .map_err(|refusal| Refusal(format!("field `{name}`: {}", refusal.0)))?;
        self.0.push((name, cell));
        Ok(())
    }

    fn end(self) -> Outcome<Self::Ok> {
        Ok(self.0)
    }
}

/// Refuses the kinds of values that neither a row nor a cell can be.
macro_rules! refuse {
    ($ok:ty; $($method:ident($($argument:ty),*) -> $answer:ty;)*) => {$(
        fn $method(self, $(_: $argument),*) -> Outcome<$answer> {
            Err(Refusal(concat!("a value that asks for ", stringify!($method)).to_owned()))
        }
    )*};
}

/// The compound kinds, refused alike by rows and cells.
macro_rules! refuse_compounds {
    ($ok:ty) => {
        type SerializeSeq = Impossible<$ok, Refusal>;
        type SerializeTuple = Impossible<$ok, Refusal>;
        type SerializeTupleStruct = Impossible<$ok, Refusal>;
        type SerializeTupleVariant = Impossible<$ok, Refusal>;
        type SerializeMap = Impossible<$ok, Refusal>;
        type SerializeStructVariant = Impossible<$ok, Refusal>;

        refuse! { $ok;
            serialize_bytes(&[u8]) -> $ok;
            serialize_unit() -> $ok;
            serialize_unit_struct(&'static str) -> $ok;
            serialize_seq(Option<usize>) -> Self::SerializeSeq;
            serialize_tuple(usize) -> Self::SerializeTuple;
            serialize_tuple_struct(&'static str, usize) -> Self::SerializeTupleStruct;
            serialize_tuple_variant(&'static str, u32, &'static str, usize)
                -> Self::SerializeTupleVariant;
            serialize_map(Option<usize>) -> Self::SerializeMap;
            serialize_struct_variant(&'static str, u32, &'static str, usize)
                -> Self::SerializeStructVariant;
        }

        fn serialize_newtype_struct<T: ?Sized + Serialize>(self, _: &'static str, value: &T) -> Outcome<$ok> {
            value.serialize(self)
        }

        fn serialize_newtype_variant<T: ?Sized + Serialize>(
            self,
            _: &'static str,
            _: u32,
            variant: &'static str,
            _: &T,
        ) -> Outcome<$ok> {
            Err(Refusal(format!("enum variant `{variant}` with data")))
        }
    };
}

impl Serializer for RowSink {
    type Ok = Vec<(&'static str, Cell)>;
    type Error = Refusal;
    type SerializeStruct = Self;

    refuse_compounds!(Vec<(&'static str, Cell)>);

    refuse! { Self::Ok;
        serialize_bool(bool) -> Self::Ok;
        serialize_i8(i8) -> Self::Ok;
        serialize_i16(i16) -> Self::Ok;
        serialize_i32(i32) -> Self::Ok;
        serialize_i64(i64) -> Self::Ok;
        serialize_u8(u8) -> Self::Ok;
        serialize_u16(u16) -> Self::Ok;
        serialize_u32(u32) -> Self::Ok;
        serialize_u64(u64) -> Self::Ok;
        serialize_f32(f32) -> Self::Ok;
        serialize_f64(f64) -> Self::Ok;
        serialize_char(char) -> Self::Ok;
        serialize_str(&str) -> Self::Ok;
        serialize_none() -> Self::Ok;
        serialize_unit_variant(&'static str, u32, &'static str) -> Self::Ok;
    }

    fn serialize_some<T: ?Sized + Serialize>(self, value: &T) -> Outcome<Self::Ok> {
        value.serialize(self)
    }

    fn serialize_struct(mut self, _: &'static str, fields: usize) -> Outcome<Self> {
        self.0.reserve(fields);
        Ok(self)
    }
}

struct CellSink;

impl Serializer for CellSink {
    type Ok = Cell;
    type Error = Refusal;
    type SerializeStruct = Impossible<Cell, Refusal>;

    refuse_compounds!(Cell);

    refuse! { Cell;
        serialize_struct(&'static str, usize) -> Self::SerializeStruct;
    }

    fn serialize_bool(self, value: bool) -> Outcome<Cell> {
        Ok(Cell::Bool(value))
    }

    fn serialize_i8(self, value: i8) -> Outcome<Cell> {
        Ok(Cell::Int(value.into()))
    }

    fn serialize_i16(self, value: i16) -> Outcome<Cell> {
        Ok(Cell::Int(value.into()))
    }

    fn serialize_i32(self, value: i32) -> Outcome<Cell> {
        Ok(Cell::Int(value.into()))
    }

    fn serialize_i64(self, value: i64) -> Outcome<Cell> {
        Ok(Cell::Int(value))
    }

    fn serialize_u8(self, value: u8) -> Outcome<Cell> {
        Ok(Cell::Int(value.into()))
    }

    fn serialize_u16(self, value: u16) -> Outcome<Cell> {
        Ok(Cell::Int(value.into()))
    }

    fn serialize_u32(self, value: u32) -> Outcome<Cell> {
        Ok(Cell::Int(value.into()))
    }

    fn serialize_u64(self, value: u64) -> Outcome<Cell> {
        i64::try_from(value).map(Cell::Int).map_err(|_| {
            Refusal(format!(
                "expected an integer of at most {}, found {value}; store hashes as hex text",
                i64::MAX
            ))
        })
    }

    fn serialize_f32(self, value: f32) -> Outcome<Cell> {
        Ok(Cell::float(value.into()))
    }

    fn serialize_f64(self, value: f64) -> Outcome<Cell> {
        Ok(Cell::float(value))
    }

    fn serialize_char(self, value: char) -> Outcome<Cell> {
        Ok(Cell::Text(value.to_string()))
    }

    fn serialize_str(self, value: &str) -> Outcome<Cell> {
        Ok(Cell::Text(value.to_owned()))
    }

    fn serialize_none(self) -> Outcome<Cell> {
        Ok(Cell::Null)
    }

    fn serialize_some<T: ?Sized + Serialize>(self, value: &T) -> Outcome<Cell> {
        value.serialize(self)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Outcome<Cell> {
        Ok(Cell::Text(variant.to_owned()))
    }
}
