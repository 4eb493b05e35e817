//! Can any statistic of a layer's weights say whether the layer is too narrow?
//!
//! # Question
//! Study 003 gave up on metrics of a single layer with this argument: let a net M be too narrow for a
//! data set d1. Draw noise, label it by M itself, and call that d2. On d2 the same weights score
//! 100 %, so M is wide enough there; a metric of the weights alone gives one answer for both and must
//! be wrong on one. Does the construction hold, and which metrics does it reach?
//!
//! # Method
//! M is a net 784-16-10 trained on images; a net of 256 units shows that it is too narrow. The same M
//! then meets validation images and two kinds of noise that it labels itself. Each trial scores it
//! and measures the layer by its weights (ranks, norm) and by its activations (spreads, W, components).
//!
//! # Baselines
//! The images: every number on noise is set beside the same number there, paired by seed.
//!
//! # Sources
//! Study 003, fastdeepnets journal, "conjecture" after the PCA section (2017-10-20).
//!
//! # Differences from the study
//! The study argued in words; here it is run. Metrics of the activations are measured too, as the
//! argument does not cover them: they depend on the data.

mod report;

use anyhow::Context as _;
use espalier_data::{Examples, Targets};
use espalier_metrics::{
    CovarianceAccumulator, Pca, UnitMoments, effective_rank, shapiro_wilk, singular_values, stable_rank,
};
use espalier_net::{DeviceChoice, Session};
use espalier_seed::Stream;
use espalier_trial::prelude::*;
use espalier_trial::{VALIDATION_IMAGES, accuracy};

/// Noise images drawn; as many as there are validation images.
const NOISE_IMAGES: usize = VALIDATION_IMAGES;
/// Images per pass.
const PASS: usize = 500;
/// Half the side of the uniform noise: its variance is 1, as that of standardised images.
const UNIFORM_REACH: f64 = 1.732_050_807_568_877_2;

named! {
    /// What M meets: the only thing that differs between variants.
    enum Meets {
        Images = "images",
        NormalNoise = "normal noise",
        UniformNoise = "uniform noise",
    }
}

rows! {
    /// M's score and the metrics of its hidden layer on what it meets.
    struct Meeting = "meetings" {
        meets: String,
        accuracy: f64,
        /// Validation accuracy of the wide net on images.
        wide_accuracy: f64,
        effective_rank: f64,
        stable_rank: f64,
        weight_norm: f64,
        total_spread: f64,
        shapiro_w: f64,
        components_95: u64,
        dead_units: u64,
    }
}

settings! {
    /// What a run sets.
    struct Choices {
        seeds = [smoke 1, quick 6, full 11];
        width: usize = 16 "hidden units of M", Range::at_least(3.0);
        wide: usize = 256 "hidden units of the net that shows M to be too narrow", Range::WIDTH;
        epochs: u64 = [smoke 1, quick 3, full 10] "passes over the training split", Range::EPOCHS;
    }
}

struct Conjecture;

impl Design for Conjecture {
    type Settings = Choices;
    type Variant = Meets;

    const ABOUT: About = About {
        name: "conjecture",
        title: "Can any statistic of a layer's weights say whether the layer is too narrow?",
        study: "003",
        summary: "Shows one net a data set for which it is too narrow and noise that it labels itself, \
                  for which it is wide enough, and compares what metrics of its layer say.",
    };

    fn golden(&self) -> Golden {
        espalier_experiment::golden!("golden/conjecture.json")
            .run(Preset::Quick, "mnist", &[], &[])
            .run(Preset::Quick, "fashion-mnist", &[], &[])
    }

    fn variants(&self, _: &Choices) -> anyhow::Result<Vec<Meets>> {
        Ok(Meets::ALL.to_vec())
    }

    fn trial(&self, context: &mut TrialContext<'_, Meets>, settings: &Choices) -> anyhow::Result<()> {
        let (meets, mut wide_accuracy) = (*context.variant(), f64::NAN);
        let narrow = trained(context, settings, "width", settings.width)?;
        let shown = match meets {
            Meets::Images => {
                let wide = trained(context, settings, "wide", settings.wide)?;
                let images = context.dataset()?.validation.clone();
                wide_accuracy = accuracy(&wide, &images)?;
                images
            }
            Meets::NormalNoise => labelled(&narrow, noise(context, Stream::normal))?,
            Meets::UniformNoise => labelled(&narrow, noise(context, |s| s.uniform_in(-UNIFORM_REACH, UNIFORM_REACH)))?,
        };
        let meeting = measured(&narrow, &shown)?;
        Ok(context.record(&Meeting {
            wide_accuracy,
            meets: meets.to_string(),
            ..meeting
        })?)
    }

