//! Moves arrays between the host and a Candle device, and counts their bytes.

use std::any::Any;
use std::sync::atomic::{AtomicU64, Ordering};

use candle_core::{DType, Device, Tensor};

use crate::error::{Error, Result};
use crate::kernels::Element;

/// The bytes of arrays that were copied between the host and a device.
///
/// What Candle copies on its own is not counted: arguments of its operations, a few bytes each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes from the host to the device.
    pub to_device: u64,
    /// Bytes from the device to the host.
    pub to_host: u64,
}

impl Traffic {
    /// What was copied since an earlier count.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            to_device: self.to_device - earlier.to_device,
            to_host: self.to_host - earlier.to_host,
        }
    }
}

/// The only way between the host and one device.
#[derive(Debug)]
pub(crate) struct Link {
    device: Device,
    to_device: AtomicU64,
    to_host: AtomicU64,
}

impl Link {
    pub fn new(device: &Device) -> Self {
        Self {
            device: device.clone(),
            to_device: AtomicU64::new(0),
            to_host: AtomicU64::new(0),
        }
    }

    pub fn device(&self) -> &Device {
        &self.device
    }

    pub fn traffic(&self) -> Traffic {
        Traffic {
            to_device: self.to_device.load(Ordering::Relaxed),
            to_host: self.to_host.load(Ordering::Relaxed),
        }
    }

    /// Copies an array to the device.
    pub fn upload<E: Element>(&self, values: &[E], shape: &[usize]) -> Result<Tensor> {
        let owned: Box<dyn Any> = Box::new(values.to_vec());
        match owned.downcast::<Vec<f32>>() {
            Ok(values) => self.send(*values, shape),
            Err(owned) => match owned.downcast::<Vec<f64>>() {
                Ok(values) => self.send(*values, shape),
                Err(_) => Err(unknown::<E>()),
            },
        }
    }

    /// Copies indices to the device.
    pub fn upload_indices(&self, indices: &[u32], shape: &[usize]) -> Result<Tensor> {
        self.send(indices.to_vec(), shape)
    }

    /// Copies bytes to the device.
    pub fn upload_bytes(&self, bytes: Vec<u8>, shape: &[usize]) -> Result<Tensor> {
        self.send(bytes, shape)
    }

    fn send<D: candle_core::WithDType>(&self, values: Vec<D>, shape: &[usize]) -> Result<Tensor> {
        self.to_device
            .fetch_add(size_of_val(values.as_slice()) as u64, Ordering::Relaxed);
        Ok(Tensor::from_vec(values, shape, &self.device)?)
    }

    /// Copies a tensor's elements to the host, row-major.
    pub fn download<E: Element>(&self, tensor: &Tensor) -> Result<Vec<E>> {
        self.to_host
            .fetch_add((tensor.elem_count() * size_of::<E>()) as u64, Ordering::Relaxed);
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
}

/// Candle's name of the element type.
pub(crate) fn dtype<E: Element>() -> DType {
    if size_of::<E>() == size_of::<f32>() {
        DType::F32
    } else {
        DType::F64
    }
}

fn unknown<E: Element>() -> Error {
    Error::Setting {
        field: "element type",
        expected: "f32 or f64, the same on host and device".to_owned(),
        found: std::any::type_name::<E>().to_owned(),
    }
}
