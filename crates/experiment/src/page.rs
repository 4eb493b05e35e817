//! From records to rows, and from rows and manifest to the page.

use std::path::{Path, PathBuf};

use espalier_report::files;
use espalier_report::page::{Claim, Explore, OwnReport, Part, Report, Verdict, set_in_print};
use espalier_report::rows::{Record, Rows};
use espalier_report::statistics::Looks;

use crate::kept::{Kept, KeptFiles, take_along};
use crate::lacking::{Completed, Lacking, bare, complete, tell};
use crate::manifest::{Manifest, check_rows, check_summary};
use crate::plan::Plan;
use crate::shortened::counted;
use crate::store::Finished;
use crate::{AnyExperiment, Error, Preset, ReportContext, Result};

/// Where reports go.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    /// The folder of reports.
    pub(crate) out: PathBuf,
    /// The folder of trials under way.
    pub(crate) runs: PathBuf,
}

impl Places {
    /// Returns the folder of a report; smoke runs stay below `runs`.
    pub(crate) fn report(&self, experiment: &str, dataset: &str, preset: &Preset, folder: &str) -> PathBuf {
        match preset {
            Preset::Smoke => self.draft(experiment, dataset, folder),
            _ => self.out.join(experiment).join(dataset).join(folder),
        }
    }

    /// Returns the folder of a report that may not take the place of the one that lies there.
    pub(crate) fn apart(&self, experiment: &str, dataset: &str, preset: &Preset, folder: &str) -> PathBuf {
        let draft = self.draft(experiment, dataset, folder);
        match preset {
            // The report itself is the draft.
            Preset::Smoke => draft.with_file_name("report-apart"),
            _ => draft,
        }
    }

    fn draft(&self, experiment: &str, dataset: &str, folder: &str) -> PathBuf {
        self.runs.join(experiment).join(dataset).join(folder).join("report")
    }
}

/// A page that was written.
#[derive(Debug)]
pub(crate) struct Written {
    /// The report's folder.
    pub(crate) folder: PathBuf,
    /// What the page says.
    pub(crate) report: Report,
    /// Why the folder is not the usual one.
    pub(crate) kept_back: Option<String>,
}

/// Reads and checks the planned records of a data set, in the plan's order.
pub(crate) fn gather(plan: &Plan, set: usize, note: &mut dyn FnMut(String)) -> Result<Vec<Finished>> {
    let store = &plan.sets[set].store;
    let recorded = store.recorded()?;
    let mut records = Vec::new();
    for trial in plan.of_set(set).filter(|trial| recorded.contains(&trial.id)) {
        records.extend(store.read_or_set_aside(&trial.id, note)?);
    }
    Ok(records)
}

/// Writes rows, manifest and page of one data set.
pub(crate) fn publish(
    experiment: &dyn AnyExperiment,
    plan: &Plan,
    set: usize,
    records: Vec<Finished>,
    places: &Places,
    command: &str,
) -> anyhow::Result<Written> {
    let name = &plan.sets[set].loaded.name;
    let mut manifest = Manifest::new(experiment, plan, set, &records, command);
    let mut folder = places.report(&plan.experiment, name, &plan.preset, &plan.folder);
    let old = Manifest::read(&folder)?;
    let kept_back = old.and_then(|old| reason_to_keep(&old, &manifest));
    let kept_back = kept_back.map(|reason| format!("{} {reason}", folder.display()));
    if kept_back.is_some() {
        folder = places.apart(&plan.experiment, name, &plan.preset, &plan.folder);
    }
    let records: Vec<Record> = records.into_iter().map(Finished::into_record).collect::<Result<_>>()?;
    let rows = Rows::from_records(&records).map_err(Error::from)?;
    manifest.hold(&rows);
    files::create_folder(&folder).map_err(|e| Error::io("creating the folder", &folder, e))?;
    rows.write(&folder.join("rows")).map_err(Error::from)?;
    manifest.write(&folder)?;
    take_along(plan, set, &wanted(experiment, &folder)?, &folder)?;
    let report = draw(experiment, &folder)?;
    Ok(Written {
        folder,
        report,
        kept_back,
    })
}

/// The files of trials that the report in a folder takes along; none where rows that are lacking keep it from saying which.
fn wanted(experiment: &dyn AnyExperiment, folder: &Path) -> anyhow::Result<Vec<Kept>> {
    let (manifest, rows) = read(folder)?;
    let mut context = manifest.context(experiment)?;
    let complete = complete(experiment, &rows, &context, &context.dataset)?;
    context.seeds = context.seeds.with_numbers(complete.seeds);
    match experiment.kept(&complete.rows, &context) {
        Err(_) if !complete.lacking.is_empty() => Ok(Vec::new()),
        wanted => wanted,
    }
}

