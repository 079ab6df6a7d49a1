//! Uses everything that the components behind it offer, and checks what comes back and what lives.

use meld::resources::{bank, decimals, fractions, lists};

wit_bindgen::generate!({ path: "../../wit", world: "top", generate_all });
export!(Top);

struct Top;

/// What is checked is fine, or this is its name.
type Checked = Result<(), String>;

fn check(right: bool, what: &str) -> Checked {
    if right { Ok(()) } else { Err(what.to_string()) }
}

fn methods() -> Checked {
    let one = decimals::Float::new(1.5);
    let two = decimals::Float::new(2.25);
    check(one.get() == 1.5 && two.get() == 2.25, "get")?;
    two.set(4.0);
    check(one.plus(&two).get() == 5.5, "plus")?;
    check(one.plus(&one).get() == 3.0, "plus itself")?;
    check(decimals::Float::merge(one, two).get() == 5.5, "merge")?;
    check(decimals::Float::parse("-0.125").is_ok_and(|value| value.get() == -0.125), "parse")?;
    let refused = decimals::Float::parse("né €").map(|_| ()).unwrap_err();
    check(refused == "not a number: né €", "parse what is no number")?;
    let half = fractions::Float::new(1, 2);
    let third = fractions::Float::new(1, 3);
    check(half.plus(&third).get() == 5.0 / 6.0, "plus of fractions")
}

fn containers() -> Checked {
    for length in [0, 1, 2, 7, 64, 1000] {
        let values: Vec<f64> = (0..length).map(f64::from).collect();
        let sum: f64 = values.iter().sum();
        let made = lists::make(&values);
        check(made.len() == values.len(), "make")?;
        check(made.iter().zip(&values).all(|(one, value)| one.get() == *value), "what make made")?;
        check(lists::sum(&made.iter().collect::<Vec<_>>()) == sum, "sum")?;
        if let Some(one) = made.last() {
            let thrice = [one, one, one];
            check(lists::sum(&thrice) == 3.0 * one.get(), "sum of one thrice")?;
        }
        check(lists::total(made) == sum, "total")?;
    }
    for names in [&[][..], &["a"], &["", "é", "€uro", "plain"]] {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let entries = lists::enter(&names);
        let right = |(place, entry): (usize, &lists::Entry)| {
            entry.value.get() == place as f64
                && usize::from(entry.weight) == place
                && entry.name == names[place]
        };
        check(entries.len() == names.len() && entries.iter().enumerate().all(right), "enter")?;
        let left = lists::leave(entries);
        let expected = names.iter().enumerate().map(|(place, name)| format!("{name}={place}"));
        check(left == expected.collect::<Vec<_>>(), "leave")?;
    }
    let one = decimals::Float::new(21.0);
    let zero = decimals::Float::new(0.0);
    check(lists::twice(None).is_none(), "twice nothing")?;
    check(lists::twice(Some(&one)).is_some_and(|two| two.get() == 42.0), "twice")?;
    check(lists::divide(&one, Some(&one)).is_ok_and(|value| value.get() == 1.0), "divide")?;
    let by_zero = lists::divide(&one, Some(&zero)).map(|_| ());
    check(by_zero == Err("21 by zero".into()), "divide by zero")?;
    let by_nothing = lists::divide(&one, None).map(|_| ());
    check(by_nothing == Err("nothing to divide by".into()), "divide by nothing")
}

