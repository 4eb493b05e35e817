//! What a run has less of than the study that it replicates.

use crate::settings::Value;
use crate::{Error, ReportContext, Result, Settings};

/// Says what a run has less of than the study, one line each, computed from the settings of both.
///
/// # Example
/// ```no_run
/// # fn page(context: &espalier_experiment::ReportContext, study: &espalier_experiment::Settings) -> espalier_experiment::Result<()> {
/// use espalier_experiment::Shortened;
///
/// let mut shortened = Shortened::new(context, study);
/// shortened.fewer("epochs", "epoch")?; // "3 epochs, where the study has 30"
/// shortened.fewer_seeds("");
/// shortened.training_images(60_000, 10_000)?;
/// let lines: Vec<String> = shortened.lines;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Shortened<'a> {
    settings: &'a Settings,
    seeds: u64,
    is_of_images: bool,
    study: &'a Settings,
    whose: &'static str,
    /// The lines so far; an experiment adds its own.
    pub lines: Vec<String>,
}

impl<'a> Shortened<'a> {
    /// Sets the recorded settings and seeds against those of the study.
    #[must_use]
    pub fn new(context: &'a ReportContext, study: &'a Settings) -> Self {
        Self {
            settings: &context.settings,
            seeds: context.seeds.len() as u64,
            is_of_images: context.is_of_images(),
            study,
            whose: "the study",
            lines: Vec::new(),
        }
    }

    /// Sets them against the full size of an experiment that stands on no study.
    #[must_use]
    pub fn of_no_study(self) -> Self {
        let whose = "the full size";
        Self { whose, ..self }
    }

    /// Adds a line where a setting is less than the study's: a whole number, or a list by its length.
    ///
    /// `what` names one of what is counted, its first word in the singular, for instance `epoch of training`.
    ///
    /// # Errors
    /// [`crate::Error::UnknownSetting`], and [`crate::Error::WrongSetting`] for a setting that counts nothing.
    pub fn fewer(&mut self, setting: &str, what: &str) -> Result<()> {
        let (ours, study) = (amount(self.settings, setting)?, amount(self.study, setting)?);
        if ours < study {
            self.lines
                .push(format!("{}, where {} has {study}", counted(ours, what), self.whose));
        }
        Ok(())
    }

    /// Adds the words of each item `- setting < bound: words` of a list in markdown whose setting is so.
    ///
    /// The sign is `<`, `>`, `=` or `≠`; the bound is a value, or `full` for the study's. A list is compared by its length where
    /// one of both is to be larger, else by its values. In the words `{ours}` and `{full}` stand for both settings.
    ///
    /// # Errors
    /// [`Error::UnknownSetting`], and [`Error::WrongSetting`] for an item of another form.
    pub fn said(&mut self, list: &str) -> Result<()> {
        for item in list.split("\n- ").skip(1) {
            let item = item.split_whitespace().collect::<Vec<_>>().join(" ");
            let refuse = || Error::WrongSetting {
                key: "what is smaller than in the study".to_owned(),
                expected: "`- setting < bound: words`".to_owned(),
                found: item.clone(),
            };
            let (condition, words) = item.split_once(": ").ok_or_else(refuse)?;
            let parts: Vec<&str> = condition.split(' ').collect();
            let [name, sign, bound] = parts[..] else {
                return Err(refuse());
            };
            let (ours, full) = (said(self.settings, name, sign)?, said(self.study, name, sign)?);
            let bound = if bound == "full" { &full } else { bound };
            if holds(&ours, sign, bound).ok_or_else(refuse)? {
                self.lines.push(words.replace("{ours}", &ours).replace("{full}", &full));
            }
        }
        Ok(())
    }

    /// Adds a line where there are fewer seeds than the study ran; `of_what` follows the study's number, and may be empty.
    pub fn fewer_seeds(&mut self, of_what: &str) {
        let study = self.study.seeds();
        if self.seeds < study {
            let line = format!(
                "{}, where {} has {study} {of_what}",
                counted(self.seeds, "seed"),
                self.whose
            );
            self.lines.push(line.trim_end().to_owned());
        }
    }

