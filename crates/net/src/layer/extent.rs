//! Which sizes a layer may have, so that no product of them overflows.
//!
//! Whoever makes or changes a layer asks here: the builder, edits, costs at other widths, and files. What has passed
//! may be multiplied without a further look.

use super::rules::{Rules, Shape};
use crate::error::{Error, Result};

/// The most positions of a kernel, cells of a grid and groups of channels that a layer's settings may name.
pub(crate) const LARGEST_SETTING: usize = 1 << 16;

/// The longest side of a map.
pub(crate) const LONGEST_SIDE: usize = 1 << 28;

/// The most channels of a layer; each is a unit, or a class of channels while units are found, and has a number of 32 bits.
pub(crate) const MOST_CHANNELS: usize = 1 << 28;

/// The most values of one array: those whose bytes a slice can hold in double precision.
pub(crate) const MOST_VALUES: usize = isize::MAX as usize / size_of::<f64>();

/// The product of sizes, if it can be counted.
pub(crate) fn product(sizes: &[usize]) -> Option<u64> {
    sizes.iter().try_fold(1_u64, |all, size| all.checked_mul(*size as u64))
}

/// Checks a layer's output: its map, its channels, and the values that they make for one sample.
pub(crate) fn check_shape(name: &str, shape: Shape) -> Result<()> {
    let Shape {
        map: [height, width],
        channels,
    } = shape;
    if height.max(width) > LONGEST_SIDE {
        let expected = format!("a map of at most {LONGEST_SIDE} positions a side");
        return Err(Error::layer(name, expected, format!("{height}×{width}")));
    }
    check_channels(name, channels)?;
    let values = product(&[height, width, channels]);
    if values.is_none_or(|values| values > MOST_VALUES as u64) {
        let expected = format!("at most {MOST_VALUES} values a sample");
        return Err(Error::layer(name, expected, format!("{height}×{width}×{channels}")));
    }
    Ok(())
}

/// Checks a number of channels.
pub(crate) fn check_channels(name: &str, channels: usize) -> Result<()> {
    if channels > MOST_CHANNELS {
        let expected = format!("at most {MOST_CHANNELS} channels");
        return Err(Error::layer(name, expected, channels.to_string()));
    }
    Ok(())
}

/// Checks the sizes among a layer's settings.
pub(crate) fn check_settings(name: &str, rules: &dyn Rules) -> Result<()> {
    match rules.sizes().into_iter().find(|size| *size > LARGEST_SETTING) {
        Some(size) => Err(Error::layer(
            name,
            format!("kernels, strides, paddings and groups of at most {LARGEST_SETTING}"),
            size.to_string(),
        )),
        None => Ok(()),
    }
}

/// Counts a layer's multiply–accumulates for one sample, which are at least as many as its weights.
pub(crate) fn count_macs(name: &str, rules: &dyn Rules, fan_in: usize, width: usize, positions: usize) -> Result<u64> {
    let found = || format!("{fan_in} channels in, {width} out, {positions} positions");
    let weights = rules.macs(fan_in, width, 1);
    if weights.is_none_or(|weights| weights > MOST_VALUES as u64) {
        return Err(Error::layer(name, format!("at most {MOST_VALUES} weights"), found()));
    }
    let macs = rules.macs(fan_in, width, positions);
    macs.ok_or_else(|| Error::layer(name, format!("at most {} MACs a sample", u64::MAX), found()))
}
