//! CIFAR-10's Python version: each batch a pickled dictionary of an array and a list of labels.

use std::collections::BTreeMap;
use std::path::Path;

use serde_pickle::{DeOptions, HashableValue, Value};

use super::{COLOURS, PIXELS, RECORD};
use crate::error::{Error, Result};

const ROW: usize = COLOURS * PIXELS;

/// Says whether the bytes begin as a pickle of protocol 2 or later does, with its opcode and number. As a record of
/// the binary version they would carry the label 128, and there are ten.
pub(super) fn is_pickle(bytes: &[u8]) -> bool {
    matches!(bytes, [0x80, 2..=5, ..])
}

/// Reads a pickled batch as records of the binary version: a label, then the planes of red, green and blue.
///
/// # Method
/// numpy's array is not rebuilt: the state that it was pickled with, `(version, shape, type, is_fortran, bytes)`,
/// holds all that is needed.
pub(super) fn records(bytes: &[u8], path: &Path) -> Result<Vec<u8>> {
    let options = DeOptions::new().replace_unresolved_globals();
    let value = serde_pickle::value_from_slice(bytes, options)
        .map_err(|error| wrong(path, "a pickled dictionary", &error.to_string()))?;
    let Value::Dict(fields) = value else {
        return Err(wrong(path, "a pickled dictionary", "another value"));
    };
    let labels = labels(&fields, path)?;
    let pixels = pixels(&fields, labels.len(), path)?;
    let mut records = Vec::with_capacity(labels.len() * RECORD);
    for (label, planes) in labels.iter().zip(pixels.chunks_exact(ROW)) {
        records.push(*label);
        records.extend_from_slice(planes);
    }
    Ok(records)
}

fn field<'a>(fields: &'a BTreeMap<HashableValue, Value>, name: &str, path: &Path) -> Result<&'a Value> {
    let keys = [
        HashableValue::Bytes(name.as_bytes().to_vec()),
        HashableValue::String(name.to_owned()),
    ];
    keys.iter()
        .find_map(|key| fields.get(key))
        .ok_or_else(|| wrong(path, &format!("a field {name:?}"), "none of that name"))
}

fn labels(fields: &BTreeMap<HashableValue, Value>, path: &Path) -> Result<Vec<u8>> {
    let Value::List(labels) = field(fields, "labels", path)? else {
        return Err(wrong(path, "a list of labels", "another value"));
    };
    let label = |value: &Value| match value {
        Value::I64(label) => u8::try_from(*label).ok(),
        _ => None,
    };
    let bytes: Option<Vec<u8>> = labels.iter().map(label).collect();
    bytes.ok_or_else(|| wrong(path, "labels from 0 to 9", "another value"))
}

fn pixels<'a>(fields: &'a BTreeMap<HashableValue, Value>, rows: usize, path: &Path) -> Result<&'a [u8]> {
    let state = match field(fields, "data", path)? {
        Value::Tuple(state) => state.as_slice(),
        _ => &[],
    };
    let Some(Value::Bytes(pixels)) = state.last() else {
        return Err(wrong(path, "an array of bytes in \"data\"", "another value"));
    };
    if pixels.len() != rows * ROW {
        let expected = format!("{} bytes in \"data\", {ROW} for each of {rows} labels", rows * ROW);
        return Err(wrong(path, &expected, &pixels.len().to_string()));
    }
    Ok(pixels)
}

fn wrong(path: &Path, expected: &str, found: &str) -> Error {
    Error::Pickle {
        path: path.to_path_buf(),
        expected: expected.to_owned(),
        found: found.to_owned(),
    }
}
