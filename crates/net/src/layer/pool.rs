//! Maxima and means over windows.

use super::rules::{Passage, Rules, Shape, Sign};
use super::window::Window;
use crate::error::{Error, Result};
use crate::layer::parameter::Role;

pub(super) struct MaxPool {
    pub window: Window,
}

pub(super) struct AvgPool {
    pub window: Window,
}

pub(super) struct AdaptiveAvgPool {
    pub output: [usize; 2],
}

fn pooled(window: &Window, name: &str, input: Shape) -> Result<Shape> {
    if window.padding[0] > window.kernel[0] / 2 || window.padding[1] > window.kernel[1] / 2 {
        return Err(Error::layer(
            name,
            "padding of at most half the window",
            format!("{:?} for {:?}", window.padding, window.kernel),
        ));
    }
    let map = window.fit(name, input.map)?;
    Ok(Shape { map, ..input })
}

impl Rules for MaxPool {
    fn name(&self) -> &'static str {
        "max_pool"
    }

    fn sizes(&self) -> Vec<usize> {
        self.window.sizes()
    }

    fn shape(&self, name: &str, inputs: &[Shape], _units: usize) -> Result<Shape> {
        pooled(&self.window, name, inputs[0])
    }

    fn passage(&self) -> Passage {
        Passage::NonNegative
    }

    fn constant(&self, input: Option<f64>, _value: &dyn Fn(Role) -> f64) -> Option<f64> {
        input
    }

    fn sign(&self) -> Sign {
        Sign::AsInputs
    }
}

impl Rules for AvgPool {
    fn name(&self) -> &'static str {
        "avg_pool"
    }

    fn sizes(&self) -> Vec<usize> {
        self.window.sizes()
    }

    fn shape(&self, name: &str, inputs: &[Shape], _units: usize) -> Result<Shape> {
        pooled(&self.window, name, inputs[0])
    }

    fn passage(&self) -> Passage {
        Passage::Any
    }

    fn constant(&self, input: Option<f64>, _value: &dyn Fn(Role) -> f64) -> Option<f64> {
        input
    }

    fn sign(&self) -> Sign {
        Sign::AsInputs
    }
}

impl Rules for AdaptiveAvgPool {
    fn name(&self) -> &'static str {
        "adaptive_avg_pool"
    }

    fn shape(&self, name: &str, inputs: &[Shape], _units: usize) -> Result<Shape> {
        let ([rows, columns], [height, width]) = (self.output, inputs[0].map);
        if rows == 0 || columns == 0 || rows > height || columns > width {
            return Err(Error::layer(
                name,
                format!("a grid within 1×1 and {height}×{width}"),
                format!("{:?}", self.output),
            ));
        }
        Ok(Shape {
            map: self.output,
            ..inputs[0]
        })
    }

    fn passage(&self) -> Passage {
        Passage::Any
    }

    fn constant(&self, input: Option<f64>, _value: &dyn Fn(Role) -> f64) -> Option<f64> {
        input
    }

    fn sign(&self) -> Sign {
        Sign::AsInputs
    }
}
