//! What is measured of a network at the end of a task.

use anyhow::Context as _;
use espalier_data::Split;
use espalier_metrics::{UnitMoments, effective_rank, singular_values};
use espalier_net::{GroupId, Network, NodeId};
use espalier_strategy::{Site, emission_sites};
use espalier_train::Trainer;
use espalier_trial::observe;

/// Rows of which the effective rank is taken; it changes little beyond several times the width.
const RANK_ROWS: usize = 500;

/// Units of all hidden layers and how many of them are dead.
pub fn dead_units(trainer: &mut Trainer) -> anyhow::Result<(u64, u64)> {
    let network = trainer.network();
    let of = |group: &GroupId| (network.group(*group).width(), emission_sites(network, *group));
    let groups: Vec<(usize, Vec<Site>)> = network.editable_groups().iter().map(of).collect();
    let sites = groups.iter().flat_map(|(_, sites)| sites);
    let mut nodes: Vec<NodeId> = sites.map(|site| site.node).collect();
    nodes.sort_unstable();
    nodes.dedup();
    let widths: Vec<usize> = nodes.iter().map(|node| network.width(*node)).collect();
    let moments = widths.iter().map(|width| UnitMoments::new(*width));
    let mut moments = moments.collect::<Result<Vec<_>, _>>()?;
    observe(trainer, Split::Train, &nodes, |k, values| {
        moments[k].observe(values, widths[k])
    })?;
    let silent: Vec<Vec<bool>> = moments.iter().map(|m| m.silent(0.0)).collect();
    let dead_at = |site: &Site, unit| {
        let node = nodes.binary_search(&site.node);
        node.is_ok_and(|node| silent[node][site.offset + unit])
    };
    let dead = |(width, sites): &(usize, Vec<Site>)| {
        let dead = |unit: &usize| !sites.is_empty() && sites.iter().all(|site| dead_at(site, *unit));
        (0..*width).filter(dead).count() as u64
    };
    let units: usize = groups.iter().map(|(width, _)| width).sum();
    Ok((units as u64, groups.iter().map(dead).sum()))
}

/// The effective rank of what the output layer reads, on validation rows of the task.
pub fn representation_rank(trainer: &mut Trainer) -> anyhow::Result<f64> {
    let node = last_hidden(trainer.network())?;
    let width = trainer.network().width(node);
    let mut values: Vec<f32> = Vec::new();
    trainer.observe(Split::Validation, &[node], &mut |_, block| {
        if values.len() < RANK_ROWS * width {
            values.extend_from_slice(block);
        }
    })?;
    values.truncate(RANK_ROWS * width);
    Ok(effective_rank(&singular_values(&values, width)?)?)
}

fn last_hidden(network: &Network<f32>) -> anyhow::Result<NodeId> {
    let output = network.outputs().first().context("the network has no output")?;
    let reads = network.node(*output).inputs().first();
    reads.copied().context("the output layer reads nothing")
}