fn variants() -> Checked {
    use lists::Number;
    let is_decimal = |number, value| matches!(number, Number::Decimal(d) if d.get() == value);
    let convert = lists::convert;
    check(matches!(convert(Number::None), Number::None), "convert none")?;
    let halves = convert(Number::Decimal(decimals::Float::new(2.5)));
    check(matches!(&halves, Number::Fraction(f) if f.get() == 2.5), "convert a decimal")?;
    check(is_decimal(convert(halves), 2.5), "convert a fraction")?;
    check(is_decimal(convert(Number::Text("12".into())), 12.0), "convert a text")?;
    check(matches!(convert(Number::Text("zwölf".into())), Number::None), "convert a word")?;
    check(is_decimal(convert(Number::Whole(-(1 << 40))), -(1i64 << 40) as f64), "convert a whole")?;
    let one = decimals::Float::new(1.0);
    let half = || Some(fractions::Float::new(1, 2));
    let pairs = [(Some(&one), half()), (None, half()), (Some(&one), None), (None, None)];
    let combined: Vec<Result<f64, f64>> = lists::combine(&pairs)
        .into_iter()
        .map(|value| value.map(|value| value.get()).map_err(|value| value.get()))
        .collect();
    check(combined == [Ok(1.5), Err(0.5), Ok(1.0), Err(0.0)], "combine")
}

fn spilled() -> Checked {
    let one = decimals::Float::new(1.0);
    let two = decimals::Float::new(2.0);
    let half = fractions::Float::new(1, 2);
    for some in [false, true] {
        let three = decimals::Float::new(3.0);
        let quarter = fractions::Float::new(1, 4);
        let four = some.then(|| decimals::Float::new(4.0));
        let lent = some.then_some(&two);
        let (back, sum, fraction) = lists::many(
            &one,
            three,
            "é",
            quarter,
            &half,
            four,
            &[&half, &half],
            200,
            &two,
            0.125,
            lent,
            &one,
        );
        let expected = 1.0 + 3.0 + 2.0 + 0.25 + 0.5 + 1.0 + 200.0 + 2.0 + 0.125 + 1.0;
        let expected = expected + if some { 6.0 } else { 0.0 };
        check(sum == expected, "many")?;
        check(back.get() == 3.0 && fraction.get() == 0.25, "what many gives back")?;
    }
    Ok(())
}

fn banking() -> Checked {
    check(bank::withdraw().is_none(), "withdraw from nothing")?;
    let made = lists::make(&[1.0, 2.0, 3.0, 4.0]);
    for value in made {
        bank::deposit(value);
    }
    check(bank::held() == 4, "held")?;
    let four = bank::withdraw().ok_or("withdraw")?;
    check(four.get() == 4.0, "what was withdrawn")?;
    check(bank::compare(&four) == (1.0, 4.0), "compare")?;
    let mine = decimals::Float::new(9.0);
    check(bank::compare(&mine) == (1.0, 9.0), "compare another")?;
    let exchanged = bank::exchange(vec![mine, four]);
    let values: Vec<f64> = exchanged.iter().map(decimals::Float::get).collect();
    check(values == [9.0, 4.0], "exchange")?;
    for value in exchanged {
        bank::deposit(value);
    }
    let all = bank::withdraw_all();
    check(bank::held() == 0, "held after all")?;
    check(lists::sum(&all.iter().collect::<Vec<_>>()) == 19.0, "withdraw all")?;
    check(lists::total(all) == 19.0, "total of all")
}

fn nothing_is_left() -> Checked {
    check(Top::live() == [0, 0, 0], &format!("{:?} are left", Top::live()))
}

impl Guest for Top {
    fn run() -> String {
        let kept = decimals::Float::new(0.5);
        let one = decimals::live();
        drop(kept);
        let all = check(one > 0, "live")
            .and_then(|()| nothing_is_left())
            .and_then(|()| methods())
            .and_then(|()| nothing_is_left())
            .and_then(|()| containers())
            .and_then(|()| nothing_is_left())
            .and_then(|()| variants())
            .and_then(|()| nothing_is_left())
            .and_then(|()| spilled())
            .and_then(|()| nothing_is_left())
            .and_then(|()| banking())
            .and_then(|()| nothing_is_left());
        all.err().unwrap_or_else(|| "ok".into())
    }

    fn live() -> Vec<u32> {
        vec![decimals::live(), fractions::live(), bank::held()]
    }
}
