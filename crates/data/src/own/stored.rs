//! How Parquet stores the columns that can be read, and what is read of them.
//!
//! The types of Parquet are those of its specification, "Logical Types": a physical type with an annotation. Reading goes
//! by physical types, so that small integers, halves, decimals and categories need no type of their own in memory.

use half::f16;
use polars::prelude::AnyValue;
use polars_parquet::parquet::schema::Repetition;
use polars_parquet::parquet::schema::types::{
    IntegerType, ParquetType, PhysicalType, PrimitiveConvertedType as Converted, PrimitiveLogicalType as Logical,
    PrimitiveType,
};

/// What the values of a column mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stored {
    /// Numbers or truth values as they stand.
    Number,
    /// UTF-8 text.
    Text,
    /// Numbers of 16 bits in two bytes, the low one first.
    Half,
    /// Whole numbers, or their big-endian bytes in two's complement, of units of 10 to the minus `scale`.
    Decimal {
        /// Digits behind the point.
        scale: usize,
    },
}

/// Gives the type that a column is read as, and what its values then mean; else what it is in words.
pub(super) fn stored(field: &ParquetType) -> Result<(ParquetType, Stored), &'static str> {
    let ParquetType::PrimitiveType(found) = field else {
        return Err("lists, maps or structures");
    };
    if found.field_info.repetition == Repetition::Repeated {
        return Err("lists");
    }
    let kind = meaning(found)?;
    let mut plain = found.clone();
    let unsigned = |integer| matches!(integer, IntegerType::UInt32 | IntegerType::UInt64);
    let keeps = match found.logical_type {
        Some(Logical::Integer(integer)) => unsigned(integer),
        _ => matches!(found.converted_type, Some(Converted::Uint32 | Converted::Uint64)),
    };
    if kind == Stored::Text {
        plain.logical_type = Some(Logical::String);
        plain.converted_type = Some(Converted::Utf8);
    } else if !keeps {
        plain.logical_type = None;
        plain.converted_type = None;
    }
    Ok((ParquetType::PrimitiveType(plain), kind))
}

/// Goes by the logical type where there is one, else by the older converted type.
fn meaning(found: &PrimitiveType) -> Result<Stored, &'static str> {
    match (found.logical_type, found.converted_type) {
        (Some(Logical::String | Logical::Enum), _) | (None, Some(Converted::Utf8 | Converted::Enum)) => {
            Ok(Stored::Text)
        }
        (Some(Logical::Decimal(_, scale)), _) | (None, Some(Converted::Decimal(_, scale))) => decimal(found, scale),
        (Some(Logical::Float16), _) => Ok(Stored::Half),
        (Some(Logical::Date), _) | (None, Some(Converted::Date)) => Err("dates"),
        (Some(Logical::Time { .. }), _) | (None, Some(Converted::TimeMillis | Converted::TimeMicros)) => {
            Err("times of day")
        }
        (Some(Logical::Timestamp { .. }), _)
        | (None, Some(Converted::TimestampMillis | Converted::TimestampMicros)) => Err("dates with times"),
        (Some(Logical::Json), _) | (None, Some(Converted::Json)) => Err("JSON"),
        (Some(Logical::Bson), _) | (None, Some(Converted::Bson)) => Err("BSON"),
        (Some(Logical::Uuid), _) => Err("UUIDs"),
        (None, Some(Converted::Interval)) => Err("spans of time"),
        _ => physical(found.physical_type),
    }
}

/// A file of a broken header may say more digits than numbers have.
fn decimal(found: &PrimitiveType, scale: usize) -> Result<Stored, &'static str> {
    match found.physical_type {
        PhysicalType::FixedLenByteArray(length) if length > size_of::<i128>() => Err("decimals of more than 16 bytes"),
        _ => Ok(Stored::Decimal { scale }),
    }
}

fn physical(kind: PhysicalType) -> Result<Stored, &'static str> {
    match kind {
        PhysicalType::Int96 => Err("dates with times"),
        PhysicalType::ByteArray | PhysicalType::FixedLenByteArray(_) => Err("bytes"),
        _ => Ok(Stored::Number),
    }
}

impl Stored {
    /// The word that a whole number or a decimal is, digit by digit; none of another value.
    pub fn word(self, value: &AnyValue<'_>) -> Option<String> {
        match self {
            Self::Number => units(value).map(|units| written(units, 0)),
            Self::Decimal { scale } => units(value).map(|units| written(units, scale)),
            Self::Text | Self::Half => None,
        }
    }

    /// The number that a value stands for.
    pub fn number(self, value: &AnyValue<'_>) -> Option<f64> {
        let bytes = match value {
            AnyValue::Binary(bytes) => Some(*bytes),
            AnyValue::BinaryOwned(bytes) => Some(bytes.as_slice()),
            _ => None,
        };
        match (self, bytes) {
            (Self::Half, Some(&[low, high])) => Some(f16::from_le_bytes([low, high]).to_f64()),
            (Self::Decimal { scale }, Some(bytes)) => decoded(bytes).map(|units| shifted(units as f64, scale)),
            (Self::Decimal { scale }, None) => value.extract::<f64>().map(|units| shifted(units, scale)),
            _ => value.extract::<f64>(),
        }
    }
}

/// A whole number, exactly; none of any other value.
fn units(value: &AnyValue<'_>) -> Option<i128> {
    match value {
        AnyValue::Int8(number) => Some((*number).into()),
        AnyValue::Int16(number) => Some((*number).into()),
        AnyValue::Int32(number) => Some((*number).into()),
        AnyValue::Int64(number) => Some((*number).into()),
        AnyValue::UInt8(number) => Some((*number).into()),
        AnyValue::UInt16(number) => Some((*number).into()),
        AnyValue::UInt32(number) => Some((*number).into()),
        AnyValue::UInt64(number) => Some((*number).into()),
        AnyValue::Binary(bytes) => decoded(bytes),
        AnyValue::BinaryOwned(bytes) => decoded(bytes),
        _ => None,
    }
}

/// Writes units of 10 to the minus `scale` without zeros at the end.
fn written(units: i128, scale: usize) -> String {
    let digits = format!("{:0>1$}", units.unsigned_abs(), scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let sign = if units < 0 { "-" } else { "" };
    match fraction.trim_end_matches('0') {
        "" => format!("{sign}{whole}"),
        fraction => format!("{sign}{whole}.{fraction}"),
    }
}

/// Reads a big-endian number in two's complement.
fn decoded(bytes: &[u8]) -> Option<i128> {
    let first = *bytes.first()?;
    let mut whole = if first >= 0x80 { [0xff; 16] } else { [0; 16] };
    let start = whole.len().checked_sub(bytes.len())?;
    whole[start..].copy_from_slice(bytes);
    Some(i128::from_be_bytes(whole))
}

/// Moves the point to the left. A power of ten up to 22 is exact as a double, so that one rounding is left.
fn shifted(units: f64, scale: usize) -> f64 {
    units / 10_f64.powi(i32::try_from(scale).unwrap_or(i32::MAX))
}
