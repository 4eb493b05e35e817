//! Wrappers in place of flags: a budget, a delay, a cadence, a rest for each unit, turns.

mod alternating;
mod budgeted;
mod cadence;
mod once_per_unit;

pub use alternating::Alternating;
pub use budgeted::Budgeted;
pub use cadence::{Delayed, EveryKEpochs};
pub use once_per_unit::OncePerUnit;

/// Forwards what a wrapper leaves as it is.
macro_rules! forward {
    () => {
        fn name(&self) -> &str {
            self.inner.name()
        }

        fn territory(&self, network: &espalier_net::Network<f32>) -> crate::strategy::Territory {
            self.inner.territory(network)
        }

        fn needs(&self, network: &espalier_net::Network<f32>, clock: &crate::view::Clock) -> crate::needs::Needs {
            self.inner.needs(network, clock)
        }

        fn rests(&self, network: &espalier_net::Network<f32>, clock: &crate::view::Clock) -> bool {
            self.inner.rests(network, clock)
        }

        fn control(
            &mut self,
            setting: crate::controls::Setting,
            controls: &mut crate::controls::Controls<'_>,
        ) -> crate::error::Result<()> {
            self.inner.control(setting, controls)
        }

        fn penalty(
            &mut self,
            view: &crate::view::View<'_>,
            gradients: &mut crate::gradients::Gradients<'_>,
        ) -> crate::error::Result<f64> {
            self.inner.penalty(view, gradients)
        }

        fn gradients(
            &mut self,
            view: &crate::view::View<'_>,
            gradients: &mut crate::gradients::Gradients<'_>,
        ) -> crate::error::Result<()> {
            self.inner.gradients(view, gradients)
        }

        fn followed(
            &mut self,
            applied: &espalier_net::Applied,
            network: &espalier_net::Network<f32>,
        ) -> crate::error::Result<()> {
            self.inner.followed(applied, network)
        }

        fn readings(&self, network: &espalier_net::Network<f32>) -> Vec<crate::reading::Reading> {
            self.inner.readings(network)
        }
    };
}
pub(crate) use forward;
