//! CPU kernels on plain slices: the only room of this crate where unsafe code may live.
//!
//! Every activation is a row-major matrix `[rows, channels]`. For images a row is one
//! position of one sample, rows = samples × height × width, so that the channel is
//! always the last, contiguous axis and dense layers and convolutions share their bias,
//! activation, normalisation, gate and statistics kernels.
//!
//! Nothing here allocates in steady state: outputs and workspaces belong to the caller,
//! and reductions run in a fixed order, so results do not depend on the thread count.
//!
//! # Panics
//! Shapes are the caller's responsibility: a kernel asserts that its slices have the
//! lengths its shape asks for, and panics where they have not.
// Matrix products call the gemm crate through raw pointers, and own micro-kernels use
// processor instructions that are chosen at run time. Each block states why it is sound.
#![allow(unsafe_code)]

#[macro_use]
mod simd;

pub mod activation;
pub mod conv;
pub mod dense;
pub mod dropout;
pub mod element;
pub mod gate;
pub mod gated;
pub mod gather;
pub mod loss;
pub mod norm;
pub mod optimizer;
pub mod pool;
pub mod product;
pub mod sparse;
pub mod statistics;

#[cfg(target_arch = "x86_64")]
mod tile;

pub use element::Element;
pub use product::{ProductShape, Threads};
pub use simd::{InstructionSet, instruction_set};

#[cfg(test)]
mod tests;
