//! The arithmetic peak of this machine's single-threaded matrix products.

use std::time::Instant;

use espalier_net::kernels::Threads;
use espalier_net::kernels::product::{Epilogue, Operands, ProductShape, Strided, forward, product_by_crate};

const SIDE: usize = 1024;

/// Square matrices whose product is timed.
#[derive(Debug)]
pub struct Peak {
    left: Vec<f32>,
    right: Vec<f32>,
    out: Vec<f32>,
}

impl Default for Peak {
    fn default() -> Self {
        let filled = |scale: usize| {
            (0..SIDE * SIDE)
                .map(|i| (i * scale % 1013) as f32 / 1013.0 - 0.5)
                .collect()
        };
        Self {
            left: filled(7919),
            right: filled(104_729),
            out: vec![0.0; SIDE * SIDE],
        }
    }
}

impl Peak {
    /// The highest rate, in floating-point operations per second, of single products of side 1024 within `seconds`;
    /// the gemm crate and this project's own kernels take turns.
    pub fn measure(&mut self, seconds: f64) -> f64 {
        let begin = Instant::now();
        let mut shortest = f64::INFINITY;
        let mut own = false;
        while begin.elapsed().as_secs_f64() < seconds || shortest.is_infinite() {
            let start = Instant::now();
            self.product(own);
            shortest = shortest.min(start.elapsed().as_secs_f64());
            own = !own;
        }
        2.0 * (SIDE * SIDE * SIDE) as f64 / shortest
    }

    fn product(&mut self, own: bool) {
        if own {
            let shape = ProductShape {
                rows: SIDE,
                fan_in: SIDE,
                fan_out: SIDE,
            };
            return forward(shape, &self.left, &self.right, &mut self.out, false, Threads::One);
        }
        let operands = Operands {
            rows: SIDE,
            columns: SIDE,
            inner: SIDE,
            left: Strided::row_major(&self.left, SIDE),
            right: Strided::row_major(&self.right, SIDE),
            out: &mut self.out,
            out_stride: SIDE,
            accumulate: false,
        };
        product_by_crate(operands, Epilogue::none(), Threads::One);
    }
}