/// Why a report stays as it is, and a new one is kept apart.
fn reason_to_keep(old: &Manifest, new: &Manifest) -> Option<String> {
    if old.trials > new.trials {
        return Some(format!(
            "holds a report of {}, this one has {}: it is kept apart and the larger one stays",
            counted(old.trials as u64, "trial"),
            new.trials
        ));
    }
    (old.provenance.looks.is_some() && new.provenance.looks.is_none()).then(|| {
        "holds a report whose seeds were added while claims were open: one that does not know of the looks is kept apart; \
         --until-decided goes on with it"
            .to_owned()
    })
}

/// Draws the page of a folder again, from its rows and manifest alone.
pub(crate) fn draw(experiment: &dyn AnyExperiment, folder: &Path) -> anyhow::Result<Report> {
    let (manifest, rows) = read(folder)?;
    let of_rows = folder.join("rows");
    files::sweep_drafts(&of_rows).map_err(|e| Error::io("removing drafts from", of_rows, e))?;
    let mut context = manifest.context(experiment)?;
    let complete = complete(experiment, &rows, &context, &context.dataset)?;
    context.seeds = context.seeds.with_numbers(complete.seeds.clone());
    context.files = KeptFiles::of(folder)?;
    let drawn = experiment.report(&complete.rows, &context);
    let drawn = told(experiment, &context, &complete.lacking, drawn)?;
    let mut report = completed(drawn, experiment, &context, rows.content_hash());
    report.explore = Explore::of(&rows);
    report.write(folder, &manifest.provenance).map_err(Error::from)?;
    Ok(report)
}

/// Says what is lacking on a page; what cannot be drawn for that reason becomes a page that says so.
fn told(
    experiment: &dyn AnyExperiment,
    context: &ReportContext,
    lacking: &[Lacking],
    drawn: anyhow::Result<Report>,
) -> anyhow::Result<Report> {
    let mut report = match drawn {
        Err(error) if !lacking.is_empty() => bare(experiment, context, &error),
        drawn => drawn?,
    };
    tell(experiment, context, lacking, &mut report)?;
    if let Some(looks) = context.seeds.looks() {
        wide_enough(&report.claims, looks)?;
    }
    Ok(report)
}

/// Refuses verdicts that rest on intervals as for a number of seeds fixed beforehand.
fn wide_enough(claims: &[Claim], looks: &Looks) -> Result<()> {
    let expected = looks.level(0.95)?;
    let settled = |claim: &&Claim| matches!(claim.verdict, Verdict::Confirmed { .. } | Verdict::Refuted { .. });
    for claim in claims.iter().filter(settled) {
        // What is checked net by net has no interval.
        if let Some(found) = claim
            .ours
            .map(|ours| ours.level)
            .filter(|level| *level < expected - 1e-12)
        {
            return Err(Error::NarrowInterval {
                claim: claim.id.clone(),
                expected: expected * 100.0,
                found: found * 100.0,
            });
        }
    }
    Ok(())
}

/// Fills in what the harness knows and the experiment left empty, and marks smoke runs.
fn completed(mut report: Report, experiment: &dyn AnyExperiment, context: &ReportContext, hash: String) -> Report {
    let known = context.page(&experiment.about());
    for (field, known) in [
        (&mut report.name, known.name),
        (&mut report.title, known.title),
        (&mut report.study, known.study),
        (&mut report.dataset, known.dataset),
        (&mut report.question, known.question),
        (&mut report.rows_hash, hash),
    ] {
        if field.is_empty() {
            *field = known;
        }
    }
    report.figures.retain(|plate| {
        let drawn = !plate.figure.panels.is_empty();
        if !drawn {
            let (name, title) = (&plate.figure.name, &plate.figure.title);
            report.notes.push(format!(
                "The figure `{name}` ({title}) is left out: no recorded trial has anything to show in it."
            ));
        }
        drawn
    });
    if report.settings.is_empty() {
        report.settings = known.settings;
    }
    if report.full_size.is_empty() {
        report.full_size = experiment.settings(&Preset::Full).texts();
    }
    if context.preset == Preset::Smoke {
        report
            .shortened
            .push("a smoke run: it shows that everything runs, not what is true".to_owned());
    }
    report
}

/// The rows of several data sets as one.
fn joined(sets: &[(String, Rows)]) -> Result<Rows> {
    let mut all = Rows::default();
    for (_, rows) in sets {
        all = all.joined(rows).map_err(Error::from)?;
    }
    Ok(all)
}

