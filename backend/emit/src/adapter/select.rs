//! Variants in memory whose payloads cross as bits, without a branch.
//!
//! All payloads of such a variant are numbers and flags, so the bytes behind the discriminant cross as
//! words of the payloads' alignment. In each word, a case takes some bits from the source, and what it
//! does not write stays as it is at the destination.

use super::call::Emitter;
use super::memory::Place;
use super::{Error, Pass};
use meld_component::abi::{FlatType, PtrWidth, discriminant_bytes};
use meld_component::types::{TypeId, ValueType};
use wasm_encoder::MemArg;

/// What a case does with a word: bits that it takes from the source, and bits that it writes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Word {
    taken: u64,
    written: u64,
}

/// For each word, the runs of cases that do the same with it: one behind the last case of a run.
type Words = Vec<Vec<(u32, Word)>>;

impl Emitter<'_, '_> {
    /// A variant that [`masks`](meld_component::facts::masks) says can cross so.
    pub(super) fn select_cases(&mut self, ty: TypeId, from: Place, to: Place) -> Result<(), Error> {
        let spec = self.env.spec;
        let cases = spec.types.get(ty).cases();
        if !self.env.masks.contains_key(&ty) {
            return Err(Error::mismatch(spec.types, ty, Pass::SelectCases(vec![]).name()));
        }
        let bytes = discriminant_bytes(cases.len() as u64);
        let case = self.load_i32(bytes, from)?;
        self.check_discriminant(case, cases.len() as u32)?;
        self.body.ins().local_get(to.base).local_get(case);
        self.body.store(bytes, to.arg(self.dst, bytes)?);
        // Nothing in the payloads is as wide as a pointer, so both sides lay them out alike.
        let payload = self.env.layouts.variant(&cases, PtrWidth::W32)?.payload;
        let (bytes, words) = self.words(&cases)?;
        for (at, runs) in (0..).step_by(bytes as usize).zip(&words) {
            let at = payload + at;
            self.select_word(bytes, case, runs, from.plus(at), to.plus(at))?;
        }
        self.body.release(case, FlatType::I32);
        Ok(())
    }

    /// How wide the words are, in bytes, and what cases do with them.
    fn words(&self, cases: &[Option<TypeId>]) -> Result<(u32, Words), Error> {
        let mut layouts = Vec::new();
        for payload in cases.iter().flatten() {
            layouts.push(self.env.layouts.layout(*payload, PtrWidth::W32)?);
        }
        let bytes = layouts.iter().map(|layout| layout.align).max().unwrap_or(1);
        let size = layouts.iter().map(|layout| layout.size).max().unwrap_or(0);
        let mut words: Words = vec![Vec::new(); size.div_ceil(bytes) as usize];
        for (end, payload) in (1..).zip(cases) {
            let mut row = vec![Word::default(); words.len()];
            if let Some(payload) = payload {
                self.add_words(*payload, 0, bytes, &mut row)?;
            }
            for (runs, word) in words.iter_mut().zip(row) {
                match runs.last_mut() {
                    Some((last, same)) if *same == word => *last = end,
                    _ => runs.push((end, word)),
                }
            }
        }
        Ok((bytes, words))
    }

    /// Adds what a value at an offset takes and writes.
    fn add_words(&self, ty: TypeId, at: u32, bytes: u32, row: &mut [Word]) -> Result<(), Error> {
        let value = self.env.spec.types.get(ty);
        if let ValueType::Record(fields) | ValueType::Tuple(fields) = value {
            let (_, offsets) = self.env.layouts.tuple(fields, PtrWidth::W32)?;
            for (field, offset) in fields.iter().zip(offsets) {
                self.add_words(*field, at + offset, bytes, row)?;
            }
            return Ok(());
        }
        let written = u64::MAX >> (64 - 8 * self.env.layouts.layout(ty, PtrWidth::W32)?.size);
        let taken = match value {
            ValueType::Flags(labels) => u64::MAX >> (64 - labels),
            _ => written,
        };
        let (word, shift) = (&mut row[(at / bytes) as usize], 8 * (at % bytes));
        word.taken |= taken << shift;
        word.written |= written << shift;
        Ok(())
    }

