//! Finds sizers that read what they must not see.

use std::sync::Arc;

use espalier_data::{Dataset, Examples};
use espalier_seed::Seed;

use crate::error::Result;
use crate::sizer::{Budget, Sizer, run};
use crate::task::Task;

/// What an audit found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audit {
    /// The net is the same whatever the test split holds.
    Blind,
    /// Another test split gives another net.
    ReadsTest,
}

/// Lets a sizer seek twice, the second time with a test split whose targets stand in another order, and compares the
/// nets weight by weight. `make` gets the data as the sizer would.
///
/// # Errors
/// Where the sizer fails.
pub fn audit(make: &dyn Fn(&Arc<Dataset>) -> Box<dyn Sizer>, task: &Task, seed: &Seed) -> Result<Audit> {
    let shuffled = Arc::new(with_other_test(task.data(), seed)?);
    let found = |task: &Task| run(&*make(task.data()), task, seed, Budget::default());
    let (true_one, other) = (found(task)?, found(&task.on(shuffled))?);
    let values = |network: &espalier_net::Network<f32>| -> Vec<u32> {
        let parameters = network.parameters().iter();
        parameters
            .flat_map(|p| p.values().iter().map(|value| value.to_bits()))
            .collect()
    };
    let same = values(&true_one.network) == values(&other.network) && true_one.width == other.width;
    Ok(if same { Audit::Blind } else { Audit::ReadsTest })
}

/// The data with the test split's targets in a drawn order, so that features no longer fit them.
fn with_other_test(data: &Dataset, seed: &Seed) -> Result<Dataset> {
    let rows = data.test.len();
    let order = seed.named("audit").stream().permutation(rows);
    let targets = data.test.targets().select(&order);
    let test = Examples::new(data.test.features().to_vec(), data.test.width(), targets)?;
    Ok(Dataset { test, ..data.clone() })
}
