//! A study's part of a report page.

use espalier_report::page::{Report, TableBlock, set_in_print, titled};
use espalier_report::rows::Rows;
use espalier_report::statistics::PairedSeeds;

use crate::Result;
use crate::claim::Claims;
use crate::plot::Figures;
use crate::recorded::Recorded;
use crate::study::{Set, Study};

impl<T: Recorded + 'static> Study<T> {
    /// Reads the rows of several data sets, of the seeds that every arm has.
    ///
    /// # Errors
    /// As [`Study::read`].
    pub fn read_all(self, sets: &[(String, &Rows)], seeds: impl Into<PairedSeeds>) -> Result<Self> {
        let seeds = seeds.into();
        sets.iter()
            .try_fold(self, |study, (name, rows)| study.read(name, rows, &seeds))
    }

    /// Claims about each data set, in their order, with what a text says of them ([`Claims::said`]).
    pub fn claims<'s>(&'s self, text: &str, declare: impl Fn(&mut Claims<'s, T>)) -> Vec<Claims<'s, T>> {
        let declared = |set: &Set<T>| {
            let mut claims = Claims::of(self, &set.name).said(text, &set.name);
            declare(&mut claims);
            claims
        };
        self.sets.iter().map(declared).collect()
    }

    /// Figures with the zones of the claims that name them.
    ///
    /// # Errors
    /// As the claims' statistics.
    pub fn figures<'s>(
        &'s self,
        claims: &[Claims<'_, T>],
        draw: impl FnOnce(&mut Figures<'s, T>),
    ) -> Result<Figures<'s, T>> {
        let mut figures = Figures::showing(self, claims)?;
        draw(&mut figures);
        Ok(figures)
    }

    /// Adds verdicts, figures and, for each data set, one or several tables and remarks to a page; where there are several sets,
    /// tables and remarks say of which they are.
    ///
    /// `claims` has one list for each data set, in their order.
    ///
    /// # Errors
    /// As the claims' statistics, the figures and the tables.
    pub fn page<B: Into<Vec<TableBlock>>>(
        &self,
        mut page: Report,
        claims: &[Claims<'_, T>],
        figures: &Figures<'_, T>,
        tables: impl Fn(&Set<T>) -> Result<B>,
        remarks: impl Fn(&Set<T>) -> Vec<String>,
    ) -> Result<Report> {
        page.figures.extend(figures.plates()?);
        for (set, claims) in self.sets.iter().zip(claims) {
            let several = self.sets.len() > 1;
            let name = set_in_print(&set.name);
            let name = if several { name } else { String::new() };
            let judged = claims.judged()?;
            page.claims.extend(judged.claims);
            let tables: Vec<TableBlock> = tables(set)?.into();
            let alone = set.seeds.len() == 1;
            let tables = tables
                .into_iter()
                .map(|table| if alone { table.of_one_seed() } else { table });
            page.tables.extend(tables.map(|table| table.of_set(&name)));
            let remarks = judged.notes.into_iter().chain(remarks(set));
            page.notes.extend(remarks.map(|remark| titled(&name, remark)));
        }
        Ok(page)
    }
}
