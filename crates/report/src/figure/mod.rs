//! Figures described by what they show, drawn as SVG, PNG and PDF.
//!
//! A [`Figure`] is a grid of [`Panel`]s; a panel has axes and [`Mark`]s. Marks take estimates (means,
//! intervals, quantiles, counts), never networks or recordings. Everything else follows: tick labels
//! that do not overlap, names at the ends of few curves or a legend that covers no data, room for every
//! label, a colour-blind-safe look per series name, and a footnote that counts points which have no place
//! on the axes.
//!
//! The way from description to file has three steps: layout (`layout`, `ticks`, `legend`: pure
//! geometry), drawing into a list of plain shapes (`draw`, `axes`, `notes`, `compose`), and painting
//! that list as an SVG document (`svg`), as a bitmap by plotters (`paint`, `png`) and as a PDF page
//! (`pdf`). plotters' own charts are not used, since they neither measure labels nor keep legends off the
//! data.
//!
//! # Example
//! ```
//! use espalier_report::figure::{Axis, Figure, Mark, Panel};
//! let panel = Panel::new("", Axis::log2("Width").unit("units"), Axis::linear("Test accuracy"))
//!     .mark(Mark::band([(16.0, 0.90, 0.92), (64.0, 0.95, 0.96)]).of("MNIST"))
//!     .mark(Mark::line([(16.0, 0.91), (64.0, 0.955)]).label("MNIST").with_points());
//! let figure = Figure::new("accuracy", "Accuracy against width")
//!     .subtitle("6 seeds · quick: 3 epochs")
//!     .panel(panel);
//! assert!(figure.render_svg()?.starts_with("<svg"));
//! # Ok::<(), espalier_report::Error>(())
//! ```

mod axes;
mod axis;
mod colour;
mod compose;
mod draw;
mod ends;
mod estimates;
mod font;
mod geometry;
mod highlight;
mod json;
mod layout;
mod legend;
mod lint;
mod mark;
mod notes;
mod paint;
mod panel;
mod pdf;
mod png;
mod projection;
mod scene;
mod svg;
#[cfg(test)]
mod tests;
mod ticks;
mod words;

use std::path::{Path, PathBuf};

pub use axis::{Axis, Range, Scale};
pub use colour::{Colour, Colours, Dash, Look, Marker, OKABE_ITO};
pub use estimates::Estimates;
pub use lint::{Finding, Rule};
pub use mark::{Bar, BoxSummary, Grid, Mark, Segment, Shape, Side, Spread};
pub use panel::{Legend, Panel};
pub(crate) use words::{raised, typeset};

use crate::rows::write_atomically;
use crate::{Error, Result};
use scene::Scene;

/// The largest size of one figure file, in bytes.
pub const FILE_LIMIT: usize = 300_000;

/// Output pixels per page pixel in the PNG that [`Figure::write`] makes: sharp on a dense screen and
/// in print.
pub const PNG_SCALE: u32 = 2;

/// The most pixels of a panel in either direction.
const LARGEST_PANEL: u32 = 2000;

/// A figure: title, panels in a grid, and the looks of its series.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// File name without extension.
    pub name: String,
    /// What the figure shows.
    pub title: String,
    /// Number of seeds, preset, data set and what else a reader needs to read it.
    pub subtitle: String,
    /// The panels, row by row.
    pub panels: Vec<Panel>,
    /// Panels per row.
    pub columns: usize,
    /// Width and height of one panel with its labels, in page pixels (1/96 inch).
    pub panel_size: (u32, u32),
    /// Looks that are fixed for some series names; others are assigned in order of appearance.
    pub colours: Colours,
    /// Series that keep their looks where a panel has more than five curves; the others become grey.
    pub highlight: Vec<String>,
    /// Why the figure breaks rules of readable figures ([`Figure::because`]).
    pub reasons: Vec<(Rule, String)>,
}

