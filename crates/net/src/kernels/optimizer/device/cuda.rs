//! Launches the update's kernel.

use candle_core::backend::BackendStorage;
use candle_core::cuda_backend::cudarc::driver::{CudaSlice, CudaView, DeviceRepr, LaunchConfig, PushKernelArg};
use candle_core::cuda_backend::cudarc::nvrtc::{CompileOptions, compile_ptx_with_opts};
use candle_core::cuda_backend::{CudaDevice, CudaStorageSlice, WrapErr};
use candle_core::{CudaStorage, Layout, Result, bail};

use super::DeviceUpdate;
use super::arguments::{Arguments, SOURCE};

/// Updates an array on a CUDA device.
pub(super) fn run(
    update: &DeviceUpdate,
    (packed, at): (&mut CudaStorage, &Layout),
    (gradient, from): (&CudaStorage, &Layout),
    ages: Option<(&CudaStorage, &Layout)>,
) -> Result<()> {
    let (Some(at), Some(from)) = (at.contiguous_offsets(), from.contiguous_offsets()) else {
        bail!("an update: expected contiguous arrays");
    };
    if at.1 - at.0 != (1 + update.update.states()) * (from.1 - from.0) {
        bail!(
            "an update: expected {} states of {} values",
            update.update.states(),
            from.1 - from.0
        );
    }
    let ages = match ages {
        None => None,
        Some((storage, layout)) => match (&storage.slice, layout.contiguous_offsets()) {
            (CudaStorageSlice::F64(ages), Some((start, end))) => Some(ages.slice(start..end)),
            _ => bail!("births and rates: expected a contiguous array in f64"),
        },
    };
    let device = packed.device().clone();
    match (&mut packed.slice, &gradient.slice) {
        (CudaStorageSlice::F32(packed), CudaStorageSlice::F32(gradient)) => {
            launch(&device, update, ("float", packed, at), (gradient, from), ages)
        }
        (CudaStorageSlice::F64(packed), CudaStorageSlice::F64(gradient)) => {
            launch(&device, update, ("double", packed, at), (gradient, from), ages)
        }
        _ => bail!("an update: expected parameters and gradient both in f32 or both in f64"),
    }
}

fn launch<T: DeviceRepr>(
    device: &CudaDevice,
    update: &DeviceUpdate,
    (kind, packed, at): (&str, &mut CudaSlice<T>, (usize, usize)),
    (gradient, from): (&CudaSlice<T>, (usize, usize)),
    ages: Option<CudaView<'_, f64>>,
) -> Result<()> {
    let count = from.1 - from.0;
    if count == 0 {
        return Ok(());
    }
    let module = format!("espalier_update_{kind}");
    let function = device.get_or_load_custom_func("update", &module, &compiled(kind)?)?;
    let Arguments {
        rule,
        flag,
        step,
        rate,
        constants: [a, b, c],
        decay,
    } = Arguments::of(update);
    let mut packed = packed.slice_mut(at.0..at.1);
    let gradient = gradient.slice(from.0..from.1);
    let (length, aged, nothing) = (count as u64, i32::from(ages.is_some()), 0_u64);
    let mut builder = function.builder();
    builder.arg(&length).arg(&mut packed).arg(&gradient);
    match &ages {
        Some(ages) => builder.arg(ages),
        None => builder.arg(&nothing),
    };
    builder.arg(&aged).arg(&rule).arg(&flag).arg(&step).arg(&rate);
    builder.arg(&a).arg(&b).arg(&c).arg(&decay);
    // SAFETY: the arguments are those of `update.cu` in order and type; `packed` has 1 + states rows of `count` values,
    // `gradient` has `count`, and `ages` is read only where it is given, with 2·`count`. A null pointer is eight zero bytes.
    unsafe { builder.launch(LaunchConfig::for_num_elems(count as u32)) }.w()?;
    Ok(())
}

/// The kernel for one type, compiled once in a process.
fn compiled(kind: &str) -> Result<String> {
    use std::collections::BTreeMap;
    use std::sync::Mutex;
    static KERNELS: Mutex<BTreeMap<String, String>> = Mutex::new(BTreeMap::new());
    let mut kernels = KERNELS.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(ptx) = kernels.get(kind) {
        return Ok(ptx.clone());
    }
    let options = CompileOptions {
        options: vec![format!("-DVALUE={kind}")],
        ..CompileOptions::default()
    };
    let ptx = compile_ptx_with_opts(SOURCE, options).w()?.to_src();
    kernels.insert(kind.to_owned(), ptx.clone());
    Ok(ptx)
}
