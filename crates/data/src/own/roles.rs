//! Which options fit a format, and that each column has one role.

use super::descriptor::{Descriptor, Format};
use super::options::Task;
use crate::error::{Error, Result};

/// Refuses options that the format does not read, and columns that are to be two things at once.
pub(super) fn check(descriptor: &Descriptor, set: &str) -> Result<()> {
    let wrong = |option: &'static str, expected: &str, found: &str| {
        Err(Error::Option {
            set: set.to_owned(),
            option,
            expected: expected.to_owned(),
            found: found.to_owned(),
        })
    };
    if let Some((option, found)) = unread(descriptor) {
        return wrong(option, "nothing, as only tables with named columns read it", &found);
    }
    if descriptor.transpose && descriptor.format != Format::Idx {
        return wrong("transpose", "false, as only a folder of idx files reads it", "true");
    }
    for (option, columns, others) in roles(descriptor) {
        for (role, other) in others {
            if let Some(twice) = columns.iter().find(|column| other.contains(column)) {
                return wrong(option, &format!("columns that the option {role} does not name"), twice);
            }
        }
    }
    let target = descriptor
        .target
        .iter()
        .find(|target| descriptor.words.contains(target));
    if let (Task::Regression, Some(target)) = (descriptor.task, target) {
        return wrong(
            "words",
            "columns other than the target, as the task is regression",
            target,
        );
    }
    let mut classes = descriptor.classes.clone();
    classes.sort_unstable();
    match classes.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => wrong("classes", "distinct names", &format!("{:?} twice", pair[0])),
        None => Ok(()),
    }
}

/// What is said about columns where none has a name.
fn unread(descriptor: &Descriptor) -> Option<(&'static str, String)> {
    if descriptor.format.is_table() {
        return None;
    }
    let lists = [("words", &descriptor.words), ("ignore", &descriptor.ignore)];
    let lists = lists.map(|(option, columns)| (option, Some(columns.join(",")).filter(|names| !names.is_empty())));
    let single = [
        ("target", &descriptor.target),
        ("split_column", &descriptor.split_column),
    ];
    let single = single.map(|(option, column)| (option, column.clone()));
    let mut said = single.into_iter().chain(lists);
    said.find_map(|(option, found)| Some((option, found?)))
}

/// An option with its columns, and the options none of whose columns may be among them.
type Role<'a> = (&'static str, &'a [String], Vec<(&'static str, &'a [String])>);

fn roles(descriptor: &Descriptor) -> [Role<'_>; 2] {
    let (target, split) = (descriptor.target.as_slice(), descriptor.split_column.as_slice());
    let split_role = ("split_column", split);
    [
        (
            "ignore",
            &descriptor.ignore,
            vec![("target", target), split_role, ("words", &descriptor.words)],
        ),
        (
            "split_column",
            split,
            vec![("target", target), ("words", &descriptor.words)],
        ),
    ]
}
