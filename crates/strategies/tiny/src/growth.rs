//! From the closed form to an edit: the group that promises most, and how strong its new units are.

use espalier_net::{ApplyOptions, FreshUnit, Network, NodeId, Plan, Role, Side, Units};
use espalier_strategy::{Effect, Error, Oracle, Probe, Proposal, Result, Sample, slice_key};
use faer::{Mat, MatRef};

use crate::settings::TinySettings;
use crate::site::{Site, supported};
use crate::solution::{Solution, solve};

/// The exponents of the amplitudes that are tried, powers of two.
const AMPLITUDES: std::ops::RangeInclusive<i32> = -9..=6;

/// New units for one group, at amplitude 1.
struct Growth {
    site: Site,
    solution: Solution,
    /// The decrease of the loss to first order.
    decrease: f64,
}

/// Proposes units for the group that promises most; nothing where no amplitude lowers the loss.
pub(crate) fn propose(
    settings: &TinySettings,
    network: &Network<f32>,
    oracle: &mut dyn Oracle,
) -> Result<Option<Proposal>> {
    let sites = supported(&settings.groups, network)?;
    let mut nodes: Vec<NodeId> = sites
        .iter()
        .flat_map(|site| [site.input, site.emitted, site.consumer])
        .collect();
    nodes.sort_unstable();
    nodes.dedup();
    let probe = oracle.probe(network, &nodes)?;
    let mut best: Option<Growth> = None;
    for site in sites {
        let growth = grow(settings, network, &probe, site)?;
        if growth.decrease > best.as_ref().map_or(0.0, |best| best.decrease) {
            best = Some(growth);
        }
    }
    let Some(growth) = best else { return Ok(None) };
    amplified(network, oracle, &growth)
}

fn grow(settings: &TinySettings, network: &Network<f32>, probe: &Probe, site: Site) -> Result<Growth> {
    let with_ones = |node: NodeId, reader: NodeId| {
        let values = probe.activation(node).unwrap_or_default();
        matrix(network, node, probe.samples, values, site.has_bias(network, reader))
    };
    let inputs = with_ones(site.input, site.producer)?;
    let emitted = with_ones(site.emitted, site.consumer)?;
    let gradients = probe.activation_gradient(site.consumer).unwrap_or_default();
    let gradients = matrix(network, site.consumer, probe.samples, gradients, false)?;
    // The probe's loss is a mean over samples: n times its gradient is that of each sample's own loss.
    let n = probe.samples as f64;
    let desired = Mat::from_fn(gradients.nrows(), gradients.ncols(), |i, j| -n * gradients[(i, j)]);
    let solution = solve(
        inputs.as_ref(),
        emitted.as_ref(),
        desired.as_ref(),
        settings.new_units,
        settings.cutoff,
    )?;
    let decrease = first_order(&site, inputs.as_ref(), desired.as_ref(), &solution);
    Ok(Growth {
        site,
        solution,
        decrease,
    })
}

/// E[V · fan-out · f(fan-in · B)].
fn first_order(site: &Site, inputs: MatRef<'_, f64>, desired: MatRef<'_, f64>, solution: &Solution) -> f64 {
    let read = inputs * &solution.fan_in;
    let pulled = desired * &solution.fan_out;
    let columns = 0..read.ncols();
    let sum: f64 = columns
        .map(|k| {
            (0..read.nrows())
                .map(|i| pulled[(i, k)] * site.function.value(read[(i, k)]))
                .sum::<f64>()
        })
        .sum();
    sum / read.nrows().max(1) as f64
}

fn matrix(network: &Network<f32>, node: NodeId, samples: usize, values: &[f32], ones: bool) -> Result<Mat<f64>> {
    let width = network.width(node) * network.node(node).positions();
    if values.len() != samples * width {
        let expected = format!("{} values on the growth batch", samples * width);
        return Err(Error::observation(
            network.node(node).name(),
            expected,
            values.len().to_string(),
        ));
    }
    Ok(Mat::from_fn(samples, width + usize::from(ones), |i, j| {
        if j < width {
            f64::from(values[i * width + j])
        } else {
            1.0
        }
    }))
}

/// The edit at the amplitude with the lowest loss, where one is lower than the present.
fn amplified(network: &Network<f32>, oracle: &mut dyn Oracle, growth: &Growth) -> Result<Option<Proposal>> {
    let mut best = (oracle.loss(network, Sample::Growth)?, None);
    for exponent in AMPLITUDES {
        let amplitude = 2.0_f64.powi(exponent);
        let plan = plan(network, growth, amplitude);
        let mut draft = network.clone();
        draft.apply(&plan, &ApplyOptions::default())?;
        let loss = oracle.loss(&draft, Sample::Growth)?;
        if loss < best.0 {
            best = (loss, Some((plan, amplitude)));
        }
    }
    let Some((plan, amplitude)) = best.1 else {
        return Ok(None);
    };
    let random = network.nodes().iter().any(|node| node.layer().is_random());
    let proposal = Proposal::new(plan);
    Ok(Some(if random {
        proposal
    } else {
        proposal.predicting(amplitude * growth.decrease, Effect::Edit)
    }))
}

fn plan(network: &Network<f32>, growth: &Growth, amplitude: f64) -> Plan {
    let (site, solution) = (&growth.site, &growth.solution);
    let owners = network.owners(site.group);
    let inputs = solution.fan_in.nrows() - usize::from(site.has_bias(network, site.producer));
    let unit = |k: usize| {
        let mut fresh = FreshUnit::default();
        for owner in &owners {
            let role = network.parameter(owner.parameter).role();
            let values = match (owner.side, role) {
                (Side::Incoming, Role::Weight) => (0..inputs).map(|i| solution.fan_in[(i, k)]).collect(),
                (Side::Incoming, Role::Bias) => vec![solution.fan_in[(inputs, k)]],
                (Side::Outgoing, Role::Weight) => {
                    solution.fan_out.col(k).iter().map(|value| amplitude * value).collect()
                }
                _ => continue,
            };
            fresh.values.insert(slice_key(network, owner), values);
        }
        fresh
    };
    let units: Vec<FreshUnit> = (0..solution.strengths.len()).map(unit).collect();
    let name = network.group(site.group).name();
    let reason = format!("{name} +{}, amplitude {amplitude}", units.len());
    Plan::new(&reason).with(Units::of(network, site.group).widen(units).edit("tiny"))
}
