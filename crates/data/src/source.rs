//! Where files of data sets are looked for.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Says where data is looked for and what may be done when it is not there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The folder that holds the sets; `None` means `data` in the working folder.
    pub directory: Option<PathBuf>,
    /// The folder in which descriptors of one's own data are written and looked for first, since git keeps them with the
    /// project and the sets may lie where nobody may write; `None` means `data` in the working folder.
    #[serde(default)]
    pub descriptors: Option<PathBuf>,
    /// Whether `glyphs` may stand in for a set of images that is not to be had.
    pub fallback: bool,
    /// Whether a set that is not there may be fetched.
    pub download: bool,
}

impl Default for Source {
    fn default() -> Self {
        Self {
            directory: None,
            descriptors: None,
            fallback: true,
            download: true,
        }
    }
}

impl Source {
    /// The environment variable that names the folder when no flag does.
    pub const VARIABLE: &str = "ESPALIER_DATA";

    /// The folder of sets and of descriptors where none is named.
    const DEFAULT: &str = "data";

    /// Takes the folder from the flag `--data`, else from `ESPALIER_DATA`, else `./data`;
    /// allows downloads and the stand-in.
    #[must_use]
    pub fn from_environment(flag: Option<PathBuf>) -> Self {
        Self::choose(flag, std::env::var_os(Self::VARIABLE))
    }

    /// An empty variable counts as unset, as is usual for variables that name folders.
    fn choose(flag: Option<PathBuf>, variable: Option<OsString>) -> Self {
        let variable = variable.filter(|value| !value.is_empty()).map(PathBuf::from);
        Self {
            directory: flag.or(variable),
            ..Self::default()
        }
    }

    /// Gives the folder that holds the sets.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.directory.as_deref().unwrap_or(Path::new(Self::DEFAULT))
    }

    /// Gives the folder in which descriptors are written.
    #[must_use]
    pub fn descriptors(&self) -> &Path {
        self.descriptors.as_deref().unwrap_or(Path::new(Self::DEFAULT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_wins_over_the_variable_and_the_variable_over_the_default() {
        let (flag, variable) = (Some(PathBuf::from("flag")), Some(OsString::from("variable")));
        assert_eq!(
            Source::choose(flag.clone(), variable.clone()).folder(),
            Path::new("flag")
        );
        assert_eq!(Source::choose(None, variable).folder(), Path::new("variable"));
        assert_eq!(Source::choose(None, None).folder(), Path::new("data"));
        assert_eq!(Source::choose(None, Some(OsString::new())).folder(), Path::new("data"));
        assert_eq!(Source::choose(flag, None).folder(), Path::new("flag"));
    }
}
