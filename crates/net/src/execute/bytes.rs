//! Memory as counted.

/// The bytes that a workspace keeps alive, counted from what it allocated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bytes {
    /// Activations and their gradients, with masks, indices and statistics saved for the backward pass.
    pub activations: usize,
    /// Gradients of parameters, and weights multiplied by masks or folded gates.
    pub parameters: usize,
    /// Scratch memory of the kernels.
    pub scratch: usize,
}

impl Bytes {
    /// The sum.
    #[must_use]
    pub fn total(self) -> usize {
        self.activations + self.parameters + self.scratch
    }
}
