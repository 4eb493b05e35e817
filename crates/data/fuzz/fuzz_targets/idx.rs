//! No bytes make the idx reader panic, and what it accepts it gives back whole.
#![no_main]

use std::path::Path;

use espalier_data::idx;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|content: &[u8]| {
    for dimensions in 1..=3 {
        if let Ok(file) = idx::parse(content, dimensions, Path::new("fuzz")) {
            assert_eq!(idx::encode(&file.dimensions, file.elements), content);
            let _ = idx::check_labels(file.elements, 10, Path::new("fuzz"));
        }
    }
});
