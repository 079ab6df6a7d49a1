//! Collects packs, and checks them together.

use crate::ast::{DeclarationKind, File, SourceId};
use crate::check;
use crate::diagnostic::{Code, Diagnostics, Sink, Source};
use crate::module::MAX_MODULE;
use crate::ruleset::{PackId, RuleSet, TermDecl};
use crate::{parse, tree};
use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// Largest pack in bytes.
const MAX_PACK: usize = 1 << 20;
/// Most packs of one run; who sees whom is kept for each two of them.
const MAX_PACKS: usize = 4096;
/// Folders are searched this deep, which also ends circles of links.
const MAX_FOLDERS: usize = 32;

/// Collects packs in the order in which they are given, then checks all of them.
///
/// Order is part of the meaning: ties of cost are broken by it.
#[derive(Debug, Default)]
pub struct Loader {
    inputs: Vec<Input>,
    settings: Vec<(String, String)>,
}

/// One pack, unparsed.
#[derive(Debug)]
struct Input {
    path: PathBuf,
    text: Arc<str>,
    /// As in [`Prepared::syntax`].
    syntax: Option<&'static [u8]>,
    files: Files,
}

/// A core module of a pack as an earlier [`Loader::finish`] made it of the same pack.
#[derive(Clone, Copy, Debug)]
pub struct Made {
    /// The module's name in its pack.
    pub name: &'static str,
    /// As in [`ModuleDecl::follows`](crate::ruleset::ModuleDecl::follows).
    pub follows: &'static [usize],
    /// As in [`ModuleDecl::binaries`](crate::ruleset::ModuleDecl::binaries).
    pub binaries: &'static [&'static [u8]],
}

/// What [`Loader::made`] takes, made of a pack.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The path of the pack.
    pub path: PathBuf,
    /// What its text says but for tests, for the same build of meld.
    pub syntax: Vec<u8>,
    /// Its modules.
    pub modules: Vec<PreparedModule>,
}

/// What a [`Made`] is made of.
#[derive(Clone, Debug)]
pub struct PreparedModule {
    /// As in [`Made`].
    pub name: String,
    /// As in [`Made`].
    pub follows: Vec<usize>,
    /// As in [`Made`].
    pub binaries: Vec<Arc<[u8]>>,
}

/// Where the modules of a pack are found.
#[derive(Debug)]
pub(crate) enum Files {
    /// Given with the pack, by the path that `from` has.
    Given(BTreeMap<String, Vec<u8>>),
    /// In this folder or below.
    Folder(PathBuf),
    /// Made before, all that the pack has.
    Made(&'static [Made]),
}

/// A pack that could not be read.
#[derive(Debug)]
pub struct LoadError {
    /// The file or folder.
    pub path: PathBuf,
    /// What happened.
    pub error: io::Error,
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot read rule packs from {}: {}", self.path.display(), self.error)
    }
}

impl std::error::Error for LoadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

impl Loader {
    /// A loader without any packs.
    pub fn new() -> Self {
        Loader::default()
    }

