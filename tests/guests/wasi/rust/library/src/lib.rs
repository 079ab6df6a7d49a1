//! Reports, with files, clocks, arguments and output of its own, by preview 1 as it is: std of this
//! target knows no system.

use exports::meld::commands::reports::{Guest, GuestReport, Report};
use std::cell::{Cell, RefCell};

wit_bindgen::generate!({ path: "../../wit", world: "library" });
export!(Library);

struct Library;

thread_local! {
    static LIVE: Cell<u32> = const { Cell::new(0) };
}

struct Lines(RefCell<String>);

impl Drop for Lines {
    fn drop(&mut self) {
        LIVE.set(LIVE.get() - 1);
    }
}

/// The directory that the path begins with, and what is left of the path.
fn preopened(path: &str) -> Option<(wasi::Fd, &str)> {
    for fd in 3.. {
        // SAFETY: the buffer has the length that the host says.
        let prefix = unsafe {
            let wasi::Prestat { tag: _, u } = wasi::fd_prestat_get(fd).ok()?;
            let mut prefix = vec![0; u.dir.pr_name_len];
            wasi::fd_prestat_dir_name(fd, prefix.as_mut_ptr(), prefix.len()).ok()?;
            String::from_utf8(prefix).ok()?
        };
        if let Some(rest) = path.strip_prefix(&prefix) {
            let rest = rest.trim_start_matches('/');
            return Some((fd, if rest.is_empty() { "." } else { rest }));
        }
    }
    None
}

fn open(path: &str, flags: wasi::Oflags, rights: wasi::Rights) -> Option<wasi::Fd> {
    let (directory, path) = preopened(path)?;
    // SAFETY: nothing is passed by address but the path.
    unsafe {
        wasi::path_open(directory, wasi::LOOKUPFLAGS_SYMLINK_FOLLOW, path, flags, rights, 0, 0).ok()
    }
}

fn read(path: &str) -> Option<Vec<u8>> {
    let file = open(path, 0, wasi::RIGHTS_FD_READ)?;
    let mut bytes = Vec::new();
    let mut buffer = [0; 256];
    // SAFETY: the buffer outlives the calls and has the length that they are told.
    unsafe {
        loop {
            let into = wasi::Iovec { buf: buffer.as_mut_ptr(), buf_len: buffer.len() };
            match wasi::fd_read(file, &[into]).ok()? {
                0 => break,
                count => bytes.extend_from_slice(&buffer[..count]),
            }
        }
        wasi::fd_close(file).ok()?;
    }
    Some(bytes)
}

/// A directory's names; an entry is a header of 24 bytes, the length of the name at 16, and the name.
fn names(path: &str) -> Option<Vec<String>> {
    let directory = open(path, wasi::OFLAGS_DIRECTORY, wasi::RIGHTS_FD_READDIR)?;
    let mut buffer = vec![0; 4096];
    // SAFETY: the buffer outlives the call and has the length that it is told.
    let filled = unsafe {
        let filled = wasi::fd_readdir(directory, buffer.as_mut_ptr(), buffer.len(), 0).ok()?;
        wasi::fd_close(directory).ok()?;
        filled
    };
    let mut rest = &buffer[..filled];
    let mut names = Vec::new();
    while let Some((header, more)) = rest.split_at_checked(24) {
        let length = u32::from_le_bytes(header[16..20].try_into().ok()?);
        let (name, more) = more.split_at_checked(length as usize)?;
        let name = String::from_utf8_lossy(name);
        if !name.starts_with('.') {
            names.push(name.into_owned());
        }
        rest = more;
    }
    names.sort();
    Some(names)
}

impl GuestReport for Lines {
    fn new(title: String) -> Self {
        LIVE.set(LIVE.get() + 1);
        Lines(RefCell::new(format!("# {title}\n")))
    }

    fn add(&self, line: String) {
        let mut lines = self.0.borrow_mut();
        lines.push_str(&line);
        lines.push('\n');
    }

    fn add_file(&self, path: String) -> Result<u32, String> {
        let bytes = read(&path).ok_or("no such file")?;
        self.0.borrow_mut().push_str(&String::from_utf8_lossy(&bytes));
        Ok(bytes.len() as u32)
    }

    fn print(&self) {
        let lines = self.0.borrow();
        let mut rest = lines.as_bytes();
        while !rest.is_empty() {
            let from = wasi::Ciovec { buf: rest.as_ptr(), buf_len: rest.len() };
            // SAFETY: the text outlives the call.
            let count = unsafe { wasi::fd_write(1, &[from]) }.expect("output is taken");
            rest = &rest[count..];
        }
    }

    fn finish(whole: Report) -> String {
        whole.get::<Lines>().0.borrow().clone()
    }
}

impl Guest for Library {
    type Report = Lines;

    fn names(path: String) -> Result<Vec<String>, String> {
        names(&path).ok_or_else(|| "no such directory".into())
    }

    fn later(than: u64) -> bool {
        // SAFETY: nothing is passed by address.
        unsafe {
            let now = wasi::clock_time_get(wasi::CLOCKID_REALTIME, 1);
            let one = wasi::clock_time_get(wasi::CLOCKID_MONOTONIC, 1);
            let other = wasi::clock_time_get(wasi::CLOCKID_MONOTONIC, 1);
            now.is_ok_and(|now| now >= than) && one.unwrap_or(u64::MAX) <= other.unwrap_or(0)
        }
    }

    fn arguments() -> Vec<String> {
        // SAFETY: both buffers have the lengths that the host says.
        unsafe {
            let (count, size) = wasi::args_sizes_get().expect("there are arguments");
            let mut at = vec![std::ptr::null_mut(); count];
            let mut bytes = vec![0; size];
            wasi::args_get(at.as_mut_ptr(), bytes.as_mut_ptr()).expect("there are arguments");
            let texts = bytes.split(|&byte| byte == 0).take(count);
            texts.map(|text| String::from_utf8_lossy(text).into_owned()).collect()
        }
    }

    fn live() -> u32 {
        LIVE.get()
    }
}
