//! Files, standard input and standard output.

use crate::exit::Failure;
use crate::unfinished::Unfinished;
use bytes::Bytes;
use memmap2::MmapMut;
#[cfg(unix)]
use rayon::prelude::*;
use std::fs::File;
use std::io::{IoSlice, IsTerminal as _, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// The largest input, in bytes: engines take no larger modules.
const MOST: u64 = 1 << 30;

/// Bytes from which on an input has memory of its own, which is asked for in large pages, of about as many
/// bytes: to touch small ones for the first time takes longer than to read.
const LARGE: usize = 2 << 20;

/// Reads a file, or standard input for `-`.
pub fn read(path: &str) -> Result<Bytes, Failure> {
    if path == "-" {
        return read_stream(std::io::stdin())
            .map_err(|e| Failure::file(format!("standard input: {e}")));
    }
    read_file(Path::new(path)).map_err(|e| Failure::file(format!("{path}: {e}")))
}

/// What a path is called in messages.
pub fn origin(path: &str) -> &str {
    if path == "-" { "standard input" } else { path }
}

/// Reads a file where it is to stay: inputs may be large, and a buffer on the way would double
/// them.
fn read_file(path: &Path) -> std::io::Result<Bytes> {
    let mut file = File::open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() || metadata.len() == 0 {
        // A pipe, a device, a folder, or what the system makes as it is read: its length says nothing.
        return read_stream(file);
    }
    if metadata.len() > MOST {
        let message = format!("{} bytes are more than meld reads, 1 GiB", metadata.len());
        return Err(std::io::Error::other(message));
    }
    let length = usize::try_from(metadata.len()).map_err(std::io::Error::other)?;
    let shorter = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => std::io::Error::other(
            "it has fewer bytes than the system says, as if somebody were writing it: try again",
        ),
        _ => error,
    };
    if length < LARGE {
        let mut bytes = vec![0; length];
        file.read_exact(&mut bytes).map_err(shorter)?;
        return Ok(bytes.into());
    }
    let mut bytes = MmapMut::map_anon(length)?;
    // Where it is not heeded, all is as fast as it can be there.
    #[cfg(target_os = "linux")]
    let _ = bytes.advise(memmap2::Advice::HugePage);
    read_large(&file, &mut bytes).map_err(shorter)?;
    Ok(Bytes::from_owner(bytes))
}

/// Fills `bytes` from a file in parts, in parallel.
#[cfg(unix)]
fn read_large(file: &File, bytes: &mut [u8]) -> std::io::Result<()> {
    use std::os::unix::fs::FileExt as _;
    let read = |(part, bytes): (usize, &mut [u8])| file.read_exact_at(bytes, (part * LARGE) as u64);
    bytes.par_chunks_mut(LARGE).enumerate().try_for_each(read)
}

/// Fills `bytes` from a file.
#[cfg(not(unix))]
fn read_large(mut file: &File, bytes: &mut [u8]) -> std::io::Result<()> {
    file.read_exact(bytes)
}

/// Reads what has no length of its own: a device may never end.
fn read_stream(stream: impl std::io::Read) -> std::io::Result<Bytes> {
    let mut bytes = Vec::new();
    if stream.take(MOST + 1).read_to_end(&mut bytes)? as u64 > MOST {
        return Err(std::io::Error::other("does not end within 1 GiB, the most that meld reads"));
    }
    Ok(bytes.into())
}

/// Writes a file, or standard output for `-`. Binary is not written to a terminal.
fn write(path: &str, bytes: &[u8]) -> Result<(), Failure> {
    if path == "-" {
        let mut out = std::io::stdout();
        if out.is_terminal() && bytes.starts_with(b"\0asm") {
            return Err(Failure::arguments(
                "this would print a binary to the terminal; name a file with `-o`, or print text with `--wat`",
            ));
        }
        out.write_all(bytes)?;
        out.flush()?;
        return Ok(());
    }
    let failure = |e: std::io::Error, more| Failure::file(format!("{path}: {e}{more}"));
    let mut file = std::fs::File::create(path).map_err(|e| failure(e, ""))?;
    file.write_all(bytes).map_err(|e| failure(e, CUT))
}

/// What is said of a file that had to be written over, and could not.
const CUT: &str = "; what the file holds now is not complete";

/// An output that is made bit by bit. What stands at its path stays until it is complete.
pub enum Output<'p> {
    /// A file beside its place, `.meld-*.part`.
    Beside(NamedTempFile, PathBuf, Unfinished),
    /// For what is no file, or is not to be replaced.
    Memory(Vec<u8>, &'p str),
}

impl<'p> Output<'p> {
    /// An output for this path, or for standard output (`-`).
    pub fn open(path: &'p str) -> Self {
        Self::beside(path).unwrap_or(Output::Memory(Vec::new(), path))
    }

