//! Claims, verdicts, the report page, and the index of all reports.
//!
//! A [`Claim`] states what a study said, the statistic and the [`Margin`] under which it
//! holds; its [`Verdict`] is computed from an [`Estimate`](crate::statistics::Estimate),
//! never typed. A [`Report`] becomes a folder: the page, its figures and a [`Summary`] from
//! which [`write_gallery`] builds the index of all reports. Beside the markdown page stands one for
//! a browser, with the figures and thinned rows as data. [`compare`] sets two recorded runs side by
//! side.

mod amount;
mod answer;
mod arms;
mod claim;
mod claims;
mod compare;
mod declaration;
mod evidence;
mod explore;
mod gallery;
mod items;
mod journal;
mod length;
mod lines;
mod looks;
mod markdown;
mod number;
mod part;
mod plates;
mod provenance;
mod report;
mod sets;
mod single;
mod site;
mod summary;
mod tally;
mod verdict;

pub use amount::{column, sides};
pub use arms::{arms_table, edges_told, tried_table};
pub use claim::Claim;
pub use compare::{Comparison, Difference, Side, compare};
pub use declaration::{Contrast, Declaration, FamilyPlace, Withheld};
pub use evidence::{Evidence, Inputs, Series};
pub use explore::Explore;
pub(crate) use explore::short;
pub use gallery::{Entry, read_summaries, write_gallery};
pub use items::items;
pub use journal::{Belief, Believer, JOURNAL, Journal, Test, fits};
pub use number::Display;
pub use part::{OwnReport, Part};
pub use provenance::{DataUse, Provenance, TrainingTime};
pub use report::{Plate, Report, TableBlock, titled};
pub use sets::set_in_print;
pub use single::of_one_seed;
pub use summary::{ClaimSummary, Summary};
pub use tally::Tally;
pub use verdict::{LEAST_SEEDS, Margin, Verdict};
