//! Numbers of one net, with the words that axes, tables and claims use for them.

use espalier_report::figure::Axis;
use espalier_report::statistics::Course;

/// Which way a quantity is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// More is better.
    Higher,
    /// Less is better.
    Lower,
    /// Neither.
    Neither,
}

/// A number of one net: one declaration gives axis, table head and claim their words.
#[must_use]
pub struct Quantity<T> {
    /// A short key, which names random streams.
    pub key: &'static str,
    /// Its name in words.
    pub name: &'static str,
    /// Its unit; empty where it has none.
    pub unit: &'static str,
    /// Decimals in tables.
    pub decimals: usize,
    /// Which way it is better.
    pub better: Better,
    pub(crate) of: fn(&T) -> f64,
    pub(crate) path: Option<fn(&T) -> Vec<f64>>,
    /// What the path is of, where that is another number.
    course: Option<Course>,
    doublings: bool,
}

impl<T> Clone for Quantity<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Quantity<T> {}

impl<T> Quantity<T> {
    /// Declares a number; NaN where a net does not have it.
    pub const fn new(key: &'static str, name: &'static str, of: fn(&T) -> f64) -> Self {
        Self {
            key,
            name,
            unit: "",
            decimals: 3,
            better: Better::Neither,
            of,
            path: None,
            course: None,
            doublings: false,
        }
    }

    /// Declares an accuracy, a fraction of which more is better.
    pub const fn accuracy(key: &'static str, name: &'static str, of: fn(&T) -> f64) -> Self {
        Self::new(key, name, of).unit("fraction", 4).higher_is_better()
    }

    /// Declares a number of things, shown without decimals.
    pub const fn count(key: &'static str, name: &'static str, of: fn(&T) -> f64) -> Self {
        Self::new(key, name, of).unit("", 0)
    }

    /// Adds unit and decimals.
    pub const fn unit(mut self, unit: &'static str, decimals: usize) -> Self {
        self.unit = unit;
        self.decimals = decimals;
        self
    }

    /// Says that more is better.
    pub const fn higher_is_better(mut self) -> Self {
        self.better = Better::Higher;
        self
    }

    /// Says that less is better.
    pub const fn lower_is_better(mut self) -> Self {
        self.better = Better::Lower;
        self
    }

    /// Takes its logarithm to the base of 2, so that differences are doublings; a value after every epoch stays what it is.
    pub const fn in_doublings(mut self) -> Self {
        self.doublings = true;
        self.course = Some(self.followed());
        self.unit("doublings", 3)
    }

    /// Adds its value after every epoch, so that claims see whether it still moves when training ends.
    pub const fn over_epochs(mut self, path: fn(&T) -> Vec<f64>) -> Self {
        self.path = Some(path);
        self
    }

    /// Adds the values after every epoch of another number on which it hangs: of the size whose logarithm or ratio it is, of the
    /// accuracy on the validation split for that on the test split.
    pub const fn over_epochs_of(mut self, other: &Self) -> Self {
        self.path = other.path;
        self.course = Some(other.followed());
        self
    }

    /// Names its values over the epochs and their unit, where they are of another number than itself.
    pub const fn whose_epochs_are(mut self, name: &'static str, unit: &'static str) -> Self {
        self.course = Some(Course { name, unit });
        self
    }

    /// Reads it off a net.
    #[must_use]
    pub fn value(&self, net: &T) -> f64 {
        let value = (self.of)(net);
        if self.doublings { value.log2() } else { value }
    }

    /// What its values over the epochs are of.
    pub(crate) const fn followed(&self) -> Course {
        let (name, unit) = (self.name, self.unit);
        match self.course {
            Some(course) => course,
            None => Course { name, unit },
        }
    }

    /// Reads its values over the epochs off a net; none where it declares none.
    #[must_use]
    pub fn path(&self, net: &T) -> Vec<f64> {
        self.path.map_or_else(Vec::new, |path| path(net))
    }

    /// Its axis.
    #[must_use]
    pub fn axis(&self) -> Axis {
        Axis::linear(sentence_case(self.name)).unit(self.unit)
    }
}

/// Declares quantities of a kind of net, one line each: name, key, words, unit, decimals and the number itself.
///
/// `higher_is_better` or `lower_is_better` stands behind the decimals; what else a [`Quantity`] may be told, such as its values
/// `over_epochs`, behind the number.
///
/// # Example
/// ```
/// use espalier_study::{Quantity, quantities};
///
/// struct Net {
///     right: f64,
///     units: Vec<f64>,
/// }
/// quantities! { Net;
///     TEST = "accuracy", "test accuracy", "fraction" 4 higher_is_better, |n| n.right;
///     UNITS = "units", "hidden units", "" 0, |n| n.units.len() as f64, over_epochs(|n| n.units.clone());
/// }
/// let net = Net { right: 0.9, units: vec![2.0, 3.0] };
/// assert_eq!((TEST.value(&net), UNITS.value(&net)), (0.9, 2.0));
/// ```
#[macro_export]
macro_rules! quantities {
    ($net:ty; $(
        $(#[$note:meta])*
        $visibility:vis $name:ident = $key:literal, $words:expr, $unit:literal $decimals:literal $($better:ident)?,
            $of:expr $(, $method:ident($($argument:expr),+))*;
    )+) => {
        $(
            $(#[$note])*
            $visibility const $name: $crate::Quantity<$net> =
                $crate::Quantity::<$net>::new($key, $words, $of).unit($unit, $decimals)$(.$better())?$(.$method($($argument),+))*;
        )+
    };
}

/// A name as an axis begins it.
pub(crate) fn sentence_case(name: &str) -> String {
    let mut letters = name.chars();
    match letters.next() {
        // A symbol, such as x₀, keeps its case.
        Some(first) if letters.clone().next().is_none_or(char::is_alphabetic) => {
            first.to_uppercase().chain(letters).collect()
        }
        _ => name.to_owned(),
    }
}