    /// Adds a pack from memory. `path` is what reports call it (`rules/calls/calls.meld`);
    /// `files` are the modules that it names with `from`, each by that name.
    pub fn builtin(&mut self, path: &str, text: &str, files: &[(&str, &[u8])]) {
        let files = files.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec()));
        self.inputs.push(Input {
            path: path.into(),
            text: text.into(),
            syntax: None,
            files: Files::Given(files.collect()),
        });
    }

    /// Adds a pack from memory, as [`Loader::builtin`] does, of whose modules no text has to be read
    /// again. They are trusted to be valid for all address types.
    ///
    /// With the [`Prepared::syntax`] of the pack, its own text is not parsed either, and its rules have no tests;
    /// if it has another place among the packs now, the text is parsed after all.
    pub fn made(
        &mut self,
        path: &str,
        text: &str,
        syntax: Option<&'static [u8]>,
        modules: &'static [Made],
    ) {
        let files = Files::Made(modules);
        self.inputs.push(Input { path: path.into(), text: text.into(), syntax, files });
    }

    /// Adds a pack, or every `.meld` file in a folder and below, in the order of their names.
    ///
    /// # Errors
    ///
    /// A file or folder that cannot be read, a pack that is not UTF-8, a folder without packs.
    pub fn add_path(&mut self, path: &Path) -> Result<(), LoadError> {
        let at = |error| LoadError { path: path.to_owned(), error };
        if !fs::metadata(path).map_err(at)?.is_dir() {
            return self.add_file(path);
        }
        let mut packs = Vec::new();
        search(path, 0, &mut packs)?;
        if packs.is_empty() {
            return Err(at(io::Error::new(
                io::ErrorKind::NotFound,
                "no .meld file in this folder",
            )));
        }
        packs.iter().try_for_each(|pack| self.add_file(pack))
    }

    fn add_file(&mut self, path: &Path) -> Result<(), LoadError> {
        let text = read(path, MAX_PACK).and_then(|bytes| {
            String::from_utf8(bytes)
                .map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e.utf8_error()))
        });
        let text = text.map_err(|error| LoadError { path: path.to_owned(), error })?;
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        self.inputs.push(Input {
            path: path.to_owned(),
            text: text.into(),
            syntax: None,
            files: Files::Folder(folder),
        });
        Ok(())
    }

    /// Sets a constant: `name` is `streams.slots`, PACK.NAME with the last part of the pack's
    /// name. Checked by [`Loader::finish`]; of two values for one constant the later holds.
    pub fn set(&mut self, name: &str, value: &str) {
        self.settings.push((name.to_owned(), value.to_owned()));
    }

    /// Parses and checks all packs.
    ///
    /// # Errors
    ///
    /// All mistakes. If there are syntax errors, those of all packs and nothing else: what they
    /// hide would make the other checks report mistakes that are none.
    pub fn finish(self) -> Result<RuleSet, Diagnostics> {
        self.check().map(|(_, rules)| rules)
    }

    /// Makes what [`Loader::made`] takes, of all packs in the order in which they were added.
    ///
    /// # Errors
    ///
    /// As [`Loader::finish`].
    pub fn prepare(self) -> Result<Vec<Prepared>, Diagnostics> {
        let paths: Vec<PathBuf> = self.inputs.iter().map(|input| input.path.clone()).collect();
        let (files, rules) = self.check()?;
        let modules = |path: &Path| {
            let is_here = |pack: PackId| rules.packs[pack.index()].path == path;
            let terms = rules.terms.iter().filter(|term| is_here(term.span.pack));
            let module = |term: &TermDecl| {
                let module = term.module.clone()?;
                let (follows, binaries) = (module.follows, module.binaries);
                Some(PreparedModule { name: term.name.clone(), follows, binaries })
            };
            terms.filter_map(module).collect()
        };
        let prepare = |(path, mut file): (PathBuf, File)| {
            file.tests_left_out = true;
            for declaration in &mut file.declarations {
                if let DeclarationKind::Rule(rule) = &mut declaration.kind {
                    rule.tests.clear();
                }
            }
            let syntax = postcard::to_allocvec(&file).expect("memory is all that it needs");
            Prepared { modules: modules(&path), syntax, path }
        };
        Ok(paths.into_iter().zip(files).map(prepare).collect())
    }

    fn check(self) -> Result<(Vec<File>, RuleSet), Diagnostics> {
        let (files, sink) = self.parse()?;
        let modules: Vec<Files> = self.inputs.into_iter().map(|input| input.files).collect();
        let rules = check::check(&files, &modules, &self.settings, sink)?;
        Ok((files, rules))
    }

    fn parse(&self) -> Result<(Vec<File>, Sink), Diagnostics> {
        let sources: Vec<_> = self
            .inputs
            .iter()
            .map(|input| Arc::new(Source::new(input.path.clone(), input.text.clone())))
            .collect();
        let mut sink = Sink::new(sources);
        if self.inputs.len() > MAX_PACKS {
            sink.error(Code::TooLarge, format!("more than {MAX_PACKS} packs"));
            return Err(sink.finish());
        }
        let mut files = Vec::new();
        for (position, input) in self.inputs.iter().enumerate() {
            let source = SourceId(position as u32);
            if let Some(file) = input.parsed(source) {
                files.push(file);
            } else if input.text.len() > MAX_PACK {
                sink.error(
                    Code::TooLarge,
                    format!("{} has more than {MAX_PACK} bytes", input.path.display()),
                );
            } else if let Some(pair) = parse::parse(source, &input.text, &mut sink) {
                files.push(tree::file(source, pair, &mut sink));
            }
        }
        if sink.count() > 0 {
            return Err(sink.finish());
        }
        Ok((files, sink))
    }
}

