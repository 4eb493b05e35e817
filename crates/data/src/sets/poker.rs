//! Poker hands: five cards, one-hot, to the class of the hand.

use espalier_seed::Stream;

use crate::encoding::{Input, Inputs, Outputs};
use crate::error::Result;
use crate::examples::Targets;
use crate::files::{Content, FileSet, FileSpec, Shelf, content_sha256};
use crate::sets::table;
use crate::transform::{Raw, TransformChoice};
use crate::whole::{About, Holdout, LoadOptions, Part, Whole};

const PLACE: &str = "https://archive.ics.uci.edu/ml/machine-learning-databases/poker/";
const CARDS: usize = 5;
const SUITS: u32 = 4;
const RANKS: u32 = 13;
const CARD: usize = (SUITS + RANKS) as usize;
const OFFICIAL_TEST_ROWS: usize = 1_000_000;

pub(crate) fn poker_hand(shelf: &Shelf<'_>, _: &LoadOptions) -> Result<Whole> {
    let set = FileSet {
        set: "poker-hand".to_owned(),
        folders: ["poker-hand", ""].map(str::to_owned).to_vec(),
        foreign: Vec::new(),
        command: |folder| {
            format!(
                "curl --fail --create-dirs --output-dir '{}' --remote-name-all '{PLACE}poker-hand-{{training-true,testing}}.data'",
                folder.join("poker-hand").display()
            )
        },
    };
    let train = spec(
        "poker-hand-training-true.data",
        Some("37becdf87d5f8cbf2b91d6471e965a25b86cb4a6d878c0f94a4025969fca464f"),
        613_694,
    );
    // The official test file has no sum to pin it to; its first rows, where they are kept apart, have.
    let all = spec("poker-hand-testing.data", None, 32 << 20);
    let firsts = [
        spec(
            "poker-hand-testing-first99999.data",
            Some("b94bb8f9bc898c7baa5622b1a55e81f1909ed669d3803c25a8041ef124b19f94"),
            2_453_785,
        ),
        spec(
            "poker-hand-testing-first18488.data",
            Some("370445db7098885ebd72423a2e1ed98d21ba59a403601335fc4900f336ab0b2b"),
            453_420,
        ),
    ];
    let train_content = shelf.open(&set, &train)?;
    train_content.check(&train)?;
    let test_content = match shelf.find(&set, &all)? {
        Some(content) => content,
        None => match longest_part(shelf, &set, &firsts)? {
            Some(content) => content,
            None => shelf.open(&set, &all)?,
        },
    };
    whole(&train_content, &test_content)
}

/// Gives the first part that is there, checked; parts are listed from the longest on.
fn longest_part(shelf: &Shelf<'_>, set: &FileSet, parts: &[FileSpec]) -> Result<Option<Content>> {
    for part in parts {
        if let Some(content) = shelf.find(set, part)? {
            content.check(part)?;
            return Ok(Some(content));
        }
    }
    Ok(None)
}

fn spec(name: &str, sha256: Option<&str>, bytes: usize) -> FileSpec {
    FileSpec {
        name: name.to_owned(),
        sha256: sha256.map(str::to_owned),
        bytes,
        addresses: vec![format!("{PLACE}{name}")],
    }
}

pub(super) fn whole(train: &Content, test: &Content) -> Result<Whole> {
    let sums = [train, test].map(|content| (content.name.as_str(), content.sha256.as_str()));
    let (train, test) = (part(train)?, part(test)?);
    let rows = test.targets.len();
    Ok(Whole {
        about: About {
            name: "poker-hand".into(),
            title: "Poker hand".into(),
            source: "R. Cattral, F. Oppacher, 2007; UCI data set 158, CC BY 4.0".into(),
            content_sha256: content_sha256(sums),
            outputs: outputs(),
            part: (rows != OFFICIAL_TEST_ROWS)
                .then(|| format!("all training rows, the first {rows} of 1,000,000 test rows")),
            synthetic: None,
            test_rule: "the official test rows that are there".to_owned(),
        },
        holdout: Holdout::Drawn(train.targets.len() / 10),
        train,
        test,
        validation: None,
        inputs: inputs(),
        transform: TransformChoice::AsIs,
    })
}

/// A flag for each suit and each rank of each card.
pub(crate) fn inputs() -> Inputs {
    let card = |card: usize| {
        let flags = |column: String, most: u32| {
            Input::flags(&column, (1..=most).map(|value| value.to_string())).collect::<Vec<_>>()
        };
        [flags(format!("S{card}"), SUITS), flags(format!("C{card}"), RANKS)].concat()
    };
    Inputs::whole_table((1..=CARDS).flat_map(card))
}

pub(crate) fn outputs() -> Outputs {
    Outputs::classes([
        "nothing",
        "one pair",
        "two pairs",
        "three of a kind",
        "straight",
        "flush",
        "full house",
        "four of a kind",
        "straight flush",
        "royal flush",
    ])
}

