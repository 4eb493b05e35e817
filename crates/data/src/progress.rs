//! How a download tells its caller how far it is.

/// Receives the progress of downloads; this crate itself prints nothing.
pub trait Progress: Sync {
    /// Announces a file and, when the server states it, its size in bytes.
    fn begin(&self, file: &str, total_bytes: Option<u64>);
    /// Says that so many more bytes have arrived.
    fn advance(&self, bytes: u64);
    /// Says that the file is complete or was given up.
    fn end(&self);
}

/// Hides all progress.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _file: &str, _total_bytes: Option<u64>) {}
    fn advance(&self, _bytes: u64) {}
    fn end(&self) {}
}

/// Shows progress on a bar that the caller made and placed.
impl Progress for indicatif::ProgressBar {
    fn begin(&self, file: &str, total_bytes: Option<u64>) {
        self.reset();
        self.set_message(file.to_owned());
        if let Some(total) = total_bytes {
            self.set_length(total);
        }
    }

    fn advance(&self, bytes: u64) {
        self.inc(bytes);
    }

    fn end(&self) {
        self.finish_and_clear();
    }
}