impl Figure {
    /// Makes a figure without panels; one panel per row, two once there are more.
    pub fn new(name: impl Into<String>, title: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            title: title.into(),
            subtitle: String::new(),
            panels: Vec::new(),
            columns: 2,
            panel_size: (440, 310),
            colours: Colours::new(),
            highlight: Vec::new(),
            reasons: Vec::new(),
        }
    }

    /// Sets the line under the title.
    pub fn subtitle(mut self, subtitle: impl Into<String>) -> Self {
        self.subtitle = subtitle.into();
        self
    }

    /// Adds a panel.
    pub fn panel(mut self, panel: Panel) -> Self {
        self.panels.push(panel);
        self
    }

    /// Sets the number of panels per row.
    pub fn columns(mut self, columns: usize) -> Self {
        self.columns = columns;
        self
    }

    /// Sets width and height of one panel with its labels, in page pixels; panels grow beyond it where the names of a category
    /// axis need more.
    pub fn panel_size(mut self, width: u32, height: u32) -> Self {
        self.panel_size = (width, height);
        self
    }

    /// Fixes looks of series names, so that several figures agree.
    pub fn colours(mut self, colours: Colours) -> Self {
        self.colours = colours;
        self
    }

    /// Renders the figure as an SVG document.
    ///
    /// # Method
    /// Coordinates are rounded to a quarter of a page pixel, and lines with more points than the
    /// plot has pixel columns are thinned to the first, lowest, highest and last point of each.
    ///
    /// # Errors
    /// [`Error::Figure`] where the description contradicts itself or the backend fails,
    /// [`Error::FigureSize`] where the document exceeds [`FILE_LIMIT`].
    pub fn render_svg(&self) -> Result<String> {
        let svg = svg::svg(&self.scene()?).map_err(|reason| self.fault(reason))?;
        self.check_size("svg", svg.len())?;
        Ok(svg)
    }

    /// Renders the figure as a PNG file with `scale` output pixels per page pixel.
    ///
    /// # Errors
    /// [`Error::Figure`] where the description contradicts itself or the backend fails,
    /// [`Error::FigureSize`] where the file exceeds [`FILE_LIMIT`].
    pub fn render_png(&self, scale: u32) -> Result<Vec<u8>> {
        if !(1..=8).contains(&scale) {
            return Err(self.fault(format!("PNG scale {scale}: expected 1 to 8")));
        }
        let png = paint::bitmap(&self.scene()?, scale).map_err(|reason| self.fault(reason))?;
        self.check_size("png", png.len())?;
        Ok(png)
    }

    /// Renders the figure as a PDF document of one page, whose text is text.
    ///
    /// # Errors
    /// [`Error::Figure`] where the description contradicts itself, [`Error::FigureSize`] where the document exceeds
    /// [`FILE_LIMIT`].
    pub fn render_pdf(&self) -> Result<Vec<u8>> {
        let pdf = pdf::pdf(&self.scene()?, &self.title).map_err(|reason| self.fault(reason))?;
        self.check_size("pdf", pdf.len())?;
        Ok(pdf)
    }

    /// Writes `<name>.svg`, `<name>.png` and `<name>.pdf` into a folder and gives their paths.
    ///
    /// Each file is written beside its place and moved there, so that a reader never finds half of it.
    ///
    /// # Errors
    /// What rendering gives, and [`Error::File`] where a file cannot be written.
    pub fn write(&self, folder: &Path) -> Result<Vec<PathBuf>> {
        let svg = self.render_svg()?;
        let png = self.render_png(PNG_SCALE)?;
        let pdf = self.render_pdf()?;
        crate::files::create_folder(folder).map_err(Error::file("make the folder", folder))?;
        let files = [("svg", svg.into_bytes()), ("png", png), ("pdf", pdf)];
        let mut paths = Vec::with_capacity(files.len());
        for (form, bytes) in files {
            let path = folder.join(format!("{}.{form}", self.name));
            write_atomically(&path, &bytes)?;
            paths.push(path);
        }
        Ok(paths)
    }

    fn scene(&self) -> Result<Scene> {
        let usable = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if self.name.is_empty() || !self.name.chars().all(usable) {
            let reason = "its name is the file name; expected letters, digits, `-` or `_`";
            return Err(self.fault(reason.to_owned()));
        }
        let (width, height) = self.panel_size;
        if !(120..=LARGEST_PANEL).contains(&width) || !(100..=LARGEST_PANEL).contains(&height) {
            let reason =
                format!("panel size {width} × {height}: expected 120–{LARGEST_PANEL} by 100–{LARGEST_PANEL} pixels");
            return Err(self.fault(reason));
        }
        for panel in &self.panels {
            if let Some(reason) = compose::faults(panel).into_iter().next() {
                return Err(self.fault(format!("panel {:?}: {reason}", panel.title)));
            }
        }
        compose::compose(self)
            .and_then(|composition| composition.scene(self))
            .map_err(|reason| self.fault(reason))
    }

    fn fault(&self, reason: String) -> Error {
        Error::Figure {
            figure: self.name.clone(),
            reason,
        }
    }

    fn check_size(&self, form: &str, bytes: usize) -> Result<()> {
        if bytes <= FILE_LIMIT {
            return Ok(());
        }
        Err(Error::FigureSize {
            figure: self.name.clone(),
            file: format!("{}.{form}", self.name),
            bytes,
            limit: FILE_LIMIT,
        })
    }
}
