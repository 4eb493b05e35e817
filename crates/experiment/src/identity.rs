//! What a trial is, as one hash of all that decides its result.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use crate::Settings;

/// Bumped when the harness itself changes what a trial computes, for instance how seeds derive.
const IDENTITY_VERSION: u64 = 2;

/// Everything that decides a trial's result.
///
/// # Method
/// The id is SHA-256 over the canonical JSON (keys sorted, no spaces, shortest floats) of these
/// fields, as 64 hexadecimal digits. Host, number of threads and place of the files stay out: they
/// must not decide anything.
#[derive(Clone, Debug, PartialEq)]
pub struct Identity {
    /// The experiment's name.
    pub experiment: String,
    /// What stands for the code: the identity of the experiment's golden digests.
    pub fingerprint: String,
    /// The preset's name.
    pub preset: String,
    /// All settings, changed ones included.
    pub settings: serde_json::Map<String, Json>,
    /// The variant's name.
    pub variant: String,
    /// The data set's name.
    pub dataset: String,
    /// The checksum of the data set's content.
    pub content: String,
    /// The digest of the data as trials see them: split, normalised, in order.
    pub examples: String,
    /// The number of the paired seed.
    pub seed: u64,
    /// `cpu` or `cuda`.
    pub device: String,
}

impl Identity {
    /// Encodes the identity with sorted keys.
    #[must_use]
    pub fn canonical(&self) -> String {
        self.template().fill(&self.variant, self.seed)
    }

    /// Encodes what trials of one data set share, so that a plan of a million encodes it once.
    pub(crate) fn template(&self) -> Template {
        let text = |value: &str| Json::from(value).to_string();
        let head = [
            ("content", &self.content),
            ("dataset", &self.dataset),
            ("device", &self.device),
            ("examples", &self.examples),
            ("experiment", &self.experiment),
            ("fingerprint", &self.fingerprint),
            ("preset", &self.preset),
        ]
        .map(|(key, value)| format!("\"{key}\":{}", text(value)))
        .join(",");
        let settings = canonical(&Json::Object(self.settings.clone()));
        Template {
            before_seed: format!("{{{head},\"seed\":"),
            between: format!(",\"settings\":{settings},\"variant\":"),
            after_variant: format!(",\"version\":{IDENTITY_VERSION}}}"),
        }
    }

    /// Computes the trial's id.
    #[must_use]
    pub fn id(&self) -> String {
        self.template().id(&self.variant, self.seed)
    }
}

/// The canonical text of an identity with gaps for seed and variant.
pub(crate) struct Template {
    before_seed: String,
    between: String,
    after_variant: String,
}

impl Template {
    fn fill(&self, variant: &str, seed: u64) -> String {
        let Self {
            before_seed,
            between,
            after_variant,
        } = self;
        let variant = Json::from(variant);
        format!("{before_seed}{seed}{between}{variant}{after_variant}")
    }

    /// Computes a trial's id.
    pub(crate) fn id(&self, variant: &str, seed: u64) -> String {
        hex(&Sha256::digest(self.fill(variant, seed).as_bytes()))
    }
}

/// Encodes JSON with sorted keys, whatever order the map keeps.
pub(crate) fn canonical(value: &Json) -> String {
    match value {
        Json::Object(map) => {
            let sorted: BTreeMap<&String, &Json> = map.iter().collect();
            let fields: Vec<String> = sorted
                .into_iter()
                .map(|(key, value)| format!("{}:{}", Json::from(key.as_str()), canonical(value)))
                .collect();
            format!("{{{}}}", fields.join(","))
        }
        Json::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        other => other.to_string(),
    }
}

/// Names the folder of a preset: changed settings add a hash, so that they never mix.
pub(crate) fn preset_folder(preset: &str, defaults: &Settings, settings: &Settings) -> String {
    let changes = settings.changes_from(defaults);
    if changes.is_empty() {
        return preset.to_owned();
    }
    let changes = changes
        .into_iter()
        .map(|(name, value)| (name, value.to_json()))
        .collect();
    let digest = hex(&Sha256::digest(canonical(&Json::Object(changes)).as_bytes()));
    format!("{preset}+{}", &digest[..8])
}

/// Writes bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
            // Writing into a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity() -> Identity {
        Identity {
            experiment: "walk".into(),
            fingerprint: "f0".into(),
            preset: "quick".into(),
            settings: Settings::new(2)
                .integer("steps", 5, "")
                .float("drift", 0.5, "")
                .to_json(),
            variant: "a".into(),
            dataset: "toy".into(),
            content: "c0".into(),
            examples: "e0".into(),
            seed: 3,
            device: "cpu".into(),
        }
    }

    #[test]
    fn the_id_is_the_sha_256_of_the_sorted_compact_json() {
        // Python 3.11: hashlib.sha256(json.dumps({...}, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
        assert_eq!(identity().id(), include_str!("identity.hex").trim());
    }

    #[test]
    fn the_canonical_text_is_sorted_compact_json() {
        let odd = Identity {
            variant: "a \"quoted\" é\n".into(),
            ..identity()
        };
        let parsed: Json = serde_json::from_str(&odd.canonical()).unwrap();
        assert_eq!(canonical(&parsed), odd.canonical());
        assert_eq!(parsed["variant"], "a \"quoted\" é\n");
    }

    #[test]
    fn every_ingredient_changes_the_id() {
        let base = identity();
        let text = |value: &str| value.to_owned();
        let changed = [
            Identity {
                experiment: text("walks"),
                ..base.clone()
            },
            Identity {
                fingerprint: text("f1"),
                ..base.clone()
            },
            Identity {
                preset: text("full"),
                ..base.clone()
            },
            Identity {
                settings: Settings::new(2)
                    .integer("steps", 6, "")
                    .float("drift", 0.5, "")
                    .to_json(),
                ..base.clone()
            },
            Identity {
                settings: Settings::new(2).integer("steps", 5, "").to_json(),
                ..base.clone()
            },
            Identity {
                variant: text("b"),
                ..base.clone()
            },
            Identity {
                dataset: text("other"),
                ..base.clone()
            },
            Identity {
                content: text("c1"),
                ..base.clone()
            },
            Identity {
                examples: text("e1"),
                ..base.clone()
            },
            Identity {
                seed: 4,
                ..base.clone()
            },
            Identity {
                device: text("cuda"),
                ..base.clone()
            },
        ];
        let mut ids: Vec<String> = changed.iter().map(Identity::id).collect();
        ids.push(base.id());
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 12);
    }

    #[test]
    fn only_changed_settings_rename_the_folder() {
        let defaults = Settings::new(2).integer("steps", 5, "");
        let mut changed = defaults.clone();
        assert_eq!(preset_folder("quick", &defaults, &changed), "quick");
        changed.set("steps=5").unwrap();
        assert_eq!(preset_folder("quick", &defaults, &changed), "quick");
        changed.set("steps=6").unwrap();
        let six = preset_folder("quick", &defaults, &changed);
        changed.set("steps=7").unwrap();
        assert!(six.starts_with("quick+") && six != preset_folder("quick", &defaults, &changed));
    }
}