    /// Adds a line where the study trained on more images: on `of_study`, of which a run on all of them sets
    /// `validation` aside. A data set of another kind has rows of its own, of which only a part may be in use.
    ///
    /// # Errors
    /// [`crate::Error::UnknownSetting`] without the setting `train_images`, in which 0 means all.
    pub fn training_images(&mut self, of_study: usize, validation: usize) -> Result<()> {
        let images = self.settings.count("train_images")?;
        let study = grouped(of_study);
        if images > 0 {
            self.lines.push(if self.is_of_images {
                format!("the first {images} training images, where {} has {study}", self.whose)
            } else {
                format!(
                    "the first {images} training rows, where {} has {study} images",
                    self.whose
                )
            });
        } else if validation > 0 && self.is_of_images {
            self.lines.push(format!(
                "{} training images, where {} has {study}: the last {} are the validation split",
                grouped(of_study - validation),
                self.whose,
                grouped(validation)
            ));
        }
        Ok(())
    }
}

/// A setting as words have it; a list as its length where that is compared.
fn said(settings: &Settings, name: &str, sign: &str) -> Result<String> {
    let (_, value) = settings
        .iter()
        .find(|(known, _)| *known == name)
        .ok_or_else(|| settings.unknown(name))?;
    Ok(match value {
        Value::Integers(_) | Value::Floats(_) if ["<", ">"].contains(&sign) => amount(settings, name)?.to_string(),
        value => value.to_string().replace(',', ", "),
    })
}

/// Whether a value stands to another as the sign says; `None` for another sign, or for no numbers where one is to be larger.
fn holds(ours: &str, sign: &str, bound: &str) -> Option<bool> {
    let number = |text: &str| text.parse::<f64>().ok();
    Some(match sign {
        "<" => number(ours)? < number(bound)?,
        ">" => number(ours)? > number(bound)?,
        "=" => ours == bound,
        "≠" => ours != bound,
        _ => return None,
    })
}

/// How much a setting counts: its number, or the length of its list.
fn amount(settings: &Settings, name: &str) -> Result<u64> {
    let (_, value) = settings
        .iter()
        .find(|(known, _)| *known == name)
        .ok_or_else(|| settings.unknown(name))?;
    Ok(match value {
        Value::Integers(list) => list.len() as u64,
        Value::Floats(list) => list.len() as u64,
        _ => settings.count(name)? as u64,
    })
}

/// Says a number of things: `1 epoch of training`, `3 epochs of training`.
///
/// The first word of `what` is in the singular.
#[must_use]
pub fn counted(number: u64, what: &str) -> String {
    let (first, rest) = what.split_at(what.find(' ').unwrap_or(what.len()));
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {first}{plural}{rest}")
}

