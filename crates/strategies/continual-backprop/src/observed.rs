//! What a batch says about a group's units, and what the consumers of a replaced unit miss.

use espalier_net::{GroupId, Layer, Network, NodeId, ParameterId, Role, Side};
use espalier_strategy::{Error, Result, Site, View, check_scores, emission_sites, place_runs, places, sites_read_by};

use crate::account::UnitRecord;

/// What the last batch says about each unit of a group.
pub(crate) struct Observed {
    /// E|h|·Σ|fan-out weights|.
    pub contributions: Vec<f64>,
    /// E h at each place where weights read the unit: `activity[unit][place]`.
    pub activity: Vec<Vec<f64>>,
}

impl Observed {
    pub fn of(view: &View<'_>, group: GroupId) -> Result<Self> {
        let network = view.network;
        let width = network.group(group).width();
        let sites = emission_sites(network, group);
        let mut absolute = vec![0.0_f64; width];
        let mut activity = vec![Vec::with_capacity(sites.len()); width];
        for site in &sites {
            let (means, sizes) = means_at(view, site, width)?;
            for (unit, (mean, size)) in means.into_iter().zip(sizes).enumerate() {
                absolute[unit] += size / sites.len() as f64;
                activity[unit].push(mean);
            }
        }
        let weights = fan_out_sums(network, group);
        let contributions: Vec<f64> = absolute.iter().zip(weights).map(|(a, w)| a * w).collect();
        check_scores(network.group(group).name(), &contributions)?;
        Ok(Self {
            contributions,
            activity,
        })
    }
}

/// E h and E|h| of each unit at one place, over the batch and all positions.
fn means_at(view: &View<'_>, site: &Site, width: usize) -> Result<(Vec<f64>, Vec<f64>)> {
    let channels = view.network.width(site.node);
    let Some(values) = view.activation(site.node).filter(|v| !v.is_empty()) else {
        let name = view.network.node(site.node).name();
        return Err(Error::observation(name, "the activations of the last batch", "none"));
    };
    // Apart, so that both sums vectorise over the units.
    let (mut sums, mut sizes) = (vec![0.0_f64; width], vec![0.0_f64; width]);
    for row in values.chunks_exact(channels) {
        let units = sums.iter_mut().zip(&mut sizes).zip(&row[site.offset..]);
        units.for_each(|((sum, size), value)| {
            *sum += f64::from(*value);
            *size += f64::from(value.abs());
        });
    }
    let rows = (values.len() / channels) as f64;
    sums.iter_mut().chain(&mut sizes).for_each(|sum| *sum /= rows);
    Ok((sums, sizes))
}

/// Σ|w| over the weights that read each unit.
fn fan_out_sums(network: &Network<f32>, group: GroupId) -> Vec<f64> {
    let mut sums = vec![0.0; network.group(group).width()];
    for owner in network.owners(group) {
        let parameter = network.parameter(owner.parameter);
        if owner.side == Side::Outgoing && parameter.role() == Role::Weight {
            for (unit, sum) in sums.iter_mut().enumerate() {
                let runs = place_runs(network, &owner, unit).map(|run| &parameter.values()[run]);
                *sum += runs.flatten().map(|weight| f64::from(weight.abs())).sum::<f64>();
            }
        }
    }
    sums
}

/// Adds what units emit on average, times their fan-out weights, to the biases of the dense layers that read them, and
/// returns these biases. As in the authors' code, units of convolutions leave theirs as they are.
pub(crate) fn move_activity(
    network: &mut Network<f32>,
    group: GroupId,
    units: &[usize],
    records: &[UnitRecord],
    decay: f64,
) -> Vec<ParameterId> {
    let sites = emission_sites(network, group);
    let mut touched = Vec::new();
    for reader in network.order().to_vec() {
        let read = places_read(network, reader, group, &sites);
        let node = network.node(reader);
        let (Some(weight), Some(bias), false) = (
            node.parameter(Role::Weight),
            node.parameter(Role::Bias),
            read.is_empty(),
        ) else {
            continue;
        };
        for &unit in units {
            let activity = records[unit].corrected_activity(decay);
            let mean = read.iter().map(|place| activity[*place]).sum::<f64>() / read.len() as f64;
            add_to_bias(network, group, unit, mean, weight, bias);
        }
        touched.push(bias);
    }
    touched
}

/// The positions in `sites` of the places at which a dense layer reads a group's units; none for maps and other layers.
fn places_read(network: &Network<f32>, reader: NodeId, group: GroupId, sites: &[Site]) -> Vec<usize> {
    if !matches!(network.node(reader).layer(), Layer::Dense { .. }) {
        return Vec::new();
    }
    let read = sites_read_by(network, reader, group);
    let single = |site: &Site| network.node(site.node).positions() == 1;
    (0..sites.len())
        .filter(|k| read.contains(&sites[*k]) && single(&sites[*k]))
        .collect()
}

fn add_to_bias(
    network: &mut Network<f32>,
    group: GroupId,
    unit: usize,
    mean: f64,
    weight: ParameterId,
    bias: ParameterId,
) {
    let owners = network.owners(group).into_iter();
    let reading = owners.filter(|o| o.parameter == weight && o.side == Side::Outgoing);
    let rows: Vec<usize> = reading.flat_map(|o| places(network, &o, unit)).collect();
    let weights = network.parameter(weight).values().to_vec();
    let values = network.parameter_mut(bias).values_mut();
    let width = values.len();
    for place in rows {
        let value = &mut values[place % width];
        *value = (f64::from(*value) + f64::from(weights[place]) * mean) as f32;
    }
}
