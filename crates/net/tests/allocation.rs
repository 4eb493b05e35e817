//! Training, evaluation and scoring allocate nothing once their buffers exist.
// A counting allocator takes an unsafe trait; a test says what it does not check.
#![allow(clippy::unwrap_used, clippy::print_stdout, unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use espalier_net::models::{self, CnnOptions};
use espalier_net::{Activation, DeviceChoice, LossKind, Network, NetworkBuilder, Session, Target, Window};
use espalier_seed::Seed;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call goes to the system's allocator unchanged; counting touches a plain thread-local number.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promise about `layout` is handed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the pointer came from `alloc` above with the same layout.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Expects no allocation in a step, where all products are ours.
///
/// A processor without AVX-512 leaves products to the gemm crate, which allocates the buffers that it packs into, and frees them:
/// there a step allocates as often as the one before.
fn expect_no_allocations(network: Network<f32>, features: usize) {
    let [before, last] = allocations_of_steps(network, features);
    assert_eq!(before, last);
    if is_x86_feature_detected!("avx512f") {
        assert_eq!(last, (0, 0));
    } else {
        println!("skipped: without AVX-512 the gemm crate allocates: {last:?} in a step and a score");
    }
}

/// Counts what the second and the third step allocate: gradients, then evaluation and score.
fn allocations_of_steps(mut network: Network<f32>, features: usize) -> [(usize, usize); 2] {
    let mut session = Session::new(&network, 8, &DeviceChoice::Cpu, &Seed::new(1)).unwrap();
    session.set_background(0, Some(0.3));
    let inputs: Vec<f32> = (0..8 * features).map(|i| if i % 5 == 0 { 0.5 } else { 0.3 }).collect();
    let labels = [0, 1, 2, 3, 0, 1, 2, 3];
    let mut counts = [(0, 0); 3];
    for count in &mut counts {
        let before = ALLOCATIONS.get();
        let target = Target::Classes {
            labels: &labels,
            weights: None,
        };
        session
            .loss_and_gradients(&mut network, &[&inputs], target, LossKind::CrossEntropy)
            .unwrap();
        let between = ALLOCATIONS.get();
        session.evaluate(&network, &[&inputs]).unwrap();
        session
            .score(&network, &[&inputs], target, LossKind::CrossEntropy)
            .unwrap();
        *count = (between - before, ALLOCATIONS.get() - between);
    }
    [counts[1], counts[2]]
}

#[test]
fn a_perceptron_allocates_nothing_in_steady_state() {
    let network = models::mlp(20, &[16, 12], 4, &Seed::new(1)).unwrap();
    expect_no_allocations(network, 20);
}

#[test]
fn a_perceptron_that_skips_the_background_allocates_nothing_in_steady_state() {
    let network = models::mlp(20, &[100, 12], 4, &Seed::new(1)).unwrap();
    expect_no_allocations(network, 20);
}

#[test]
fn a_convolutional_network_allocates_nothing_in_steady_state() {
    let options = CnnOptions {
        map: [8, 8],
        inputs: 2,
        channels: vec![16, 6],
        window: Window::same(3),
        hidden: vec![9],
        outputs: 4,
        batch_norm: true,
    };
    expect_no_allocations(models::cnn(&options, &Seed::new(1)).unwrap(), 128);
}

#[test]
fn gated_units_and_rms_norms_allocate_nothing_in_steady_state() {
    let mut layers = NetworkBuilder::new();
    let x = layers.input("x", [1, 1], 20).unwrap();
    let top = layers.gated_dense("gated", x, 50, Activation::Silu).unwrap();
    let top = layers.rms_norm("norm", top).unwrap();
    let top = layers.gated_dense("second", top, 9, Activation::Gelu).unwrap();
    let logits = layers.dense("logits", top, 4).unwrap();
    let network = layers.build(&[logits], &Seed::new(1)).unwrap();
    expect_no_allocations(network, 20);
}

#[test]
fn the_counter_counts() {
    let before = ALLOCATIONS.get();
    let values = std::hint::black_box(vec![1_u8; 100]);
    assert_eq!(ALLOCATIONS.get() - before, 1);
    drop(values);
}