/// Writes a number with its thousands apart: `60 000`.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{About, Preset};
    use espalier_report::page::{DataUse, Provenance};

    fn settings(seeds: u64, epochs: i64, widths: &[i64], images: i64) -> Settings {
        Settings::new(seeds)
            .integer("epochs", epochs, "passes over the training split")
            .integers("widths", widths, "hidden units")
            .integer("train_images", images, "training images in use, 0 for all")
            .text("loss", "mse", "the loss")
    }

    fn context(settings: Settings, seeds: &[u64]) -> ReportContext {
        ReportContext {
            preset: Preset::Quick,
            settings,
            dataset: "mnist".into(),
            seeds: seeds.into(),
            provenance: Provenance {
                data: vec![
                    DataUse {
                        name: "mnist".into(),
                        part: "50000 train".into(),
                        ..DataUse::default()
                    },
                    DataUse {
                        name: "fashion-mnist".into(),
                        ..DataUse::default()
                    },
                ],
                ..Provenance::default()
            },
            files: crate::KeptFiles::default(),
        }
    }

    #[test]
    fn lines_name_what_is_less_than_in_the_study_and_nothing_else() {
        let study = settings(10, 30, &[16, 32, 64], 0);
        let context = context(settings(10, 30, &[16], 5_000), &[0]);
        let mut shortened = Shortened::new(&context, &study);
        shortened.fewer("epochs", "epoch").unwrap();
        shortened.fewer("widths", "width on the grid").unwrap();
        shortened.fewer_seeds("");
        shortened.fewer_seeds("on its frontier");
        shortened.training_images(60_000, 10_000).unwrap();
        assert_eq!(
            shortened.lines,
            [
                "1 width on the grid, where the study has 3",
                "1 seed, where the study has 10",
                "1 seed, where the study has 10 on its frontier",
                "the first 5000 training images, where the study has 60 000",
            ]
        );
        let mut own = Shortened::new(&context, &study).of_no_study();
        own.fewer("epochs", "epoch").unwrap();
        own.fewer("widths", "width on the grid").unwrap();
        assert_eq!(own.lines, ["1 width on the grid, where the full size has 3"]);
        assert!(shortened.fewer("loss", "loss").is_err() && shortened.fewer("depth", "layer").is_err());
    }

    #[test]
    fn items_of_a_list_are_said_where_their_settings_are_so() {
        let study = settings(2, 30, &[16, 32, 64], 0);
        let context = context(settings(2, 3, &[16, 48], 500), &[0, 1]);
        let said = |list: &str| {
            let mut shortened = Shortened::new(&context, &study);
            shortened.said(list).map(|()| shortened.lines)
        };
        let list = "# Smaller\n\n- epochs < full: {ours} epochs of\n  {full}\n- epochs < 3: none\n- epochs > 2: more than 2\n\
                    - widths < full: {ours} widths of {full}\n- widths ≠ full: [{ours}] for [{full}]\n\
                    - train_images = 0: all images\n- loss = mse: by {ours}\n";
        assert_eq!(
            said(list).unwrap(),
            [
                "3 epochs of 30",
                "more than 2",
                "2 widths of 3",
                "[16, 48] for [16, 32, 64]",
                "by mse"
            ]
        );
        for wrong in [
            "epochs: few",
            "epochs is 3: few",
            "loss < full: less",
            "depth < full: less",
        ] {
            assert!(said(&format!("\n- {wrong}")).is_err(), "{wrong}");
        }
    }

    #[test]
    fn all_images_are_fewer_than_the_studys_by_the_validation_split() {
        let study = settings(2, 30, &[16], 0);
        let context = context(settings(2, 3, &[16, 32], 0), &[0, 1]);
        let mut shortened = Shortened::new(&context, &study);
        shortened.fewer("epochs", "epoch").unwrap();
        shortened.fewer("widths", "width").unwrap();
        shortened.fewer_seeds("");
        shortened.training_images(1_060_000, 10_000).unwrap();
        shortened.training_images(50_000, 0).unwrap();
        assert_eq!(
            shortened.lines,
            [
                "3 epochs, where the study has 30",
                "1 050 000 training images, where the study has 1 060 000: the last 10 000 are the validation split",
            ]
        );
    }

    #[test]
    fn rows_of_a_table_are_not_spoken_of_as_images() {
        let study = settings(2, 3, &[16], 0);
        let of_prices = |images: i64| {
            let mut context = context(settings(2, 3, &[16], images), &[0, 1]);
            context.provenance.data[1].name = "prices".into();
            let mut shortened = Shortened::new(&context, &study);
            shortened.training_images(60_000, 10_000).unwrap();
            (context.training_part(), shortened.lines)
        };
        assert_eq!(of_prices(0), (None, vec![]));
        let (part, lines) = of_prices(500);
        assert_eq!(part.unwrap(), "first 500 training rows");
        assert_eq!(
            lines,
            ["the first 500 training rows, where the study has 60 000 images"]
        );
        assert_eq!(of_prices(1).0.unwrap(), "first training row");
    }

    #[test]
    fn a_page_begins_with_what_the_manifest_knows() {
        let about = About {
            name: "widths",
            title: "How wide?",
            study: "003",
            summary: "Trains nets.",
        };
        let mut context = context(settings(2, 3, &[16, 32], 500), &[0, 1]);
        let page = context.page(&about);
        assert_eq!(
            page.dataset,
            "mnist (50000 train); fashion-mnist; first 500 training images in use"
        );
        assert_eq!(
            (
                page.name.as_str(),
                page.title.as_str(),
                page.study.as_str(),
                page.question.as_str()
            ),
            ("widths", "How wide? (MNIST)", "003", "How wide? Trains nets.")
        );
        assert_eq!(page.settings[1], ("widths".to_owned(), "16,32".to_owned()));
        assert!(page.rows_hash.is_empty() && page.shortened.is_empty());
        assert_eq!(
            context.subtitle_with_epochs().unwrap(),
            "MNIST, preset quick, 2 seeds, 3 epochs, first 500 training images"
        );
        context.provenance.notices = vec!["digits stand in for mnist".into()];
        context.settings = settings(2, 3, &[16, 32], 0);
        let page = context.page(&about);
        assert_eq!(page.title, "How wide? (MNIST, digits stand in for mnist)");
        assert_eq!(page.dataset, "mnist (50000 train); fashion-mnist");
    }
}
