//! Tensors as they lie in a file, and the hash over a file's contents.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, View};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::file_error;
use crate::error::Result;
use crate::kernels::Element;

/// One array of bytes with its type and shape.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tensor {
    pub(crate) dtype: Dtype,
    pub(crate) shape: Vec<usize>,
    pub(crate) bytes: Vec<u8>,
}

impl View for &Tensor {
    fn dtype(&self) -> Dtype {
        self.dtype
    }
    fn shape(&self) -> &[usize] {
        &self.shape
    }
    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }
    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

impl Tensor {
    pub(crate) fn of<E: Element>(shape: &[usize], values: &[E]) -> Self {
        let bytes = match element_dtype::<E>() {
            Dtype::F32 => values.iter().flat_map(|v| (v.to_f64() as f32).to_le_bytes()).collect(),
            _ => values.iter().flat_map(|v| v.to_f64().to_le_bytes()).collect(),
        };
        Self {
            dtype: element_dtype::<E>(),
            shape: shape.to_vec(),
            bytes,
        }
    }

    pub(crate) fn text(text: String) -> Self {
        Self {
            dtype: Dtype::U8,
            shape: vec![text.len()],
            bytes: text.into_bytes(),
        }
    }
}

/// The type under which elements are stored: elements are IEEE numbers of 4 or 8 bytes.
pub(crate) fn element_dtype<E: Element>() -> Dtype {
    if size_of::<E>() == 4 { Dtype::F32 } else { Dtype::F64 }
}

/// Lays tensors out as a file with at most one entry of metadata, so that equal contents give equal bytes.
pub(crate) fn lay_out(
    tensors: &BTreeMap<String, Tensor>,
    metadata: Option<(&str, String)>,
    path: &Path,
) -> Result<Vec<u8>> {
    let metadata = metadata.map(|(key, value)| std::iter::once((key.to_owned(), value)).collect());
    safetensors::serialize(tensors, metadata).map_err(|e| file_error(path, format!("cannot be laid out: {e}")))
}

/// The tensors of a file that is being read.
pub(crate) struct Contents<'a> {
    pub(crate) path: &'a Path,
    pub(crate) tensors: SafeTensors<'a>,
    metadata: BTreeMap<String, String>,
}

impl<'a> Contents<'a> {
    pub(crate) fn read(bytes: &'a [u8], path: &'a Path) -> Result<Self> {
        let broken = |e| {
            file_error(
                path,
                format!("expected a whole safetensors file, found {} bytes: {e}", bytes.len()),
            )
        };
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(broken)?;
        let tensors = SafeTensors::deserialize(bytes).map_err(broken)?;
        let entries = header.metadata().iter().flatten();
        let metadata = entries.map(|(k, v)| (k.clone(), v.clone())).collect();
        Ok(Self {
            path,
            tensors,
            metadata,
        })
    }

    pub(crate) fn metadata(&self, key: &str) -> Option<&str> {
        self.metadata.get(key).map(String::as_str)
    }

    /// The bytes of a tensor that must have the given type and shape; no shape accepts any.
    pub(crate) fn bytes(&self, name: &str, dtype: Dtype, shape: Option<&[usize]>) -> Result<&'a [u8]> {
        let tensor = self
            .tensors
            .tensor(name)
            .map_err(|_| file_error(self.path, format!("expected a tensor `{name}`, found none")))?;
        if tensor.dtype() != dtype {
            let reason = format!("tensor `{name}`: expected type {dtype:?}, found {:?}", tensor.dtype());
            return Err(file_error(self.path, reason));
        }
        if let Some(shape) = shape
            && tensor.shape() != shape
        {
            let reason = format!("tensor `{name}`: expected shape {shape:?}, found {:?}", tensor.shape());
            return Err(file_error(self.path, reason));
        }
        Ok(tensor.data())
    }

    pub(crate) fn values<E: Element>(&self, name: &str, shape: Option<&[usize]>) -> Result<Vec<E>> {
        let dtype = element_dtype::<E>();
        let bytes = self.bytes(name, dtype, shape)?;
        Ok(match dtype {
            Dtype::F32 => decode(bytes, |b| E::from_f64(f64::from(f32::from_le_bytes(b)))),
            _ => decode(bytes, |b| E::from_f64(f64::from_le_bytes(b))),
        })
    }

    pub(crate) fn text(&self, name: &str) -> Result<&'a str> {
        let bytes = self.bytes(name, Dtype::U8, None)?;
        std::str::from_utf8(bytes)
            .map_err(|e| file_error(self.path, format!("tensor `{name}`: expected UTF-8 text: {e}")))
    }
}

fn decode<T, const N: usize>(bytes: &[u8], value: impl Fn([u8; N]) -> T) -> Vec<T> {
    let mut array = [0; N];
    let chunks = bytes.chunks_exact(N);
    chunks
        .map(|chunk| {
            array.copy_from_slice(chunk);
            value(array)
        })
        .collect()
}

/// The hash over a document and named tensors.
///
/// # Method
/// SHA-256 over the document (see [`feed`]) and, in the order of their names, each tensor's name, type, shape and
/// bytes, each preceded by its length.
pub(super) fn content_hash<'t>(
    document: &Value,
    tensors: impl Iterator<Item = (&'t str, Dtype, &'t [usize], &'t [u8])>,
) -> String {
    let mut hasher = Sha256::new();
    feed(&mut hasher, document);
    let mut sorted: Vec<_> = tensors.collect();
    sorted.sort_by_key(|t| t.0);
    for (name, dtype, shape, bytes) in sorted {
        feed_bytes(&mut hasher, name.as_bytes());
        feed_bytes(&mut hasher, format!("{dtype:?}{shape:?}").as_bytes());
        feed_bytes(&mut hasher, bytes);
    }
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn feed_bytes(hasher: &mut Sha256, bytes: &[u8]) {
    hasher.update((bytes.len() as u64).to_le_bytes());
    hasher.update(bytes);
}

/// Feeds a JSON value with object keys in sorted order, so that neither spacing nor the order of keys matters.
fn feed(hasher: &mut Sha256, value: &Value) {
    match value {
        Value::Array(items) => {
            hasher.update(b"[");
            hasher.update((items.len() as u64).to_le_bytes());
            items.iter().for_each(|item| feed(hasher, item));
        }
        Value::Object(fields) => {
            hasher.update(b"{");
            hasher.update((fields.len() as u64).to_le_bytes());
            let sorted: BTreeMap<_, _> = fields.iter().collect();
            for (key, item) in sorted {
                feed_bytes(hasher, key.as_bytes());
                feed(hasher, item);
            }
        }
        plain => {
            hasher.update(b"=");
            feed_bytes(hasher, plain.to_string().as_bytes());
        }
    }
}
