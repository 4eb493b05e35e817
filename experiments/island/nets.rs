//! Students that learn small teachers.

use espalier_net::{DeviceChoice, LossKind, Network, Optimizer, OptimizerKind, Session, Target, models};
use espalier_seed::Seed;

use crate::Sizes;

const INPUTS: usize = 2;

/// What teacher and students see: inputs, and the teacher's values with mean 0 and variance 1.
struct Lesson {
    inputs: Vec<f32>,
    values: Vec<f32>,
}

/// Trains all students of one teacher; the quality is the share of the variance that a student explains, 0 where it explains none.
pub fn qualities(teacher: usize, wider: usize, s: &Sizes, seed: &Seed) -> anyhow::Result<Vec<f64>> {
    let lesson = lesson(teacher, s.samples, &seed.named("teacher").index(teacher as u64))?;
    let students = seed.named("students");
    let of = |k| student(teacher * wider, &lesson, s, &students.index(k));
    (0..s.students as u64).map(of).collect()
}

fn lesson(units: usize, samples: usize, seed: &Seed) -> anyhow::Result<Lesson> {
    let mut teacher: Network<f32> = models::mlp(INPUTS, &[units], 1, seed)?;
    let mut weights = seed.named("weights").stream();
    for id in teacher.trained_ids().collect::<Vec<_>>() {
        let values = teacher.parameter_mut(id).values_mut();
        values.iter_mut().for_each(|value| *value = weights.normal() as f32);
    }
    let mut drawn = seed.named("inputs").stream();
    let inputs: Vec<f32> = (0..samples * INPUTS).map(|_| drawn.normal() as f32).collect();
    let mut session = Session::new(&teacher, samples, &DeviceChoice::Cpu, seed)?;
    let values = session.evaluate(&teacher, &[&inputs])?.get(0).to_vec();
    let mean = values.iter().sum::<f32>() / samples as f32;
    let spread = (values.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / samples as f32).sqrt();
    anyhow::ensure!(
        spread > 0.0,
        "a teacher of {units} units: expected values that differ, found {mean} throughout"
    );
    let values = values.iter().map(|value| (value - mean) / spread).collect();
    Ok(Lesson { inputs, values })
}

fn student(units: usize, lesson: &Lesson, s: &Sizes, seed: &Seed) -> anyhow::Result<f64> {
    let mut network: Network<f32> = models::mlp(INPUTS, &[units], 1, seed)?;
    let mut session = Session::new(&network, s.samples, &DeviceChoice::Cpu, seed)?;
    let mut optimizer = Optimizer::new(OptimizerKind::adam(), &network)?;
    let mut loss = f64::NAN;
    for _ in 0..s.steps {
        let target = Target::Values(&lesson.values);
        let outcome =
            session.loss_and_gradients(&mut network, &[&lesson.inputs], target, LossKind::MeanSquaredError)?;
        loss = outcome.loss;
        optimizer.step(&mut network, |id| session.gradient(id), s.learning_rate)?;
    }
    // A student that diverged has found nothing.
    Ok(if loss.is_finite() { (1.0 - loss).max(0.0) } else { 0.0 })
}