impl Input {
    /// What was parsed before, unless the pack has another place now, of which all spans speak.
    fn parsed(&self, source: SourceId) -> Option<File> {
        let file: File = postcard::from_bytes(self.syntax?).ok()?;
        (file.pack.span.source == source).then_some(file)
    }
}

/// Collects the `.meld` files of a folder, sorted by path.
fn search(folder: &Path, depth: usize, packs: &mut Vec<PathBuf>) -> Result<(), LoadError> {
    let at = |error| LoadError { path: folder.to_owned(), error };
    if depth > MAX_FOLDERS {
        return Err(at(io::Error::other("folders are nested too deep")));
    }
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(at)? {
        paths.push(entry.map_err(at)?.path());
    }
    paths.sort();
    for path in paths {
        if path.is_dir() {
            search(&path, depth + 1, packs)?;
        } else if path.extension().is_some_and(|extension| extension == "meld") {
            packs.push(path);
        }
    }
    Ok(())
}

/// Reads a file of at most `limit` bytes. Only files are opened: a named pipe would wait for
/// someone to write into it.
fn read(path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let kind = fs::metadata(path)?.file_type();
    if kind.is_dir() {
        return Err(io::Error::other("it is a folder, not a file"));
    }
    if !kind.is_file() {
        return Err(io::Error::other("it is a pipe or device, not a file"));
    }
    let file = fs::File::open(path)?;
    io::Read::read_to_end(&mut io::Read::take(file, limit as u64 + 1), &mut bytes)?;
    if bytes.len() > limit {
        return Err(io::Error::other(format!("more than {limit} bytes")));
    }
    Ok(bytes)
}

impl Files {
    /// The module of that name, if it was made before.
    pub(crate) fn made(&self, name: &str) -> Option<&'static Made> {
        match self {
            Files::Made(modules) => modules.iter().find(|module| module.name == name),
            Files::Given(_) | Files::Folder(_) => None,
        }
    }

    /// Contents of a module's file, or why there are none.
    pub(crate) fn read(&self, name: &str) -> Result<Vec<u8>, String> {
        let inside = Path::new(name).components().all(|c| matches!(c, Component::Normal(_)));
        if !inside || name.is_empty() {
            return Err("a module stands beside its pack or in a folder below".to_owned());
        }
        match self {
            Files::Given(files) => {
                let bytes = files.get(name).ok_or("no such file was given with the pack")?;
                if bytes.len() > MAX_MODULE {
                    return Err(format!("more than {MAX_MODULE} bytes"));
                }
                Ok(bytes.clone())
            }
            Files::Made(_) => Err("it was not made with the pack".to_owned()),
            Files::Folder(folder) => {
                let path = folder.join(name);
                read(&path, MAX_MODULE).map_err(|error| match error.kind() {
                    // Other systems have other words for it.
                    io::ErrorKind::NotFound => "there is no such file".to_owned(),
                    _ => error.to_string(),
                })
            }
        }
    }
}
