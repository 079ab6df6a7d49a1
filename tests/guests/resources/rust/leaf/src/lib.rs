//! Implements both resources, and imports nothing.

use exports::meld::resources::lists::{Entry, Number};
use exports::meld::resources::{decimals, fractions, lists};
use std::cell::Cell;

wit_bindgen::generate!({ path: "../../wit", world: "leaf" });
export!(Leaf);

struct Leaf;

thread_local! {
    static DECIMALS: Cell<u32> = const { Cell::new(0) };
    static FRACTIONS: Cell<u32> = const { Cell::new(0) };
}

struct Decimal(Cell<f64>);

impl Decimal {
    fn make(value: f64) -> decimals::Float {
        DECIMALS.set(DECIMALS.get() + 1);
        decimals::Float::new(Decimal(Cell::new(value)))
    }
}

impl Drop for Decimal {
    fn drop(&mut self) {
        DECIMALS.set(DECIMALS.get() - 1);
    }
}

struct Fraction {
    over: i32,
    under: i32,
}

impl Fraction {
    fn make(over: i32, under: i32) -> fractions::Float {
        FRACTIONS.set(FRACTIONS.get() + 1);
        fractions::Float::new(Fraction { over, under })
    }

    fn value(&self) -> f64 {
        f64::from(self.over) / f64::from(self.under)
    }
}

impl Drop for Fraction {
    fn drop(&mut self) {
        FRACTIONS.set(FRACTIONS.get() - 1);
    }
}

fn decimal(value: &decimals::Float) -> f64 {
    value.get::<Decimal>().0.get()
}

fn lent(value: &decimals::FloatBorrow<'_>) -> f64 {
    value.get::<Decimal>().0.get()
}

fn fraction(value: &fractions::Float) -> f64 {
    value.get::<Fraction>().value()
}

fn parse(text: &str) -> Result<decimals::Float, String> {
    text.parse().map(Decimal::make).map_err(|_| format!("not a number: {text}"))
}

impl decimals::GuestFloat for Decimal {
    fn new(value: f64) -> Self {
        // Not by `make`, whose handle would have to be taken apart again.
        DECIMALS.set(DECIMALS.get() + 1);
        Decimal(Cell::new(value))
    }

    fn get(&self) -> f64 {
        self.0.get()
    }

    fn set(&self, value: f64) {
        self.0.set(value);
    }

    fn plus(&self, other: decimals::FloatBorrow<'_>) -> decimals::Float {
        Decimal::make(self.0.get() + lent(&other))
    }

    fn merge(one: decimals::Float, other: decimals::Float) -> decimals::Float {
        Decimal::make(decimal(&one) + decimal(&other))
    }

    fn parse(text: String) -> Result<decimals::Float, String> {
        parse(&text)
    }
}

impl fractions::GuestFloat for Fraction {
    fn new(over: i32, under: i32) -> Self {
        FRACTIONS.set(FRACTIONS.get() + 1);
        Fraction { over, under }
    }

    fn get(&self) -> f64 {
        self.value()
    }

    fn plus(&self, other: fractions::FloatBorrow<'_>) -> fractions::Float {
        let other = other.get::<Fraction>();
        let over = self.over * other.under + other.over * self.under;
        Fraction::make(over, self.under * other.under)
    }
}

impl decimals::Guest for Leaf {
    type Float = Decimal;

    fn live() -> u32 {
        DECIMALS.get()
    }
}

impl fractions::Guest for Leaf {
    type Float = Fraction;

    fn live() -> u32 {
        FRACTIONS.get()
    }
}

impl lists::Guest for Leaf {
    fn make(values: Vec<f64>) -> Vec<decimals::Float> {
        values.into_iter().map(Decimal::make).collect()
    }

    fn sum(values: Vec<decimals::FloatBorrow<'_>>) -> f64 {
        values.iter().map(lent).sum()
    }

    fn total(values: Vec<decimals::Float>) -> f64 {
        values.iter().map(decimal).sum()
    }

    fn enter(names: Vec<String>) -> Vec<Entry> {
        let entry = |(place, name)| Entry {
            name,
            value: Decimal::make(place as f64),
            weight: place as u8,
        };
        names.into_iter().enumerate().map(entry).collect()
    }

    fn leave(entries: Vec<Entry>) -> Vec<String> {
        entries.iter().map(|entry| format!("{}={}", entry.name, decimal(&entry.value))).collect()
    }

    fn twice(value: Option<decimals::FloatBorrow<'_>>) -> Option<decimals::Float> {
        value.map(|value| Decimal::make(2.0 * lent(&value)))
    }

    fn divide(
        one: decimals::FloatBorrow<'_>,
        other: Option<decimals::FloatBorrow<'_>>,
    ) -> Result<decimals::Float, String> {
        match other {
            None => Err("nothing to divide by".into()),
            Some(other) if lent(&other) == 0.0 => Err(format!("{} by zero", lent(&one))),
            Some(other) => Ok(Decimal::make(lent(&one) / lent(&other))),
        }
    }

    fn convert(value: Number) -> Number {
        match value {
            Number::None => Number::None,
            Number::Decimal(value) => {
                Number::Fraction(Fraction::make((decimal(&value) * 2.0) as i32, 2))
            }
            Number::Fraction(value) => Number::Decimal(Decimal::make(fraction(&value))),
            Number::Text(text) => parse(&text).map_or(Number::None, Number::Decimal),
            Number::Whole(value) => Number::Decimal(Decimal::make(value as f64)),
        }
    }

    fn combine(
        pairs: Vec<(Option<decimals::FloatBorrow<'_>>, Option<fractions::Float>)>,
    ) -> Vec<Result<decimals::Float, fractions::Float>> {
        let combine = |pair: (Option<_>, Option<_>)| match pair {
            (Some(one), Some(other)) => Ok(Decimal::make(lent(&one) + fraction(&other))),
            (Some(one), None) => Ok(Decimal::make(lent(&one))),
            (None, Some(other)) => Err(other),
            (None, None) => Err(Fraction::make(0, 1)),
        };
        pairs.into_iter().map(combine).collect()
    }

    fn many(
        a: decimals::FloatBorrow<'_>,
        b: decimals::Float,
        c: String,
        d: fractions::Float,
        e: fractions::FloatBorrow<'_>,
        f: Option<decimals::Float>,
        g: Vec<fractions::FloatBorrow<'_>>,
        h: u8,
        i: decimals::FloatBorrow<'_>,
        j: f64,
        k: Option<decimals::FloatBorrow<'_>>,
        l: decimals::FloatBorrow<'_>,
    ) -> (decimals::Float, f64, fractions::Float) {
        let lists: f64 = g.iter().map(|value| value.get::<Fraction>().value()).sum();
        let sum = lent(&a)
            + decimal(&b)
            + c.len() as f64
            + fraction(&d)
            + e.get::<Fraction>().value()
            + f.as_ref().map_or(0.0, decimal)
            + lists
            + f64::from(h)
            + lent(&i)
            + j
            + k.as_ref().map_or(0.0, lent)
            + lent(&l);
        (b, sum, d)
    }
}
