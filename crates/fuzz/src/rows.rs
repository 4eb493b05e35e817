//! Tables of rows.

use espalier_report::rows::Rows;

use crate::folder::{put, scratch};
use crate::toy::Distance;

/// The key of the sum in a table's file. A file without it is another tool's and goes to polars as it is, whose reader
/// believes the sizes in page headers and ends the process when one asks for more than all memory.
const SUM: &[u8] = b"espalier:sha256";

/// What is read of a table can be written, and is then read as the same rows.
pub(crate) fn rows(bytes: &[u8]) -> bool {
    if !bytes.windows(SUM.len()).any(|window| window == SUM) {
        return false;
    }
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
