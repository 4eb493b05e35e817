//! Manifests that a merge of two branches has put together.

use std::fs;

use super::toy::{Field, text};
use espalier_experiment::Manifest;

const QUICK: &str = "reports/walk/alpha/quick";

fn recorded() -> Field {
    let field = Field::new();
    field.succeed(&["--seeds", "1"]);
    field
}

fn edit(field: &Field, change: impl Fn(String) -> String) -> String {
    let path = field.path(QUICK).join("manifest.json");
    let edited = change(fs::read_to_string(&path).unwrap());
    fs::write(&path, &edited).unwrap();
    edited
}

fn refused(field: &Field) -> String {
    let output = field.run(&["figures"]);
    assert!(!output.status.success());
    text(&output)
}

#[test]
fn fields_of_two_branches_are_noticed_and_sealed_where_the_rows_agree() {
    let field = recorded();
    assert!(!Manifest::mend(&field.path(QUICK)).unwrap(), "nothing to mend yet");
    edit(&field, |text| {
        text.replace("run-experiment walk", "run-experiment  walk")
    });
    let said = refused(&field);
    assert!(
        said.contains("manifest.json") && said.contains("just mend-manifests"),
        "{said}"
    );
    assert!(Manifest::mend(&field.path(QUICK)).unwrap());
    field.succeed(&["figures"]);
    let manifest = Manifest::read(&field.path(QUICK)).unwrap().unwrap();
    assert_eq!(
        manifest.provenance.command,
        "just run-experiment  walk --preset quick --seeds 1"
    );
}

#[test]
fn the_manifest_of_the_other_branchs_rows_is_not_sealed() {
    let field = recorded();
    let hash = Manifest::read(&field.path(QUICK)).unwrap().unwrap().rows_hash;
    let other = edit(&field, |text| {
        text.replace(&hash, &hash.chars().rev().collect::<String>())
    });
    let error = Manifest::mend(&field.path(QUICK)).unwrap_err().to_string();
    assert!(error.contains("a hash of the rows"), "{error}");
    assert_eq!(
        fs::read_to_string(field.path(QUICK).join("manifest.json")).unwrap(),
        other
    );
}

#[test]
fn marks_of_a_conflict_are_named() {
    let field = recorded();
    edit(&field, |text| {
        format!("<<<<<<< HEAD\n{text}=======\n{text}>>>>>>> other\n")
    });
    let said = refused(&field);
    assert!(
        said.contains("the marks of a merge conflict") && said.contains("git checkout --ours"),
        "{said}"
    );
    assert!(Manifest::mend(&field.path(QUICK)).is_err());
}
