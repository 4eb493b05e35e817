//! Dropout with masks from a named random stream.

use espalier_seed::Stream;

use super::Element;

/// The probability of dropping a unit, in steps of 2⁻¹⁶.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DropRate {
    /// Values of 16 random bits below this drop the unit.
    threshold: u32,
}

impl DropRate {
    /// Rounds a probability within [0, 1] to a multiple of 2⁻¹⁶, or says nothing where it lies outside.
    #[must_use]
    pub fn new(probability: f64) -> Option<Self> {
        (0.0..=1.0).contains(&probability).then(|| Self {
            threshold: (probability * 65536.0).round() as u32,
        })
    }

    /// What survivors are multiplied by: 1 / (1 − p), or 0 where nothing survives.
    #[must_use]
    pub fn survivor_scale(self) -> f64 {
        if self.threshold >= 65536 {
            0.0
        } else {
            65536.0 / f64::from(65536 - self.threshold)
        }
    }

    /// Draws a mask: 1 keeps, 0 drops.
    ///
    /// # Method
    /// Each 64-bit draw decides four elements by its 16-bit parts, lowest first; a mask of n elements consumes ⌈n / 4⌉ draws.
    pub fn draw(self, stream: &mut Stream, mask: &mut [u8]) {
        for part in mask.chunks_mut(4) {
            let bits = stream.next_u64();
            for (i, keep) in part.iter_mut().enumerate() {
                let value = (bits >> (16 * i)) as u32 & 0xFFFF;
                *keep = u8::from(value >= self.threshold);
            }
        }
    }
}

/// Multiplies survivors by the rate's scale and clears the others, in place: forward and backward alike.
///
/// # Shapes
/// values and mask have the same length.
///
/// # Panics
/// Panics if the lengths differ.
pub fn apply<E: Element>(values: &mut [E], mask: &[u8], rate: DropRate) {
    assert_eq!(values.len(), mask.len(), "one mask entry for each value");
    scale_survivors(values, mask, E::from_f64(rate.survivor_scale()));
}

multiversion! {
    fn scale_survivors<E: Element>(values: &mut [E], mask: &[u8], scale: E) {
        for (value, &keep) in values.iter_mut().zip(mask) {
            *value = if keep != 0 { *value * scale } else { E::ZERO };
        }
    }
}