/// Where the report of a single data set lies, seen from the page of all of them, which lies beside it.
fn own_report(set: &str, folder: &Path) -> OwnReport {
    let last = folder.file_name().unwrap_or_default().to_string_lossy();
    OwnReport {
        set: set_in_print(set),
        folder: format!("../../{set}/{last}"),
    }
}

/// Reads a report's manifest and rows.
pub(crate) fn read(folder: &Path) -> Result<(Manifest, Rows)> {
    let manifest = Manifest::read(folder)?.ok_or_else(|| Error::NothingRecorded {
        path: folder.to_owned(),
        needed: "no manifest.json; run the experiment first".into(),
    })?;
    let rows = manifest.recorded(Rows::read(&folder.join("rows"))?);
    check_rows(folder, &manifest, &rows)?;
    Ok((manifest, rows))
}

/// Reads a published report's manifest and rows, and holds its page against them as well.
pub(crate) fn read_published(folder: &Path) -> Result<(Manifest, Rows)> {
    let (manifest, rows) = read(folder)?;
    check_summary(folder, &rows)?;
    Ok((manifest, rows))
}

/// Writes the page over all data sets whose reports lie beside each other, if the experiment has one.
///
/// Only reports recorded under equal settings by equal code are set side by side, or with a word that one is of earlier code.
pub(crate) fn publish_combined(
    experiment: &dyn AnyExperiment,
    preset: &Preset,
    folder: &str,
    places: &Places,
    note: &mut dyn FnMut(String),
) -> anyhow::Result<Option<Written>> {
    let name = experiment.about().name;
    let mut parts: Vec<(String, Manifest)> = Vec::new();
    let mut rows = Vec::new();
    for dataset in experiment.datasets() {
        let place = places.report(name, dataset, preset, folder);
        let Some(manifest) = Manifest::read(&place)? else {
            continue;
        };
        if let Some((_, first)) = parts.first() {
            let (ours, theirs) = (&first.provenance, &manifest.provenance);
            // A report of earlier code says so, and so does the page that shows it beside another.
            let marked = first.is_of_earlier_code() || manifest.is_of_earlier_code();
            let comparable = ours.fingerprint == theirs.fingerprint || marked;
            if ours.settings != theirs.settings || !comparable {
                note(format!(
                    "{}: recorded by other code or settings than its neighbour, not combined",
                    place.display()
                ));
                continue;
            }
        }
        match read(&place) {
            Ok((_, found)) => rows.push((dataset.to_owned(), found)),
            Err(error) => {
                note(format!("{error}; not combined with its neighbours"));
                continue;
            }
        }
        parts.push((dataset.to_owned(), manifest));
    }
    let names: Vec<&str> = parts.iter().map(|(name, _)| name.as_str()).collect();
    let place = places.report(name, &names.join("+"), preset, folder);
    let Some(manifest) = Manifest::combined(&parts).filter(|_| parts.len() > 1) else {
        return Ok(None);
    };
    let mut context = manifest.context(experiment)?;
    let hashes: Vec<String> = rows.iter().map(|(_, rows)| rows.content_hash()).collect();
    // Rows of earlier code may have other columns; each set's own page shows them.
    let explore = joined(&rows).map(|all| Explore::of(&all)).unwrap_or_default();
    let mut lacking = Vec::new();
    for (set, rows) in &mut rows {
        let whole = complete(experiment, rows, &context, set)?;
        let Completed {
            rows: filled,
            seeds,
            lacking: own,
        } = whole;
        *rows = filled;
        context.seeds = context.seeds.with_numbers(seeds);
        lacking.extend(own);
    }
    let drawn = match experiment.combined(&rows, &context) {
        Ok(None) => return Ok(None),
        Ok(Some(report)) => Ok(report),
        Err(error) => Err(error),
    };
    let report = told(experiment, &context, &lacking, drawn)?;
    let mut report = completed(report, experiment, &context, hashes.join("+"));
    report.explore = explore;
    for (set, _) in &parts {
        let lies = places.report(name, set, preset, folder);
        let own = own_report(set, &lies);
        if report.claims.is_empty() {
            report.parts.push(Part::read(&own, &lies).map_err(Error::from)?);
        }
        report.own_reports.push(own);
    }
    files::create_folder(&place).map_err(|e| Error::io("creating the folder", &place, e))?;
    manifest.write(&place)?;
    report.write(&place, &manifest.provenance).map_err(Error::from)?;
    Ok(Some(Written {
        folder: place,
        report,
        kept_back: None,
    }))
}
