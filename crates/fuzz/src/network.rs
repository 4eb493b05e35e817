//! Files of networks.

use espalier_net::models::{self, CnnOptions};
use espalier_net::{Network, Window, export, save};
use espalier_seed::Seed;

use crate::sum::read_summed;

pub(crate) fn network(bytes: &[u8]) -> bool {
    let read = |bytes: &[u8]| save::from_bytes::<f32>(bytes).map_err(|error| error.to_string());
    read_summed(bytes, read).is_some_and(|read| network_again(&read))
}

/// What is read can be written, and is then read as the same bytes.
fn network_again(read: &save::Checkpoint<'_>) -> bool {
    let bytes = save::to_bytes(read).expect("what was read can be written");
    let again = save::from_bytes::<f32>(&bytes).expect("what was written can be read");
    assert_eq!(save::to_bytes(&again).expect("what was read can be written"), bytes);
    true
}

/// Weights are taken whole, or refused and the network left as it was.
pub(crate) fn state_dict(bytes: &[u8]) -> bool {
    let mut network = small();
    let before = network.clone();
    if export::from_bytes(bytes, &mut network).is_err() {
        assert_eq!(network, before, "a refused file changed the network");
        return false;
    }
    let written = export::to_bytes(&network).expect("a network can be written");
    let mut again = small();
    export::from_bytes(&written, &mut again).expect("what was written can be read");
    assert_eq!(export::to_bytes(&again).expect("a network can be written"), written);
    true
}

/// A network with every kind of tensor that a state dict has: dense, convolution, batch norm.
pub(crate) fn small() -> Network<f32> {
    let options = CnnOptions {
        map: [4, 4],
        inputs: 1,
        channels: vec![2],
        window: Window::same(3),
        hidden: vec![3],
        outputs: 2,
        batch_norm: true,
    };
    models::cnn(&options, &Seed::new(1)).expect("the small network can be built")
}
