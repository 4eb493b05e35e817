//! Tables of rows.

use espalier_report::rows::Rows;

use crate::folder::{put, scratch};
use crate::toy::Distance;

/// What is read of a table can be written, and is then read as the same rows.
pub(crate) fn rows(bytes: &[u8]) -> bool {
    let folder = scratch();
    put(&folder.path().join("distances.parquet"), bytes);
    let Ok(rows) = Rows::read(folder.path()) else {
        return false;
    };
    // Other columns than these may be refused; they must not panic.
    let typed = rows.get::<Distance>();
    let copy = folder.path().join("copy");
    rows.write(&copy).expect("what was read can be written");
    let again = Rows::read(&copy).expect("what was written can be read");
    assert_eq!(again.content_hash(), rows.content_hash());
    typed.is_ok()
}
