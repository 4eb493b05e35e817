//! All rows of a report as a folder of Parquet files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::file::remove_others;
use super::parquet;
use super::sheet::{Rows, refuse_duplicates, sort};
use crate::{Error, Result, files};

impl Rows {
    /// Writes one Parquet file per table, `<folder>/<table>.parquet`, each whole or not at
    /// all, and removes the folder's Parquet files of other tables.
    ///
    /// The bytes depend on the rows alone.
    ///
    /// # Errors
    /// [`Error::File`] and [`Error::Parquet`] name the file.
    pub fn write(&self, folder: &Path) -> Result<()> {
        files::create_folder(folder).map_err(Error::file("create", folder))?;
        let mut kept = Vec::new();
        for (name, table) in &self.tables {
            let path = folder.join(format!("{name}.parquet"));
            parquet::write(table, &path)?;
            kept.push(path);
        }
        remove_others(folder, &["parquet"], &kept)
    }

    /// Reads every Parquet file of a folder that [`Rows::write`] filled.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::Parquet`], [`Error::NoColumn`] and [`Error::ColumnKind`]
    /// name the file and what is wrong with it.
    pub fn read(folder: &Path) -> Result<Self> {
        let mut tables = BTreeMap::new();
        for path in parquet_files(folder)? {
            let mut table = parquet::read(&path)?;
            sort(&mut table);
            tables.insert(table.name.clone(), table);
        }
        let rows = Self { tables };
        refuse_duplicates(rows.trials().iter())?;
        Ok(rows)
    }
}

fn parquet_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut paths = files::entries(folder).map_err(Error::file("list", folder))?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "parquet"));
    paths.sort();
    Ok(paths)
}
