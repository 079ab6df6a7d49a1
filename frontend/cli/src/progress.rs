//! Progress on standard error: only on a terminal, and only once the work has taken a while.

use crate::io::complain;
use std::io::IsTerminal as _;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long work may take before anything is said.
const PATIENCE: Duration = Duration::from_secs(1);

/// Says what is being done until it is dropped.
pub struct Progress {
    done: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Progress {
    /// Starts the clock.
    pub fn start(what: String) -> Self {
        if !std::io::stderr().is_terminal() {
            return Progress { done: None, thread: None };
        }
        let (done, until) = mpsc::channel::<()>();
        let tell = move || {
            let mut seconds = 0;
            while until.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                seconds += PATIENCE.as_secs();
                complain(&format!("\r{what} … {seconds} s"));
            }
            if seconds > 0 {
                complain("\r\x1b[K");
            }
        };
        // Where there can be no more threads, nothing is said.
        Progress { done: Some(done), thread: std::thread::Builder::new().spawn(tell).ok() }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        drop(self.done.take());
        if let Some(thread) = self.thread.take() {
            // The thread only prints; if it failed there is nothing to be done about it.
            let _ = thread.join();
        }
    }
}
