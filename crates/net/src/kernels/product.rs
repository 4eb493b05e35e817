//! Matrix products of the shapes that training needs, without transposing or copying an operand.
//!
//! With activations `x` (rows, in), weights `w` (in, out) and output gradients `dy` (rows, out),
//! the three products of a layer are y = x·w, dw = xᵀ·dy and dx = dy·wᵀ. Single precision on a
//! processor with AVX-512 runs through the micro-kernels of the `tile` module, everything else through the gemm crate.

use super::Element;

/// How many threads one kernel call may use.
///
/// Results are the same for every choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Threads {
    /// The calling thread alone: right for sweeps, where every core has a model of its own.
    #[default]
    One,
    /// Up to this many threads of rayon's current pool: right for a single large network.
    Pool(usize),
}

impl Threads {
    /// Says how many threads may be used at most.
    #[must_use]
    pub fn count(self) -> usize {
        match self {
            Threads::One => 1,
            Threads::Pool(count) => count.max(1),
        }
    }
}

/// The extent of a layer's three products.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProductShape {
    /// Rows of the activations: samples, or samples × positions.
    pub rows: usize,
    /// Fan-in: columns of the input, rows of the weights.
    pub fan_in: usize,
    /// Fan-out: columns of the output and of the weights.
    pub fan_out: usize,
}

/// A matrix in a slice, with the distance between neighbours along each axis.
#[derive(Clone, Copy, Debug)]
pub struct Strided<'a, E> {
    /// The elements.
    pub data: &'a [E],
    /// Distance between two rows.
    pub row_stride: usize,
    /// Distance between two columns.
    pub column_stride: usize,
}

impl<'a, E> Strided<'a, E> {
    /// Views row-major data with `columns` columns.
    #[must_use]
    pub fn row_major(data: &'a [E], columns: usize) -> Self {
        Self {
            data,
            row_stride: columns,
            column_stride: 1,
        }
    }

    /// Views the transpose of row-major data with `columns` columns.
    #[must_use]
    pub fn transposed(data: &'a [E], columns: usize) -> Self {
        Self {
            data,
            row_stride: 1,
            column_stride: columns,
        }
    }

    fn assert_holds(&self, rows: usize, columns: usize, name: &str) {
        let needed = extent(rows, columns, self.row_stride, self.column_stride);
        assert!(
            needed <= self.data.len(),
            "{name} operand of {rows} × {columns} needs {needed} elements, found {}",
            self.data.len()
        );
    }
}

/// Elements that a strided matrix spans.
fn extent(rows: usize, columns: usize, row_stride: usize, column_stride: usize) -> usize {
    if rows == 0 || columns == 0 {
        0
    } else {
        (rows - 1) * row_stride + (columns - 1) * column_stride + 1
    }
}

/// One matrix product out = left · right, or out += left · right.
#[derive(Debug)]
pub struct Operands<'a, E> {
    /// Rows of the result.
    pub rows: usize,
    /// Columns of the result.
    pub columns: usize,
    /// Terms of each sum.
    pub inner: usize,
    /// The left operand, rows × inner.
    pub left: Strided<'a, E>,
    /// The right operand, inner × columns.
    pub right: Strided<'a, E>,
    /// The result, row-major.
    pub out: &'a mut [E],
    /// Distance between two rows of the result, at least `columns`.
    pub out_stride: usize,
    /// Whether to add to what the result holds.
    pub accumulate: bool,
}

impl<E> Operands<'_, E> {
    /// Asserts that every slice spans its matrix.
    pub(super) fn assert_valid(&self) {
        self.left.assert_holds(self.rows, self.inner, "left");
        self.right.assert_holds(self.inner, self.columns, "right");
        let needed = extent(self.rows, self.columns, self.out_stride, 1);
        assert!(self.out_stride >= self.columns, "rows of the result overlap");
        assert!(
            needed <= self.out.len(),
            "result of {} × {} needs {needed} elements, found {}",
            self.rows,
            self.columns,
            self.out.len()
        );
    }
}

/// What to do with each element of a product while it is in a register.
#[derive(Clone, Copy, Debug)]
pub struct Epilogue<'a, E> {
    /// Added to every row.
    pub bias: Option<&'a [E]>,
    /// Whether negative results become zero.
    pub relu: bool,
}

impl<E> Epilogue<'_, E> {
    /// Leaves the product as it is.
    #[must_use]
    pub fn none() -> Self {
        Self {
            bias: None,
            relu: false,
        }
    }
}

/// Computes y = x · w, or y += x · w.
///
/// # Shapes
/// x (rows, fan_in), w (fan_in, fan_out), y (rows, fan_out), all row-major.
pub fn forward<E: Element>(shape: ProductShape, x: &[E], w: &[E], y: &mut [E], accumulate: bool, threads: Threads) {
    let operands = Operands {
        rows: shape.rows,
        columns: shape.fan_out,
        inner: shape.fan_in,
        left: Strided::row_major(x, shape.fan_in),
        right: Strided::row_major(w, shape.fan_out),
        out: y,
        out_stride: shape.fan_out,
        accumulate,
    };
    E::product(operands, Epilogue::none(), threads);
}

