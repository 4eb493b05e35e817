//! Numbers in words as print sets them: exponents in raised digits, minus signs as long as those of the ticks.

use std::borrow::Cow;

/// A text whose numbers such as `1e-4`, `10^-2.5` and `-0.1` are set as `10⁻⁴`, `10⁻²·⁵` and `−0.1`.
pub(crate) fn typeset(text: &str) -> Cow<'_, str> {
    let words: Vec<Cow<'_, str>> = text.split(' ').map(word).collect();
    match words.iter().all(|word| matches!(word, Cow::Borrowed(_))) {
        true => Cow::Borrowed(text),
        false => Cow::Owned(words.join(" ")),
    }
}

fn word(word: &str) -> Cow<'_, str> {
    let outer = |c: char| !c.is_alphanumeric();
    let core = word.trim_end_matches(outer).trim_start_matches(['(', '[']);
    let core = core.rsplit_once('=').map_or(core, |(_, value)| value);
    match power(core).or_else(|| negative(core)) {
        Some(set) => Cow::Owned(word.replacen(core, &set, 1)),
        None => Cow::Borrowed(word),
    }
}

fn power(core: &str) -> Option<String> {
    let number = |text: &str| text.parse::<f64>().is_ok_and(f64::is_finite);
    if let Some((base, exponent)) = core.split_once('^') {
        return number(exponent).then(|| format!("{base}{}", raised(exponent)));
    }
    let (mantissa, exponent) = core.split_once('e')?;
    let digits = |c: char| c.is_ascii_digit() || c == '-' || c == '.';
    (exponent.chars().all(digits) && number(exponent) && number(mantissa)).then_some(())?;
    let times = match mantissa {
        "1" => String::new(),
        "-1" | "−1" => "−".to_owned(),
        other => format!("{}×", other.replace('-', "−")),
    };
    Some(format!("{times}10{}", raised(exponent)))
}

fn negative(core: &str) -> Option<String> {
    let size = core.strip_prefix('-')?;
    let number = size.starts_with(|c: char| c.is_ascii_digit()) && size.parse::<f64>().is_ok();
    number.then(|| format!("−{size}"))
}

/// Digits, sign and point of a number, raised.
pub(crate) fn raised(number: &str) -> String {
    let one = |c: char| match c {
        '-' | '−' => '⁻',
        '.' => '·',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        '0' | '4'..='9' => char::from_u32(0x2070 + (c as u32 - '0' as u32)).unwrap_or(c),
        other => other,
    };
    number.chars().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_ten_and_exponents_are_raised_and_other_words_stay() {
        for (plain, set) in [
            ("λ = 1e-4, decaying", "λ = 10⁻⁴, decaying"),
            ("at rate 3e-3", "at rate 3×10⁻³"),
            ("λ = 10^-2.5, from 75", "λ = 10⁻²·⁵, from 75"),
            ("15.7 · width^0.55", "15.7 · width⁰·⁵⁵"),
            ("(1e12)", "(10¹²)"),
            ("λ=1e-2.5 L2=1e-3 x=-2", "λ=10⁻²·⁵ L2=10⁻³ x=−2"),
            ("is > -0.005 and [-3, 2]", "is > −0.005 and [−3, 2]"),
            ("the 2e test, me 3 and 4 x^y", "the 2e test, me 3 and 4 x^y"),
        ] {
            assert_eq!(typeset(plain), set);
            assert_eq!(typeset(set), set, "twice");
        }
    }
}