    fn stand_in(&self, meets: &Meets, missing: Missing, rows: &mut Record) -> anyhow::Result<()> {
        Ok(rows.push(&Meeting {
            meets: meets.to_string(),
            accuracy: missing.accuracy(),
            wide_accuracy: missing.accuracy(),
            ..blank()?
        })?)
    }

    fn footprint(&self, _: &Meets, settings: &Choices, data: &Dataset, _: usize) -> Footprint {
        let (inputs, outputs) = (data.info.features, data.info.targets.outputs());
        let nets = [settings.width, settings.wide]
            .map(|units| Footprint::default().dense(&[inputs, units, outputs], PASS).total());
        Footprint::default()
            .part("nets", nets.iter().sum())
            .matrix("covariance and components", 3 * settings.width, settings.width)
            .matrix("noise", NOISE_IMAGES, inputs)
    }

    fn page(&self, run: &Run<'_, Self>) -> anyhow::Result<Report> {
        report::page(run)
    }
}

/// Trains a net on the images; the same one in every variant of a seed.
fn trained(
    context: &mut TrialContext<'_, Meets>,
    settings: &Choices,
    name: &str,
    units: usize,
) -> anyhow::Result<Network<f32>> {
    let seed = context.seed().named(name);
    let regime = Regime {
        epochs: settings.epochs,
        ..Regime::classification(OptimizerKind::adam())
    };
    let training = Training::new(context, regime, &seed).mlp(&[units]);
    Ok(training.untested().unrecorded().run(name)?.into_network())
}

/// Pixels drawn one by one.
fn noise(context: &TrialContext<'_, Meets>, draw: impl Fn(&mut Stream) -> f64) -> Vec<f32> {
    let mut stream = context.seed().named("noise").stream();
    (0..NOISE_IMAGES * 784).map(|_| draw(&mut stream) as f32).collect()
}

/// Inputs with the labels that the net gives them.
fn labelled(network: &Network<f32>, pixels: Vec<f32>) -> anyhow::Result<Examples> {
    let classes = network.outputs().first().map_or(1, |id| network.width(*id));
    let mut session = Session::new(network, PASS, &DeviceChoice::Cpu, &Seed::new(0))?;
    let mut labels = Vec::with_capacity(NOISE_IMAGES);
    for block in pixels.chunks(PASS * 784) {
        let outputs = session.evaluate(network, &[block])?;
        let best = |row: &[f32]| (1..row.len()).fold(0, |best, i| if row[i] > row[best] { i } else { best });
        labels.extend(outputs.first().chunks_exact(classes).map(|row| best(row) as u32));
    }
    Ok(Examples::new(pixels, 784, Targets::Classes(labels))?)
}

/// Scores the net and measures its hidden layer.
fn measured(network: &Network<f32>, shown: &Examples) -> anyhow::Result<Meeting> {
    let weight = network.parameter(network.find_parameter("hidden1.weight")?);
    let (units, singular) = (weight.shape()[1], singular_values(weight.values(), weight.shape()[1])?);
    let (mut moments, mut covariance) = (UnitMoments::new(units)?, CovarianceAccumulator::new(units)?);
    let [relu, hidden] = [network.find("relu1")?, network.find("hidden1")?];
    let mut session = Session::new(network, PASS, &DeviceChoice::Cpu, &Seed::new(0))?;
    session.observe(&[relu, hidden]);
    for block in shown.features().chunks(PASS * shown.width()) {
        session.evaluate(network, &[block])?;
        let seen = |node| session.activation(node).context("the layer's values were asked for");
        moments.observe(seen(relu)?, units)?;
        covariance.observe(seen(hidden)?, units)?;
    }
    let spreads = moments.std();
    Ok(Meeting {
        accuracy: accuracy(network, shown)?,
        effective_rank: effective_rank(&singular)?,
        stable_rank: stable_rank(&singular)?,
        weight_norm: singular.iter().map(|s| s * s).sum::<f64>().sqrt(),
        total_spread: spreads.iter().sum(),
        shapiro_w: shapiro_wilk(&spreads)?.w,
        components_95: Pca::of(&covariance.finish()?)?.components_for(0.95) as u64,
        dead_units: moments.dead(0.0).iter().filter(|dead| **dead).count() as u64,
        ..blank()?
    })
}

espalier_trial::main!(Conjecture);
