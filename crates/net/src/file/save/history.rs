//! The ledger and the genealogy, which grow with every edit and so are tensors of their own.

use std::path::Path;

use super::document::Writer;
use super::file_error;
use super::tensors::{Contents, Tensor};
use crate::error::Result;
use crate::graph::Network;
use crate::groups::genealogy::Genealogy;
use crate::kernels::Element;
use crate::ledger::Ledger;
use crate::ledger::edit::{Edit, FreshUnit, NewUnit};

const LEDGER: &str = "history/ledger";
const GENEALOGY: &str = "history/genealogy";
const FRESH: &str = "history/fresh";

pub(super) fn write<E: Element>(network: &Network<E>, writer: &mut Writer<'_>) -> Result<()> {
    let mut ledger = network.ledger.clone();
    let fresh = extract_fresh(&mut ledger);
    let text = writer.json("the ledger", &ledger)?;
    writer.add(LEDGER.to_owned(), Tensor::text(text))?;
    let text = writer.json("the genealogy", &network.genealogy)?;
    writer.add(GENEALOGY.to_owned(), Tensor::text(text))?;
    writer.add(FRESH.to_owned(), Tensor::of(&[fresh.len()], &fresh))?;
    Ok(())
}

pub(super) fn read(contents: &Contents<'_>) -> Result<(Ledger, Genealogy)> {
    let broken = |name: &str, e: serde_json::Error| {
        file_error(contents.path, format!("tensor `{name}`: cannot be understood: {e}"))
    };
    let text = contents.text(LEDGER)?;
    let mut ledger: Ledger = serde_json::from_str(text).map_err(|e| broken(LEDGER, e))?;
    let fresh: Vec<f64> = contents.values(FRESH, None)?;
    restore_fresh(&mut ledger, &fresh, contents.path)?;
    let text = contents.text(GENEALOGY)?;
    let genealogy = serde_json::from_str(text).map_err(|e| broken(GENEALOGY, e))?;
    Ok((ledger, genealogy))
}

/// The weights that an edit gives to fresh units.
fn fresh_values(ledger: &mut Ledger) -> impl Iterator<Item = &mut Vec<f64>> {
    let edits = ledger.entries_mut().iter_mut().flat_map(|e| &mut e.edits);
    let units = edits.filter_map(|edit| match edit {
        Edit::Units(units) => Some(&mut units.units),
        _ => None,
    });
    units
        .flatten()
        .flat_map(|unit| match unit {
            NewUnit::Fresh(FreshUnit { values }) => Some(values.values_mut()),
            NewUnit::Combined(_) => None,
        })
        .flatten()
}

/// Moves all weights of fresh units out of the ledger into one array; their lengths stay in their place.
///
/// As numbers in a text they would take twice the room, and could not be infinite.
fn extract_fresh(ledger: &mut Ledger) -> Vec<f64> {
    let mut all = Vec::new();
    for values in fresh_values(ledger) {
        let length = values.len() as f64;
        all.append(values);
        values.push(length);
    }
    all
}

fn restore_fresh(ledger: &mut Ledger, all: &[f64], path: &Path) -> Result<()> {
    let mut rest = all;
    for values in fresh_values(ledger) {
        let found = (values.len() == 1)
            .then(|| values[0] as usize)
            .and_then(|length| rest.split_at_checked(length));
        let Some((own, others)) = found else {
            let reason = format!(
                "tensor `{FRESH}`: expected the weights of each fresh unit in `{LEDGER}`, found {} values",
                all.len()
            );
            return Err(file_error(path, reason));
        };
        *values = own.to_vec();
        rest = others;
    }
    if rest.is_empty() {
        return Ok(());
    }
    Err(file_error(
        path,
        format!(
            "tensor `{FRESH}`: expected {} values, found {}",
            all.len() - rest.len(),
            all.len()
        ),
    ))
}
