//! A file that is being made, of which a signal that ends the process leaves nothing.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tempfile::NamedTempFile;

/// The path of a file that is not complete; none before it is made. Whoever holds the lock has signals wait.
#[derive(Clone, Default)]
pub struct Unfinished(Arc<Mutex<Option<PathBuf>>>);

impl Unfinished {
    /// Watches for signals from here on; none if nobody can. Those that whoever started the process has it
    /// ignore end nothing, and signals other than `SIGINT` and `SIGTERM` leave the file.
    #[cfg(unix)]
    pub fn watched() -> Option<Self> {
        use signal_hook::consts::{SIGINT, SIGTERM};
        let ignored = ignored_signals();
        let ends = |signal: &i32| ignored & (1 << (signal - 1)) == 0;
        let ending = [SIGINT, SIGTERM].into_iter().filter(ends);
        let mut signals = signal_hook::iterator::Signals::new(ending).ok()?;
        let unfinished = Unfinished::default();
        let watched = unfinished.clone();
        let watch = move || {
            if let Some(signal) = signals.forever().next() {
                // Held until the process is no more.
                let path = watched.lock();
                if let Some(path) = &*path {
                    let _ = std::fs::remove_file(path);
                }
                let _ = signal_hook::low_level::emulate_default_handler(signal);
            }
        };
        std::thread::Builder::new().spawn(watch).ok()?;
        Some(unfinished)
    }

    /// Watches for nothing: signals are not known here.
    #[cfg(not(unix))]
    pub fn watched() -> Option<Self> {
        Some(Unfinished::default())
    }

    /// Makes the file.
    pub fn make(
        &self,
        make: impl FnOnce() -> std::io::Result<NamedTempFile>,
    ) -> std::io::Result<NamedTempFile> {
        let mut path = self.lock();
        let file = make()?;
        *path = Some(file.path().to_path_buf());
        Ok(file)
    }

    /// Puts the file where it belongs. What has begun is brought to its end.
    pub fn complete<T>(&self, complete: impl FnOnce() -> T) -> T {
        let mut path = self.lock();
        let completed = complete();
        *path = None;
        completed
    }

    fn lock(&self) -> MutexGuard<'_, Option<PathBuf>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Signals that this process ignores, as a set of bits: none where the system has no such file, as only Linux has.
#[cfg(unix)]
fn ignored_signals() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let set = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    set.and_then(|set| u64::from_str_radix(set.trim(), 16).ok()).unwrap_or(0)
}