/// So many hands from a full deck, told apart by equal ranks alone: straights and flushes count as nothing.
pub(crate) fn some(rows: usize, stream: &mut Stream) -> Part {
    let (mut hands, mut classes) = (Vec::with_capacity(rows * CARDS * CARD), Vec::with_capacity(rows));
    for _ in 0..rows {
        let deck = stream.permutation((SUITS * RANKS) as usize);
        let cards: [(u32, u32); CARDS] = std::array::from_fn(|place| {
            let card = deck[place] as u32;
            (card / RANKS, card % RANKS)
        });
        hands.extend(features(&cards));
        classes.push(by_equal_ranks(&cards));
    }
    Part {
        raw: Raw::Numbers(hands),
        targets: Targets::Classes(classes),
    }
}

/// Nothing, a pair, two pairs, three, a full house or four of a kind, by the set's numbers.
fn by_equal_ranks(cards: &[(u32, u32); CARDS]) -> u32 {
    let equal = |a: usize| (0..a).filter(|&b| cards[a].1 == cards[b].1).count();
    // Pairs of cards of one rank: 1 in a pair, 2 in two, 3 among three, 4 in a full house, 6 among four.
    match (0..CARDS).map(equal).sum::<usize>() {
        pairs @ 0..=3 => pairs as u32,
        4 => 6,
        _ => 7,
    }
}

fn features(cards: &[(u32, u32); CARDS]) -> [f64; CARDS * CARD] {
    let mut hand = [0.0; CARDS * CARD];
    for (place, (suit, rank)) in cards.iter().enumerate() {
        hand[place * CARD + *suit as usize] = 1.0;
        hand[place * CARD + (SUITS + rank) as usize] = 1.0;
    }
    hand
}

/// Each card becomes 4 features for its suit and 13 for its rank, of which one each is 1.
fn part(content: &Content) -> Result<Part> {
    let (mut hands, mut classes) = (Vec::new(), Vec::new());
    for line in table::lines(content, ',', 2 * CARDS + 1)? {
        let mut cards = [(0, 0); CARDS];
        for (place, card) in cards.iter_mut().enumerate() {
            *card = (
                line.whole(2 * place, 1, SUITS)? - 1,
                line.whole(2 * place + 1, 1, RANKS)? - 1,
            );
        }
        hands.extend(features(&cards));
        classes.push(line.label(2 * CARDS, 0, 10)?);
    }
    Ok(Part {
        raw: Raw::Numbers(hands),
        targets: Targets::Classes(classes),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hand_becomes_one_suit_and_one_rank_a_card() {
        let hand = part(&table::content("1,10,2,11,3,13,4,12,1,1,9\r\n")).unwrap();
        assert_eq!(hand.targets, Targets::Classes(vec![9]));
        let Raw::Numbers(features) = hand.raw else {
            panic!("numbers")
        };
        let ones: Vec<usize> = (0..85).filter(|&at| features[at] == 1.0).collect();
        // Card c begins at 17c: suit s at 17c + s − 1, rank r at 17c + 4 + r − 1.
        assert_eq!(ones, [0, 13, 18, 31, 36, 50, 54, 66, 68, 72]);
        assert_eq!(features.iter().sum::<f64>(), 10.0);
    }

    #[test]
    fn drawn_hands_fall_into_the_classes_as_often_as_counting_says() {
        let Targets::Classes(classes) = some(20_000, &mut espalier_seed::Seed::new(1).stream()).targets else {
            panic!("classes")
        };
        let share = |class| classes.iter().filter(|&&c| c == class).count() as f64 / 20_000.0;
        // 1 098 240 pairs, 123 552 times two pairs and 54 912 times three of a kind among 2 598 960 hands.
        for (class, hands) in [(1, 1_098_240.0), (2, 123_552.0), (3, 54_912.0)] {
            let expected = hands / 2_598_960.0;
            assert!(
                (share(class) - expected).abs() < 5.0 * (expected / 20_000.0_f64).sqrt(),
                "{class}"
            );
        }
        let four = [(0, 5), (1, 5), (2, 5), (3, 5), (0, 1)];
        let full = [(0, 5), (1, 5), (2, 5), (3, 1), (0, 1)];
        assert_eq!([by_equal_ranks(&four), by_equal_ranks(&full)], [7, 6]);
    }

    #[test]
    fn a_part_of_the_test_rows_says_how_many() {
        let hand = table::content("1,10,2,11,3,13,4,12,1,1,9\n");
        let part = whole(&hand, &hand).unwrap().about.part.unwrap();
        assert!(part.contains("first 1 of 1,000,000"), "{part}");
    }

    #[test]
    fn a_suit_beyond_four_is_refused() {
        let error = part(&table::content("1,10,5,11,3,13,4,12,1,1,9\n"))
            .err()
            .unwrap()
            .to_string();
        assert!(error.contains("column 3") && error.contains("from 1 to 4"), "{error}");
    }
}
