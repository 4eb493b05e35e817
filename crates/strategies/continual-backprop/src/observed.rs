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
            let value = f64::from(*value);
            *sum += value;
            *size += value.abs();
        });
    }
    let rows = (values.len() / channels) as f64;
    sums.iter_mut().chain(&mut sizes).for_each(|sum| *sum /= rows);
    Ok((sums, sizes))
}

/// Σ|w| over the weights that read each unit.
fn fan_out_sums(network: &Network<f32>, group: GroupId) -> Vec<f64> {
    let width = network.group(group).width();
    let mut sums = vec![0.0; width];
    for owner in network.owners(group) {
        let parameter = network.parameter(owner.parameter);
        if owner.side == Side::Outgoing && parameter.role() == Role::Weight {
            let mut of_owner = vec![0.0; width];
            for run in place_runs(network, &owner, 0) {
                // The runs of the other units lie behind that of the first.
                let weights = &parameter.values()[run.start..][..width * run.len()];
                add_sizes(weights, run.len(), &mut of_owner);
            }
            sums.iter_mut().zip(of_owner).for_each(|(sum, own)| *sum += own);
        }
    }
    sums
}

/// Units whose sums grow side by side, so that no addition waits for the one before it.
const ABREAST: usize = 8;

/// Adds Σ|w| of each unit's run of weights, in their order, to its sum.
fn add_sizes(weights: &[f32], run: usize, sums: &mut [f64]) {
    let blocks = weights.chunks(ABREAST * run).zip(sums.chunks_mut(ABREAST));
    for (weights, sums) in blocks {
        let Ok(sums) = <&mut [f64; ABREAST]>::try_from(&mut *sums) else {
            let rows = sums.iter_mut().zip(weights.chunks_exact(run));
            rows.for_each(|(sum, row)| row.iter().for_each(|weight| *sum += f64::from(weight.abs())));
            continue;
        };
        let rows: [&[f32]; ABREAST] = std::array::from_fn(|unit| &weights[unit * run..][..run]);
        let mut own = *sums;
        for place in 0..run {
            own.iter_mut()
                .zip(rows)
                .for_each(|(sum, row)| *sum += f64::from(row[place].abs()));
        }
        *sums = own;
    }
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

#[cfg(test)]
mod tests {
    use espalier_net::Window;
    use espalier_net::models::{self, CnnOptions};
    use espalier_seed::Seed;

    use super::*;

    #[test]
    fn sums_that_grow_side_by_side_are_bit_for_bit_those_of_each_unit_alone() {
        let seed = Seed::new(3);
        // 19 units that a dense layer reads, and maps that a convolution and, at four places each, a dense layer read.
        let mlp = models::mlp(5, &[19], 7, &seed).unwrap();
        let options = CnnOptions {
            map: [8, 8],
            inputs: 1,
            channels: vec![11, 9],
            window: Window::same(3),
            hidden: vec![10],
            outputs: 3,
            batch_norm: false,
        };
        let cnn = models::cnn(&options, &seed).unwrap();
        for network in [mlp, cnn] {
            for group in network.editable_groups() {
                let reads = |o: &espalier_net::Owner| {
                    o.side == Side::Outgoing && network.parameter(o.parameter).role() == Role::Weight
                };
                let owners: Vec<_> = network.owners(group).into_iter().filter(reads).collect();
                let alone = |unit: usize| {
                    let of = |owner: &espalier_net::Owner| {
                        let values = network.parameter(owner.parameter).values();
                        let sizes = places(&network, owner, unit)
                            .into_iter()
                            .map(|place| f64::from(values[place].abs()));
                        sizes.sum::<f64>()
                    };
                    owners.iter().map(of).sum::<f64>().to_bits()
                };
                let expected: Vec<u64> = (0..network.group(group).width()).map(alone).collect();
                let found: Vec<u64> = fan_out_sums(&network, group).into_iter().map(f64::to_bits).collect();
                assert_eq!(found, expected, "{}", network.group(group).name());
            }
        }
    }
}