    fn select_word(
        &mut self,
        bytes: u32,
        case: u32,
        runs: &[(u32, Word)],
        from: Place,
        to: Place,
    ) -> Result<(), Error> {
        let all = u64::MAX >> (64 - 8 * bytes);
        let every = |holds: fn(Word, u64) -> bool| runs.iter().all(|(_, word)| holds(*word, all));
        if every(|word, _| word.written == 0) {
            return Ok(());
        }
        let ty = if bytes == 8 { FlatType::I64 } else { FlatType::I32 };
        let (src, dst) = (from.arg(self.src, bytes)?, to.arg(self.dst, bytes)?);
        self.body.ins().local_get(to.base);
        let whole =
            |word, all| word == Word::default() || word == Word { taken: all, written: all };
        if runs.len() > 1 && every(whole) {
            self.select_side(bytes, ty, case, runs, (from.base, src), (to.base, dst));
        } else {
            self.body.ins().local_get(from.base);
            self.load_word(bytes, src);
            if !every(|word, all| word.taken == all) {
                self.select_mask(ty, case, runs, |word| word.taken);
                self.and(ty);
            }
            if !every(|word, all| word.written == all) {
                self.body.ins().local_get(to.base);
                self.load_word(bytes, dst);
                self.select_mask(ty, case, runs, |word| !word.written);
                self.and(ty);
                match ty {
                    FlatType::I64 => self.body.ins().i64_or(),
                    _ => self.body.ins().i32_or(),
                };
            }
        }
        match ty {
            FlatType::I64 => drop(self.body.ins().i64_store(dst)),
            _ => self.body.store(bytes, dst),
        }
        Ok(())
    }

    /// Pushes a word of the source where a case takes all of it, and else what is at the destination.
    fn select_side(
        &mut self,
        bytes: u32,
        ty: FlatType,
        case: u32,
        runs: &[(u32, Word)],
        from: (u32, MemArg),
        to: (u32, MemArg),
    ) {
        let sides = [to, from].map(|(base, arg)| {
            let local = self.body.local(ty);
            self.body.ins().local_get(base);
            self.load_word(bytes, arg);
            self.body.ins().local_set(local);
            local
        });
        for (_, word) in runs {
            self.body.ins().local_get(sides[usize::from(word.written != 0)]);
        }
        self.select(case, runs);
        for local in sides {
            self.body.release(local, ty);
        }
    }

    fn load_word(&mut self, bytes: u32, arg: MemArg) {
        match bytes {
            8 => drop(self.body.ins().i64_load(arg)),
            bytes => self.body.load(bytes, arg),
        }
    }

    fn and(&mut self, ty: FlatType) {
        match ty {
            FlatType::I64 => self.body.ins().i64_and(),
            _ => self.body.ins().i32_and(),
        };
    }

    /// Pushes the mask of the run that a case is in.
    fn select_mask(
        &mut self,
        ty: FlatType,
        case: u32,
        runs: &[(u32, Word)],
        mask: fn(Word) -> u64,
    ) {
        for (_, word) in runs {
            match ty {
                FlatType::I64 => self.body.ins().i64_const(mask(*word).cast_signed()),
                _ => self.body.ins().i32_const(mask(*word) as i32),
            };
        }
        self.select(case, runs);
    }

    /// Pops what each run has, and pushes that of the run that a case is in.
    fn select(&mut self, case: u32, runs: &[(u32, Word)]) {
        for (end, _) in runs[..runs.len() - 1].iter().rev() {
            self.body.ins().local_get(case).i32_const(*end as i32).i32_lt_u().select();
        }
    }
}
