//! Recorded rows as nets, one or several from each trial.

use std::any::{Any, TypeId};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use espalier_report::rows::{Row, Rows, TrialKey};

use crate::{Error, Result};

/// What an experiment reads of one trained net.
pub trait Recorded: Sized {
    /// Reads the nets of a trial, each with the name of its arm: the trial's own net, and for instance its static twin.
    ///
    /// # Errors
    /// As [`Trial::row`] and [`Trial::rows`].
    fn nets(trial: &Trial<'_>) -> Result<Vec<(String, Self)>>;

    /// Whether its training diverged.
    fn diverged(&self) -> bool {
        false
    }

    /// How many edits its strategy made; `None` where it has no strategy whose edits count.
    fn edits(&self) -> Option<u64> {
        None
    }
}

/// Reads a net from the tables of its trial, which has no other: each field by `row`, its only one of a table, or by `rows`.
/// A field of the rows that has `diverged` says whether training diverged; `edits` may count those of its strategy.
///
/// # Example
/// ```
/// use espalier_report::standard::{Epoch, Outcome};
/// use espalier_study::recorded;
///
/// struct Net {
///     outcome: Outcome,
///     epochs: Vec<Epoch>,
/// }
/// recorded!(Net { outcome: row, epochs: rows } diverged outcome);
/// ```
#[macro_export]
macro_rules! recorded {
    ($net:ident { $($field:ident: $by:ident),+ } diverged $said:ident $(, edits $edits:path)?) => {
        impl $crate::Recorded for $net {
            fn nets(trial: &$crate::Trial<'_>) -> $crate::Result<Vec<(String, Self)>> {
                let net = Self { $($field: trial.$by()?),+ };
                Ok(vec![(trial.key.variant.clone(), net)])
            }

            fn diverged(&self) -> bool {
                self.$said.diverged
            }

            $(fn edits(&self) -> Option<u64> {
                $edits(self)
            })?
        }
    };
}

/// Every table, each decoded once.
pub(crate) struct Tables<'a> {
    rows: &'a Rows,
    decoded: RefCell<BTreeMap<TypeId, Rc<dyn Any>>>,
}

type ByTrial<R> = BTreeMap<String, Vec<R>>;

impl<'a> Tables<'a> {
    pub(crate) fn new(rows: &'a Rows) -> Self {
        Self {
            rows,
            decoded: RefCell::default(),
        }
    }

    fn of<R: Row + Clone + 'static>(&self) -> Result<Rc<dyn Any>> {
        if let Some(known) = self.decoded.borrow().get(&TypeId::of::<R>()) {
            return Ok(Rc::clone(known));
        }
        let mut by_trial = ByTrial::<R>::new();
        for keyed in self.rows.get::<R>()? {
            by_trial.entry(keyed.key.trial).or_default().push(keyed.row);
        }
        let table: Rc<dyn Any> = Rc::new(by_trial);
        self.decoded.borrow_mut().insert(TypeId::of::<R>(), Rc::clone(&table));
        Ok(table)
    }
}

/// The rows of one trial.
pub struct Trial<'a> {
    /// The trial.
    pub key: &'a TrialKey,
    pub(crate) tables: &'a Tables<'a>,
}

impl Trial<'_> {
    /// Reads its rows of a table, in the order of recording; none where the trial left none.
    ///
    /// # Errors
    /// As [`Rows::get`].
    pub fn rows<R: Row + Clone + 'static>(&self) -> Result<Vec<R>> {
        let table = self.tables.of::<R>()?;
        let own = table.downcast_ref::<ByTrial<R>>().and_then(|t| t.get(&self.key.trial));
        Ok(own.cloned().unwrap_or_default())
    }

    /// As [`Trial::rows`], of a table that rows lack which were recorded before it was.
    ///
    /// # Errors
    /// As [`Rows::get`].
    pub fn rows_if_any<R: Row + Clone + 'static>(&self) -> Result<Vec<R>> {
        let there = self.tables.rows.table_names().contains(&R::TABLE);
        if there { self.rows() } else { Ok(Vec::new()) }
    }

    /// Reads its only row of a table.
    ///
    /// # Errors
    /// As [`Rows::get`], and [`Error::NotOneRow`].
    pub fn row<R: Row + Clone + 'static>(&self) -> Result<R> {
        let mut rows = self.rows::<R>()?;
        match (rows.pop(), rows.len()) {
            (Some(row), 0) => Ok(row),
            (last, before) => Err(Error::NotOneRow {
                table: R::TABLE,
                trial: self.key.to_string(),
                found: before + usize::from(last.is_some()),
            }),
        }
    }
}