/// Computes dw = xᵀ · dy, or dw += xᵀ · dy.
///
/// # Shapes
/// x (rows, fan_in), dy (rows, fan_out), dw (fan_in, fan_out), all row-major.
pub fn weight_gradient<E: Element>(
    shape: ProductShape,
    x: &[E],
    dy: &[E],
    dw: &mut [E],
    accumulate: bool,
    threads: Threads,
) {
    let operands = Operands {
        rows: shape.fan_in,
        columns: shape.fan_out,
        inner: shape.rows,
        left: Strided::transposed(x, shape.fan_in),
        right: Strided::row_major(dy, shape.fan_out),
        out: dw,
        out_stride: shape.fan_out,
        accumulate,
    };
    E::product(operands, Epilogue::none(), threads);
}

/// Computes dx = dy · wᵀ, or dx += dy · wᵀ.
///
/// # Shapes
/// dy (rows, fan_out), w (fan_in, fan_out), dx (rows, fan_in), all row-major.
pub fn input_gradient<E: Element>(
    shape: ProductShape,
    dy: &[E],
    w: &[E],
    dx: &mut [E],
    accumulate: bool,
    threads: Threads,
) {
    let operands = Operands {
        rows: shape.rows,
        columns: shape.fan_in,
        inner: shape.fan_out,
        left: Strided::row_major(dy, shape.fan_out),
        right: Strided::transposed(w, shape.fan_out),
        out: dx,
        out_stride: shape.fan_in,
        accumulate,
    };
    E::product(operands, Epilogue::none(), threads);
}

/// Computes a product in single precision, by own micro-kernels where the processor has AVX-512.
pub(super) fn product_f32(operands: Operands<'_, f32>, epilogue: Epilogue<'_, f32>, threads: Threads) {
    #[cfg(target_arch = "x86_64")]
    if super::tile::can_compute(&operands) && tiles_pay(&operands) {
        super::tile::product(operands, epilogue, threads);
        return;
    }
    product_by_crate(operands, epilogue, threads);
}

/// Says whether the micro-kernels beat the gemm crate: on narrow results, which need no packing, on few
/// rows, and where the right operand would be packed by scalar transposition.
#[cfg(target_arch = "x86_64")]
fn tiles_pay(operands: &Operands<'_, f32>) -> bool {
    operands.columns <= super::tile::PANEL
        || operands.rows <= super::tile::FEW_ROWS
        || (operands.right.column_stride != 1 && operands.inner >= 128)
}

/// Computes a product by the gemm crate, then applies the epilogue.
pub fn product_by_crate<E: Element>(operands: Operands<'_, E>, epilogue: Epilogue<'_, E>, threads: Threads) {
    operands.assert_valid();
    let Operands {
        rows,
        columns,
        inner,
        left,
        right,
        out,
        out_stride,
        accumulate,
    } = operands;
    if rows == 0 || columns == 0 {
        return;
    }
    let parallelism = match threads {
        Threads::One => gemm::Parallelism::None,
        Threads::Pool(count) => gemm::Parallelism::Rayon(count),
    };
    let stride = |value: usize| isize::try_from(value).expect("a stride within a slice fits isize");
    // SAFETY: `assert_valid` has checked that each slice spans its matrix with these
    // strides; the result is borrowed mutably, so it overlaps neither operand, and its
    // rows do not overlap. The element type is f32 or f64, both of which gemm knows.
    unsafe {
        gemm::gemm(
            rows,
            columns,
            inner,
            out.as_mut_ptr(),
            1,
            stride(out_stride),
            accumulate,
            left.data.as_ptr(),
            stride(left.column_stride),
            stride(left.row_stride),
            right.data.as_ptr(),
            stride(right.column_stride),
            stride(right.row_stride),
            E::ONE,
            E::ONE,
            false,
            false,
            false,
            parallelism,
        );
    }
    let end = extent(rows, columns, out_stride, 1);
    if !accumulate && inner == 0 {
        for row in out[..end].chunks_mut(out_stride) {
            row[..columns].fill(E::ZERO);
        }
    }
    finish(&mut out[..end], columns, out_stride, epilogue);
}

multiversion! {
    /// Applies an epilogue to a finished product.
    fn finish<E: Element>(out: &mut [E], columns: usize, out_stride: usize, epilogue: Epilogue<'_, E>) {
        if epilogue.bias.is_none() && !epilogue.relu {
            return;
        }
        for row in out.chunks_mut(out_stride) {
            let row = &mut row[..columns];
            match epilogue.bias {
                Some(bias) if epilogue.relu => {
                    for (y, &b) in row.iter_mut().zip(bias) {
                        *y = super::activation::relu(*y + b);
                    }
                }
                Some(bias) => {
                    for (y, &b) in row.iter_mut().zip(bias) {
                        *y += b;
                    }
                }
                None => {
                    for y in row {
                        *y = super::activation::relu(*y);
                    }
                }
            }
        }
    }
}
