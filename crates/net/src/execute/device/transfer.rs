//! Moves arrays between the host and a Candle device.

use std::any::Any;

use candle_core::{DType, Device, Tensor};

use crate::error::{Error, Result};
use crate::kernels::Element;

/// Candle's name of the element type.
pub(super) fn dtype<E: Element>() -> DType {
    if size_of::<E>() == size_of::<f32>() {
        DType::F32
    } else {
        DType::F64
    }
}

/// Copies an array to a device.
pub(super) fn upload<E: Element>(values: &[E], shape: &[usize], device: &Device) -> Result<Tensor> {
    let values: Box<dyn Any> = Box::new(values.to_vec());
    let tensor = match values.downcast::<Vec<f32>>() {
        Ok(values) => Tensor::from_vec(*values, shape, device)?,
        Err(values) => match values.downcast::<Vec<f64>>() {
            Ok(values) => Tensor::from_vec(*values, shape, device)?,
            Err(_) => return Err(unknown::<E>()),
        },
    };
    Ok(tensor)
}

/// Copies a tensor's elements to the host, row-major.
pub(super) fn download<E: Element>(tensor: &Tensor) -> Result<Vec<E>> {
    let flat = tensor.flatten_all()?;
    let values: Box<dyn Any> = match flat.dtype() {
        DType::F32 => Box::new(flat.to_vec1::<f32>()?),
        _ => Box::new(flat.to_vec1::<f64>()?),
    };
    values
        .downcast::<Vec<E>>()
        .map(|values| *values)
        .map_err(|_| unknown::<E>())
}

fn unknown<E: Element>() -> Error {
    Error::Setting {
        field: "element type",
        expected: "f32 or f64, the same on host and device".to_owned(),
        found: std::any::type_name::<E>().to_owned(),
    }
}
