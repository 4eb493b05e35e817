//! Kinds of arms by their names.

/// Declares an enum of things with names, such as the methods that an experiment compares: `ALL` in the order of presentation,
/// `name`, and a text that is the name.
///
/// # Example
/// ```
/// espalier_report::named! {
///     /// What becomes of dead units.
///     pub enum Method {
///         None = "none",
///         /// Dead units become copies of living ones.
///         Recycle = "recycle",
///     }
/// }
/// assert_eq!(Method::ALL.map(Method::name), ["none", "recycle"]);
/// assert_eq!(Method::Recycle.to_string(), "recycle");
/// ```
#[macro_export]
macro_rules! named {
    (
        $(#[$attribute:meta])*
        $visibility:vis enum $name:ident {
            $($(#[$note:meta])* $variant:ident = $text:literal),+ $(,)?
        }
    ) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        $visibility enum $name {
            $($(#[$note])* $variant),+
        }

        impl $name {
            /// All in the order of presentation.
            $visibility const ALL: [Self; [$($text),+].len()] = [$(Self::$variant),+];

            /// Its name in rows, figures and tables.
            $visibility const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $text),+
                }
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}
