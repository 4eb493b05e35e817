//! Modules of PyTorch that networks here have no layer for, known by the names of their tensors.

use crate::error::{Error, Result};
use crate::file::save::tensors::Contents;
use crate::layer::Recurrent;

/// How the weight is named by which a recurrent unit reads its own past: the layer's number follows, but in a cell.
const PAST: &str = "weight_hh";
/// How the weight is named that makes queries, keys and values.
const ATTENTION: &str = "in_proj_weight";

/// Refuses the first module, by name, that no layer stands for.
pub(super) fn refuse(contents: &Contents<'_>) -> Result<()> {
    let mut names = contents.tensors.names();
    names.sort_unstable();
    for name in names {
        let (module, field) = name.rsplit_once('.').unwrap_or(("", name));
        if field.starts_with(PAST) {
            let shape = contents.tensors.tensor(name).map(|tensor| tensor.shape().to_vec());
            return Err(recurrent(module, &shape.unwrap_or_default()));
        }
        if field == ATTENTION {
            let reason = "only dense, convolutional, pooling, norm and pointwise layers are; its heads read one another's positions";
            return Err(Error::unsupported(module, "MultiheadAttention", reason));
        }
    }
    Ok(())
}

/// The refusal of a module whose hidden weight has this shape: gates times units by units.
fn recurrent(module: &str, shape: &[usize]) -> Error {
    let rows = match shape {
        [rows, units] if *units > 0 && rows % units == 0 => rows / units,
        _ => 0,
    };
    // A projected LSTM has fewer columns than units.
    Recurrent::of_rows(rows).unwrap_or(Recurrent::Lstm).refused(module)
}