    fn beside(path: &str) -> Option<Self> {
        // A name of what is open already: whoever holds it reads there.
        if ["/dev", "/proc"].iter().any(|folder| Path::new(path).starts_with(folder)) {
            return None;
        }
        // What a link leads to is replaced, not the link.
        let place = match Path::new(path).canonicalize() {
            _ if path == "-" => return None,
            Ok(place) => place,
            Err(_) if Path::new(path).is_symlink() => return None,
            Err(_) => PathBuf::from(path),
        };
        let existing = place.metadata().ok();
        if let Some(existing) = &existing {
            // What may not be written to may not be replaced either.
            let writable = || std::fs::OpenOptions::new().write(true).open(&place).is_ok();
            if !existing.is_file() || !writable() {
                return None;
            }
        }
        let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty());
        let mut builder = tempfile::Builder::new();
        builder.prefix(".meld-").suffix(".part");
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let unfinished = Unfinished::watched()?;
        let make = || builder.tempfile_in(folder.unwrap_or(Path::new(".")));
        let file = unfinished.make(make).ok()?;
        if let Some(existing) = existing {
            if !is_alike(&existing, &file.as_file().metadata().ok()?) || has_attributes(&place) {
                return None;
            }
            file.as_file().set_permissions(existing.permissions()).ok()?;
        }
        Some(Output::Beside(file, place, unfinished))
    }

    /// Puts the output in its place.
    pub fn complete(self) -> Result<(), Failure> {
        match self {
            Output::Memory(bytes, path) => write(path, &bytes),
            Output::Beside(file, place, unfinished) => {
                // Some places can be written to and not be replaced: in a sticky folder, or mounted.
                let put = || file.persist(&place).map(drop).or_else(|e| copy(e.file, &place));
                unfinished
                    .complete(put)
                    .map_err(|e| Failure::file(format!("{}: {e}", place.display())))
            }
        }
    }
}

/// Writes what is in one file over another.
fn copy(mut from: NamedTempFile, to: &Path) -> std::io::Result<()> {
    from.rewind()?;
    let mut to = std::fs::File::create(to)?;
    std::io::copy(&mut from, &mut to)
        .map_err(|e| std::io::Error::new(e.kind(), format!("{e}{CUT}")))?;
    Ok(())
}

/// Whether a file can be replaced by another without a loss: it has no other names, and both are of
/// one owner and group.
#[cfg(unix)]
fn is_alike(existing: &std::fs::Metadata, other: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let owner = |file: &std::fs::Metadata| (file.uid(), file.gid());
    existing.nlink() == 1 && owner(existing) == owner(other)
}

#[cfg(not(unix))]
fn is_alike(_: &std::fs::Metadata, _: &std::fs::Metadata) -> bool {
    true
}

/// Whether a file has an access control list, or other attributes that a new one would lack. Those that the
/// system gives to every file it gives to a new one, too.
#[cfg(unix)]
fn has_attributes(path: &Path) -> bool {
    xattr::list(path)
        .is_ok_and(|mut names| names.any(|name| !name.to_string_lossy().starts_with("security.")))
}

#[cfg(not(unix))]
fn has_attributes(_: &Path) -> bool {
    false
}

impl std::io::Write for Output<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Output::Memory(all, _) => all.write(bytes),
            Output::Beside(file, ..) => file.as_file_mut().write(bytes),
        }
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> std::io::Result<usize> {
        match self {
            Output::Memory(all, _) => all.write_vectored(pieces),
            Output::Beside(file, ..) => file.as_file_mut().write_vectored(pieces),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Output::Memory(..) => Ok(()),
            Output::Beside(file, ..) => file.as_file_mut().flush(),
        }
    }
}

/// Prints to standard output; a reader who goes away is no failure.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(())
}

/// Prints to standard error. Where nobody listens there is nobody to be told.
pub fn complain(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// The other end of a pipe is gone.
pub fn is_broken_pipe(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::BrokenPipe
}

/// An input's name and path: `NAME=PATH`, or `PATH`, named by its file stem.
pub fn input_name(argument: &str) -> Result<(String, &str), Failure> {
    if let Some((name, path)) = argument.split_once('=')
        && !name.is_empty()
        && !name.contains('/')
        && !Path::new(argument).exists()
    {
        if path.is_empty() {
            return Err(Failure::arguments(format!("`{argument}` is not `NAME=PATH`: no path")));
        }
        return Ok((name.to_string(), path));
    }
    if argument.is_empty() {
        return Err(Failure::arguments("an input is the empty text, not the path of a file"));
    }
    let stem = match argument {
        "-" => "stdin".to_string(),
        path => Path::new(path)
            .file_stem()
            .map_or_else(|| path.to_string(), |s| s.to_string_lossy().into_owned()),
    };
    Ok((stem, argument))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_replaced_is_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("out.wasm");
        std::fs::write(&place, "what was there before, and is longer").unwrap();
        let mut output = Output::open(place.to_str().unwrap());
        output.write_all(b"new").unwrap();
        // There is nothing to rename any more, which fails as a folder that refuses it does.
        let Output::Beside(file, ..) = &output else { panic!("the file can be replaced") };
        std::fs::remove_file(file.path()).unwrap();
        output.complete().unwrap();
        assert_eq!(std::fs::read(&place).unwrap(), b"new");
    }

    /// However many parts a file has, and however long the last is, all of it is read in order.
    #[test]
    fn large_files_are_read_whole() {
        for length in [0, 1, LARGE - 1, LARGE, LARGE + 1, 3 * LARGE, 3 * LARGE + 5] {
            let bytes: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            let mut file = NamedTempFile::new().unwrap();
            file.write_all(&bytes).unwrap();
            assert!(read_file(file.path()).unwrap() == bytes, "{length}");
        }
    }
}
