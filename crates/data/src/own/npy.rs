//! One array of NumPy.

use std::io::{Error, Result};
use std::panic::catch_unwind;

use half::f16;
use npyz::{DType, Endianness, NpyFile, Order, TypeChar, TypeStr};

/// Deeper brackets than those of any type of numbers, whose time to read doubles with each.
const DEEPEST: usize = 4;

/// An array, read.
pub(super) struct Array {
    /// The number of rows first.
    pub shape: Vec<usize>,
    /// Row-major, in whatever order the file has them.
    pub numbers: Vec<f64>,
    /// Whether they are stored as bytes without a sign.
    pub bytes: bool,
}

impl Array {
    /// Reads a `.npy` file of truth values, integers or floating-point numbers of up to 64 bits.
    pub fn read(content: &[u8]) -> Result<Self> {
        let file = open(content)?;
        let sizes = file.shape().iter().map(|&n| usize::try_from(n).unwrap_or(usize::MAX));
        let shape: Vec<usize> = sizes.collect();
        let count = shape.iter().try_fold(1_usize, |count, &n| count.checked_mul(n));
        if shape.is_empty() || matches!(count, None | Some(0)) {
            let found = format!("shape {shape:?}, of no row, of no number or of more than can be counted");
            return Err(Error::other(found));
        }
        let DType::Plain(kind) = file.dtype() else {
            return Err(Error::other("records"));
        };
        let order = file.order();
        let numbers = numbers(file, &kind)?;
        let numbers = match order {
            Order::C => numbers,
            Order::Fortran => row_major(&numbers, &shape),
        };
        let bytes = kind.type_char() == TypeChar::Uint && kind.size_field() == 1;
        Ok(Self { shape, numbers, bytes })
    }
}

/// Puts numbers whose first index runs fastest in the order in which the last one does.
fn row_major(numbers: &[f64], shape: &[usize]) -> Vec<f64> {
    let place = |mut row_major: usize| {
        let (mut place, mut stride) = (0, numbers.len());
        // Dimensions of one change nothing, and a header may name thousands.
        for size in shape.iter().rev().filter(|&&size| size > 1) {
            stride /= size;
            place += row_major % size * stride;
            row_major /= size;
        }
        numbers[place]
    };
    (0..numbers.len()).map(place).collect()
}

/// Reads the header; where overflow is checked, the reader panics on a shape whose product is beyond 64 bits.
fn open(content: &[u8]) -> Result<NpyFile<&[u8]>> {
    if nesting(header(content)) > DEEPEST {
        let error = format!("a header of brackets more than {DEEPEST} deep");
        return Err(Error::other(error));
    }
    catch_unwind(|| NpyFile::new(content))
        .unwrap_or_else(|_| Err(Error::other("a header that the reader cannot make sense of")))
}

/// The header's text: magic and version take 8 bytes, its length 2 in version 1 and 4 in later ones.
fn header(content: &[u8]) -> &[u8] {
    let text = match content {
        [_, _, _, _, _, _, 1, _, a, b, text @ ..] => Some((u32::from_le_bytes([*a, *b, 0, 0]), text)),
        [_, _, _, _, _, _, _, _, a, b, c, d, text @ ..] => Some((u32::from_le_bytes([*a, *b, *c, *d]), text)),
        _ => None,
    };
    text.map_or(&[], |(length, text)| &text[..text.len().min(length as usize)])
}

/// How many brackets are open at most.
fn nesting(text: &[u8]) -> usize {
    let (mut open, mut deepest) = (0_usize, 0);
    for byte in text {
        match byte {
            b'(' | b'[' | b'{' => open += 1,
            b')' | b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(open);
    }
    deepest
}

/// The numbers in the order of the file.
fn numbers(file: NpyFile<&[u8]>, kind: &TypeStr) -> Result<Vec<f64>> {
    macro_rules! read {
        ($type:ty) => {
            Ok(file.into_vec::<$type>()?.into_iter().map(|x| x as f64).collect())
        };
    }
    match (kind.type_char(), kind.size_field()) {
        (TypeChar::Bool, _) => Ok(file
            .into_vec::<bool>()?
            .into_iter()
            .map(|x| f64::from(u8::from(x)))
            .collect()),
        (TypeChar::Uint, 1) => read!(u8),
        (TypeChar::Uint, 2) => read!(u16),
        (TypeChar::Uint, 4) => read!(u32),
        (TypeChar::Uint, 8) => read!(u64),
        (TypeChar::Int, 1) => read!(i8),
        (TypeChar::Int, 2) => read!(i16),
        (TypeChar::Int, 4) => read!(i32),
        (TypeChar::Int, 8) => read!(i64),
        (TypeChar::Float, 2) => halves(file, kind.endianness()),
        (TypeChar::Float, 4) => read!(f32),
        (TypeChar::Float, 8) => read!(f64),
        _ => Err(Error::other(format!("the type {kind}"))),
    }
}

fn halves(file: NpyFile<&[u8]>, endianness: Endianness) -> Result<Vec<f64>> {
    let count = usize::try_from(file.len()).unwrap_or(usize::MAX);
    let (pairs, _) = file.into_inner().as_chunks();
    if pairs.len() < count {
        return Err(Error::other(format!("{} of {count} numbers of 16 bits", pairs.len())));
    }
    let half = match endianness {
        Endianness::Big => f16::from_be_bytes,
        _ => f16::from_le_bytes,
    };
    Ok(pairs[..count].iter().map(|&pair| half(pair).to_f64()).collect())
}
