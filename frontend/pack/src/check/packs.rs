//! Which packs there are, in which order they are read, and which sees which.

use super::Checker;
use crate::ast::{File, SourceId};
use crate::diagnostic::{Code, Sink, near};
use crate::ruleset::{self, PackId};
use std::collections::BTreeMap;

/// Packs in the order in which they were given, but each after those that it uses.
pub(super) struct Order<'a> {
    pub files: Vec<&'a File>,
    /// By source.
    pub pack_of: Vec<PackId>,
    /// Direct uses of each pack.
    pub uses: Vec<Vec<PackId>>,
    /// Itself and all uses, through others too.
    pub visible: Vec<Vec<bool>>,
}

/// Orders packs; none if they cannot be ordered, which is reported.
pub(super) fn order<'a>(files: &'a [File], sink: &mut Sink) -> Option<Order<'a>> {
    let before = sink.count();
    let mut by_name: BTreeMap<&str, usize> = BTreeMap::new();
    for (position, file) in files.iter().enumerate() {
        if let Some(first) = by_name.get(file.pack.text.as_str()) {
            sink.error(Code::DuplicatePack, format!("two packs are called `{}`", file.pack.text))
                .label(file.pack.span, "the second")
                .context(files[*first].pack.span, "the first");
        } else {
            by_name.insert(&file.pack.text, position);
        }
    }
    let mut uses: Vec<Vec<usize>> = Vec::new();
    for file in files {
        let mut used = Vec::new();
        for name in &file.uses {
            match by_name.get(name.text.as_str()) {
                Some(position) => used.push(*position),
                None => {
                    let like = near(&name.text, by_name.keys().copied());
                    let report = sink
                        .error(Code::UnknownPack, format!("there is no pack `{}`", name.text))
                        .label(name.span, "unknown pack");
                    if let Some(like) = like {
                        report.help(format!("is it `{like}`?"));
                    }
                }
            }
        }
        uses.push(used);
    }
    let sorted = sort(files, &uses, sink)?;
    if sink.count() > before {
        return None;
    }
    let mut position_of = vec![0; files.len()];
    for (position, file) in sorted.iter().enumerate() {
        position_of[*file] = position;
    }
    let sources = files.iter().map(|f| f.pack.span.source.0 as usize + 1).max().unwrap_or(0);
    let mut pack_of = vec![PackId(0); sources];
    for (file, position) in files.iter().zip(&position_of) {
        let SourceId(source) = file.pack.span.source;
        pack_of[source as usize] = PackId(*position as u32);
    }
    let mut order = Order { files: Vec::new(), pack_of, uses: Vec::new(), visible: Vec::new() };
    for (position, file) in sorted.iter().enumerate() {
        let mut visible = vec![false; files.len()];
        visible[position] = true;
        let mut direct: Vec<PackId> = Vec::new();
        for used in &uses[*file] {
            let used = PackId(position_of[*used] as u32);
            if !direct.contains(&used) {
                direct.push(used);
            }
            // A used pack stands before, so what it sees is known.
            let through: &Vec<bool> = &order.visible[used.index()];
            visible.iter_mut().zip(through).for_each(|(see, through)| *see |= through);
        }
        order.files.push(&files[*file]);
        order.uses.push(direct);
        order.visible.push(visible);
    }
    Some(order)
}

/// Depth first, without recursion: a chain of uses may be as long as there are packs.
fn sort(files: &[File], uses: &[Vec<usize>], sink: &mut Sink) -> Option<Vec<usize>> {
    #[derive(Clone, Copy, PartialEq)]
    enum State {
        New,
        Open,
        Done,
    }
    let mut state = vec![State::New; files.len()];
    let mut sorted = Vec::new();
    for root in 0..files.len() {
        // Each entry is a pack and how many of its uses were followed.
        let mut path: Vec<(usize, usize)> = Vec::new();
        if state[root] == State::New {
            state[root] = State::Open;
            path.push((root, 0));
        }
        while let Some((pack, followed)) = path.last_mut() {
            let Some(next) = uses[*pack].get(*followed).copied() else {
                state[*pack] = State::Done;
                sorted.push(*pack);
                path.pop();
                continue;
            };
            *followed += 1;
            match state[next] {
                State::Done => {}
                State::New => {
                    state[next] = State::Open;
                    path.push((next, 0));
                }
                State::Open => {
                    let start = path.iter().position(|(p, _)| *p == next).unwrap_or(0);
                    circle(files, &path[start..], sink);
                    return None;
                }
            }
        }
    }
    Some(sorted)
}

fn circle(files: &[File], path: &[(usize, usize)], sink: &mut Sink) {
    let names: Vec<_> =
        path.iter().chain(path.first()).map(|(p, _)| files[*p].pack.text.as_str()).collect();
    let mut report = sink
        .error(Code::UseCircle, format!("packs use each other: {}", names.join(" uses ")))
        .help("move what both need to a third pack");
    for (position, (pack, _)) in path.iter().enumerate() {
        let next = names[position + 1];
        if let Some(used) = files[*pack].uses.iter().find(|name| name.text == next) {
            report = match position {
                0 => report.label(used.span, "this closes the circle"),
                _ => report.context(used.span, "used here"),
            };
        }
    }
}

impl Checker<'_> {
    /// Puts the packs into the rule set.
    pub(super) fn packs(&mut self, uses: &[Vec<PackId>]) {
        for (file, uses) in self.files.iter().zip(uses) {
            let source = self.sink.source(file.pack.span.source);
            self.set.packs.push(ruleset::Pack {
                name: file.pack.text.clone(),
                doc: file.doc.clone(),
                path: source.path.clone(),
                source: source.text.clone(),
                uses: uses.clone(),
            });
        }
    }
}
