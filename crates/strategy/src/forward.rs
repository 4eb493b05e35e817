//! A wrapper's methods that do nothing but call the wrapped strategy's.

#[doc(hidden)]
pub use espalier_net::{Applied, Network};

/// Writes methods of [`Strategy`](crate::Strategy) that call the same method of a field.
///
/// A wrapper that only listens, delays or counts writes the methods in which it does so and forwards the others by name;
/// a method that is neither written nor forwarded has the trait's own default, which does nothing.
///
/// # Example
/// ```
/// use espalier_strategy::{Oracle, Proposal, Result, Strategy, View};
///
/// /// Counts how often a strategy proposed something.
/// struct Counted<S> {
///     inner: S,
///     proposals: usize,
/// }
///
/// impl<S: Strategy> Strategy for Counted<S> {
///     espalier_strategy::forward!(inner: name, prepare, territory, needs, settled, state, restore);
///
///     fn propose(&mut self, view: &View<'_>, oracle: &mut dyn Oracle) -> Result<Option<Proposal>> {
///         let proposal = self.inner.propose(view, oracle)?;
///         self.proposals += usize::from(proposal.is_some());
///         Ok(proposal)
///     }
/// }
/// ```
#[macro_export]
macro_rules! forward {
    ($field:ident: $($method:ident),+ $(,)?) => { $( $crate::forward!(@$method $field); )+ };
    (@name $field:ident) => {
        fn name(&self) -> &str { self.$field.name() }
    };
    (@prepare $field:ident) => {
        fn prepare(&mut self, network: &$crate::forward::Network<f32>) -> $crate::Result<()> {
            self.$field.prepare(network)
        }
    };
    (@territory $field:ident) => {
        fn territory(&self, network: &$crate::forward::Network<f32>) -> $crate::Territory {
            self.$field.territory(network)
        }
    };
    (@needs $field:ident) => {
        fn needs(&self, network: &$crate::forward::Network<f32>, clock: &$crate::Clock) -> $crate::Needs {
            self.$field.needs(network, clock)
        }
    };
    (@rests $field:ident) => {
        fn rests(&self, network: &$crate::forward::Network<f32>, clock: &$crate::Clock) -> bool {
            self.$field.rests(network, clock)
        }
    };
    (@control $field:ident) => {
        fn control(&mut self, setting: $crate::Setting, controls: &mut $crate::Controls<'_>) -> $crate::Result<()> {
            self.$field.control(setting, controls)
        }
    };
    (@penalty $field:ident) => {
        fn penalty(&mut self, view: &$crate::View<'_>, gradients: &mut $crate::Gradients<'_>) -> $crate::Result<f64> {
            self.$field.penalty(view, gradients)
        }
    };
    (@gradients $field:ident) => {
        fn gradients(&mut self, view: &$crate::View<'_>, gradients: &mut $crate::Gradients<'_>) -> $crate::Result<()> {
            self.$field.gradients(view, gradients)
        }
    };
    (@settled $field:ident) => {
        fn settled(&mut self, outcome: &$crate::Outcome, network: &$crate::forward::Network<f32>) -> $crate::Result<()> {
            self.$field.settled(outcome, network)
        }
    };
    (@followed $field:ident) => {
        fn followed(
            &mut self,
            applied: &$crate::forward::Applied,
            network: &$crate::forward::Network<f32>,
        ) -> $crate::Result<()> {
            self.$field.followed(applied, network)
        }
    };
    (@readings $field:ident) => {
        fn readings(&self, network: &$crate::forward::Network<f32>) -> Vec<$crate::Reading> {
            self.$field.readings(network)
        }
    };
    (@state $field:ident) => {
        fn state(&self) -> $crate::Result<$crate::State> { self.$field.state() }
    };
    (@restore $field:ident) => {
        fn restore(&mut self, state: &$crate::State) -> $crate::Result<()> { self.$field.restore(state) }
    };
}
