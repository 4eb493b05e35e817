//! Networks and trainings as files.

pub mod export;
pub mod save;
