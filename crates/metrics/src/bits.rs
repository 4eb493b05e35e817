//! Serialises floating-point state by its bits: exact in every format, NaN and
//! infinities included, which JSON has no numbers for.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A float that turns into its bits and back.
pub(crate) trait Bits: Copy {
    /// The bits, widened.
    fn into_bits(self) -> u64;
    /// The float of these bits.
    fn from_bits(bits: u64) -> Self;
}

impl Bits for f64 {
    fn into_bits(self) -> u64 {
        self.to_bits()
    }
    fn from_bits(bits: u64) -> Self {
        f64::from_bits(bits)
    }
}

impl Bits for f32 {
    fn into_bits(self) -> u64 {
        u64::from(self.to_bits())
    }
    fn from_bits(bits: u64) -> Self {
        f32::from_bits(bits as u32)
    }
}

pub(crate) fn serialize<T: Bits, S: Serializer>(values: &[T], serializer: S) -> Result<S::Ok, S::Error> {
    let bits: Vec<u64> = values.iter().map(|v| v.into_bits()).collect();
    bits.serialize(serializer)
}

pub(crate) fn deserialize<'de, T: Bits, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    let bits = Vec::<u64>::deserialize(deserializer)?;
    Ok(bits.into_iter().map(T::from_bits).collect())
}
