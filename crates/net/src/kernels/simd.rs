//! Choice of the vector instruction set at run time.

use std::sync::OnceLock;

/// The widest vector instructions that the processor offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum InstructionSet {
    /// What every processor of the architecture has.
    Baseline,
    /// AVX2 with fused multiply-add.
    Avx2,
    /// AVX-512 (F, BW, CD, DQ, VL).
    Avx512,
}

/// Says which instruction set the kernels use on this processor.
#[must_use]
#[inline]
pub fn instruction_set() -> InstructionSet {
    static FOUND: OnceLock<InstructionSet> = OnceLock::new();
    let found = *FOUND.get_or_init(detect);
    #[cfg(test)]
    let found = found.min(LIMIT.get());
    found
}

#[cfg(test)]
thread_local! {
    static LIMIT: std::cell::Cell<InstructionSet> = const { std::cell::Cell::new(InstructionSet::Avx512) };
}

/// Runs a test as on a processor that has no more than `limit`.
#[cfg(test)]
pub fn limited<R>(limit: InstructionSet, test: impl FnOnce() -> R) -> R {
    LIMIT.set(limit);
    let result = test();
    LIMIT.set(InstructionSet::Avx512);
    result
}

#[cfg(target_arch = "x86_64")]
fn detect() -> InstructionSet {
    let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
    let avx512 = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512cd")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl");
    match (avx2, avx512) {
        (true, true) => InstructionSet::Avx512,
        (true, false) => InstructionSet::Avx2,
        _ => InstructionSet::Baseline,
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn detect() -> InstructionSet {
    InstructionSet::Baseline
}

/// Elements taken at once: with a fixed number, short runs of channels need no loop of their own.
pub const LANES: usize = 16;

/// Borrows `LANES` elements.
///
/// # Panics
/// Panics if there are not as many.
#[inline(always)]
pub fn lanes<E>(from: &[E], at: usize) -> &[E; LANES] {
    from[at..].first_chunk().expect("whole lanes")
}

/// Borrows `LANES` elements to be written.
///
/// # Panics
/// Panics if there are not as many.
#[inline(always)]
pub fn lanes_mut<E>(from: &mut [E], at: usize) -> &mut [E; LANES] {
    from[at..].first_chunk_mut().expect("whole lanes")
}

/// Compiles a plain function once for each instruction set and picks at run time.
///
/// The body is ordinary safe Rust that the compiler vectorises. No multiply-add is
/// contracted, so the function gives the same bits on every instruction set.
macro_rules! multiversion {
    (
        $(#[$meta:meta])*
        $vis:vis fn $name:ident $(<$($g:ident : $bound:path),+>)? ($($arg:ident : $ty:ty),* $(,)?) $(-> $ret:ty)? $body:block
    ) => {
        $(#[$meta])*
        $vis fn $name $(<$($g: $bound),+>)? ($($arg: $ty),*) $(-> $ret)? {
            #[inline(always)]
            fn body $(<$($g: $bound),+>)? ($($arg: $ty),*) $(-> $ret)? $body

            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx2,fma")]
                fn avx512 $(<$($g: $bound),+>)? ($($arg: $ty),*) $(-> $ret)? {
                    body($($arg),*)
                }
                #[target_feature(enable = "avx2,fma")]
                fn avx2 $(<$($g: $bound),+>)? ($($arg: $ty),*) $(-> $ret)? {
                    body($($arg),*)
                }
                match $crate::kernels::simd::instruction_set() {
                    // SAFETY: the processor has AVX-512, as just found out.
                    $crate::kernels::simd::InstructionSet::Avx512 => return unsafe { avx512($($arg),*) },
                    // SAFETY: the processor has AVX2 and FMA, as just found out.
                    $crate::kernels::simd::InstructionSet::Avx2 => return unsafe { avx2($($arg),*) },
                    $crate::kernels::simd::InstructionSet::Baseline => {}
                }
            }
            body($($arg),*)
        }
    };
}
