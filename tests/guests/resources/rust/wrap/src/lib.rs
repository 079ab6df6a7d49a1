//! Implements both resources by those that it imports: each of its own holds one of the other.

use exports::meld::resources::lists::{Entry, Number};
use exports::meld::resources::{decimals, fractions, lists};
use meld::resources::{decimals as inner, fractions as inner_fractions, lists as inner_lists};
use std::cell::Cell;

wit_bindgen::generate!({ path: "../../wit", world: "wrap", generate_all });
export!(Wrap);

struct Wrap;

thread_local! {
    static DECIMALS: Cell<u32> = const { Cell::new(0) };
    static FRACTIONS: Cell<u32> = const { Cell::new(0) };
}

/// An object of its own around one of the component behind it, counted.
macro_rules! wrapper {
    ($name:ident, $count:ident, $outer:path, $inner:path) => {
        struct $name(Option<$inner>);

        impl $name {
            fn around(value: $inner) -> Self {
                $count.set($count.get() + 1);
                $name(Some(value))
            }

            fn inner(&self) -> &$inner {
                self.0.as_ref().expect("it is taken out of objects that go away")
            }

            fn wrap(value: $inner) -> $outer {
                <$outer>::new($name::around(value))
            }

            fn unwrap(value: $outer) -> $inner {
                let mut value: $name = value.into_inner();
                value.0.take().expect("an object goes away once")
            }
        }

        impl Drop for $name {
            fn drop(&mut self) {
                $count.set($count.get() - 1);
            }
        }
    };
}
wrapper!(Decimal, DECIMALS, decimals::Float, inner::Float);
wrapper!(Fraction, FRACTIONS, fractions::Float, inner_fractions::Float);

impl decimals::GuestFloat for Decimal {
    fn new(value: f64) -> Self {
        Decimal::around(inner::Float::new(value))
    }

    fn get(&self) -> f64 {
        self.inner().get()
    }

    fn set(&self, value: f64) {
        self.inner().set(value);
    }

    fn plus(&self, other: decimals::FloatBorrow<'_>) -> decimals::Float {
        Decimal::wrap(self.inner().plus(other.get::<Decimal>().inner()))
    }

    fn merge(one: decimals::Float, other: decimals::Float) -> decimals::Float {
        Decimal::wrap(inner::Float::merge(Decimal::unwrap(one), Decimal::unwrap(other)))
    }

    fn parse(text: String) -> Result<decimals::Float, String> {
        inner::Float::parse(&text).map(Decimal::wrap)
    }
}

impl fractions::GuestFloat for Fraction {
    fn new(over: i32, under: i32) -> Self {
        Fraction::around(inner_fractions::Float::new(over, under))
    }

    fn get(&self) -> f64 {
        self.inner().get()
    }

    fn plus(&self, other: fractions::FloatBorrow<'_>) -> fractions::Float {
        Fraction::wrap(self.inner().plus(other.get::<Fraction>().inner()))
    }
}

impl decimals::Guest for Wrap {
    type Float = Decimal;

    fn live() -> u32 {
        DECIMALS.get() + inner::live()
    }
}

impl fractions::Guest for Wrap {
    type Float = Fraction;

    fn live() -> u32 {
        FRACTIONS.get() + inner_fractions::live()
    }
}

fn lent<'a>(value: &'a decimals::FloatBorrow<'_>) -> &'a inner::Float {
    value.get::<Decimal>().inner()
}

fn lent_fraction<'a>(value: &'a fractions::FloatBorrow<'_>) -> &'a inner_fractions::Float {
    value.get::<Fraction>().inner()
}

impl lists::Guest for Wrap {
    fn make(values: Vec<f64>) -> Vec<decimals::Float> {
        inner_lists::make(&values).into_iter().map(Decimal::wrap).collect()
    }

    fn sum(values: Vec<decimals::FloatBorrow<'_>>) -> f64 {
        inner_lists::sum(&values.iter().map(lent).collect::<Vec<_>>())
    }

    fn total(values: Vec<decimals::Float>) -> f64 {
        inner_lists::total(values.into_iter().map(Decimal::unwrap).collect())
    }

    fn enter(names: Vec<String>) -> Vec<Entry> {
        let wrap = |inner_lists::Entry { name, value, weight }| Entry {
            name,
            value: Decimal::wrap(value),
            weight,
        };
        inner_lists::enter(&names).into_iter().map(wrap).collect()
    }

    fn leave(entries: Vec<Entry>) -> Vec<String> {
        let unwrap = |Entry { name, value, weight }| inner_lists::Entry {
            name,
            value: Decimal::unwrap(value),
            weight,
        };
        inner_lists::leave(entries.into_iter().map(unwrap).collect())
    }

    fn twice(value: Option<decimals::FloatBorrow<'_>>) -> Option<decimals::Float> {
        inner_lists::twice(value.as_ref().map(lent)).map(Decimal::wrap)
    }

    fn divide(
        one: decimals::FloatBorrow<'_>,
        other: Option<decimals::FloatBorrow<'_>>,
    ) -> Result<decimals::Float, String> {
        inner_lists::divide(lent(&one), other.as_ref().map(lent)).map(Decimal::wrap)
    }

    fn convert(value: Number) -> Number {
        let value = match value {
            Number::None => inner_lists::Number::None,
            Number::Decimal(value) => inner_lists::Number::Decimal(Decimal::unwrap(value)),
            Number::Fraction(value) => inner_lists::Number::Fraction(Fraction::unwrap(value)),
            Number::Text(text) => inner_lists::Number::Text(text),
            Number::Whole(value) => inner_lists::Number::Whole(value),
        };
        match inner_lists::convert(value) {
            inner_lists::Number::None => Number::None,
            inner_lists::Number::Decimal(value) => Number::Decimal(Decimal::wrap(value)),
            inner_lists::Number::Fraction(value) => Number::Fraction(Fraction::wrap(value)),
            inner_lists::Number::Text(text) => Number::Text(text),
            inner_lists::Number::Whole(value) => Number::Whole(value),
        }
    }

    fn combine(
        pairs: Vec<(Option<decimals::FloatBorrow<'_>>, Option<fractions::Float>)>,
    ) -> Vec<Result<decimals::Float, fractions::Float>> {
        let (ones, others): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        let others = others.into_iter().map(|other| other.map(Fraction::unwrap));
        let pairs: Vec<_> = ones.iter().map(|one| one.as_ref().map(lent)).zip(others).collect();
        let wrap = |combined: Result<_, _>| combined.map(Decimal::wrap).map_err(Fraction::wrap);
        inner_lists::combine(&pairs).into_iter().map(wrap).collect()
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
        let (one, sum, other) = inner_lists::many(
            lent(&a),
            Decimal::unwrap(b),
            &c,
            Fraction::unwrap(d),
            lent_fraction(&e),
            f.map(Decimal::unwrap),
            &g.iter().map(lent_fraction).collect::<Vec<_>>(),
            h,
            lent(&i),
            j,
            k.as_ref().map(lent),
            lent(&l),
        );
        (Decimal::wrap(one), sum, Fraction::wrap(other))
    }
}
