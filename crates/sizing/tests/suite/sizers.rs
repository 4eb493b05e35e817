//! Sizers on a task whose answer is known, and sizers that cheat.

use std::sync::Arc;

use espalier_data::{Dataset, SplitSizes, Targets, stand_in};
use espalier_seed::Seed;
use espalier_sizing::searches::{Bisection, RandomWidths, SuccessiveHalving, Widest};
use espalier_sizing::{
    Audit, Bench, Budget, Error, Kind, READ_OFFS, Result, Sizer, Task, Trained, Training, audit, run,
};

fn data() -> Arc<Dataset> {
    let sizes = SplitSizes {
        train: 300,
        validation: 120,
        test: 120,
    };
    Arc::new(stand_in("mnist", sizes, &espalier_data::LoadOptions::default()).unwrap())
}

fn task() -> Task {
    let training = Training {
        most_epochs: 3,
        patience: 2,
        batch: 32,
        rate: 3e-3,
    };
    Task::new(data(), 1, 16, training).unwrap()
}

#[test]
fn every_search_and_read_off_ends_with_a_net_within_the_bounds_and_a_bill() {
    let task = task();
    let tolerance = 0.02;
    let halving = SuccessiveHalving {
        first_epochs: 1,
        tolerance,
    };
    let searches: [&dyn Sizer; 4] = [
        &Widest,
        &RandomWidths { tries: 3, tolerance },
        &Bisection { tolerance },
        &halving,
    ];
    let read_offs = READ_OFFS.iter().map(|read_off| read_off as &dyn Sizer);
    for sizer in searches.into_iter().chain(read_offs) {
        let found = run(sizer, &task, &Seed::new(1), Budget::default()).unwrap();
        // A mixture of a dozen spreads may have no fit; then the widest net is kept, and that is said.
        assert!(found.remark.is_none() || found.width == 16.0, "{}", sizer.name());
        assert!((1.0..=16.0).contains(&found.width), "{}: {}", sizer.name(), found.width);
        assert!(
            found.bill.train_macs > 0 && found.bill.decision_macs > 0,
            "{}",
            sizer.name()
        );
        assert!(found.validation > 0.05, "{}: {}", sizer.name(), found.validation);
    }
}

#[test]
fn a_bill_counts_every_training_and_its_macs_by_hand() {
    let found = run(&Widest, &task(), &Seed::new(1), Budget::default()).unwrap();
    // 784·16 + 16·10 multiplications a sample forwards; three times in training, 300 samples, 3 epochs.
    let forward = 784 * 16 + 16 * 10;
    assert_eq!(found.bill.train_macs, 3 * forward * 300 * 3);
    assert_eq!(found.bill.decision_macs, forward * 120 * 3);
    assert_eq!(found.bill.trainings, 1);
    let found = run(&Bisection { tolerance: 2.0 }, &task(), &Seed::new(1), Budget::default()).unwrap();
    assert_eq!(
        found.width, 1.0,
        "with a tolerance beyond all scores one unit is enough"
    );
}

#[test]
fn equal_seeds_give_equal_nets_and_a_spent_budget_ends_the_search() {
    let halving = SuccessiveHalving {
        first_epochs: 1,
        tolerance: 0.01,
    };
    let widths = |seed| run(&halving, &task(), &Seed::new(seed), Budget::default()).unwrap();
    assert_eq!(widths(1).network.parameter_count(), widths(1).network.parameter_count());
    assert_eq!(widths(1).validation, widths(1).validation);
    let budget = Budget { macs: Some(1) };
    let error = run(&Bisection { tolerance: 0.01 }, &task(), &Seed::new(1), budget).unwrap_err();
    assert!(matches!(error, Error::Spent { budget: 1, .. }), "{error}");
}

/// A sizer that picks the width by the test split, which it has brought along.
struct Peeks {
    data: Arc<Dataset>,
}

impl Sizer for Peeks {
    fn name(&self) -> &'static str {
        "peeks"
    }

    fn kind(&self) -> Kind {
        Kind::Search
    }

    fn find(&self, bench: &mut Bench<'_>) -> Result<Trained> {
        let (mut best, mut least) = (None, f64::INFINITY);
        for width in [2, 4, 8, 16] {
            let trained = bench.train(width)?;
            let on_test = espalier_train::Evaluation::of(
                trained.network(),
                &self.data.test,
                espalier_net::LossKind::CrossEntropy,
            )?;
            if on_test.loss < least {
                (best, least) = (Some(trained), on_test.loss);
            }
        }
        Ok(best.unwrap())
    }
}

#[test]
fn a_sizer_that_reads_the_test_split_is_caught_and_an_honest_one_is_not() {
    let task = task();
    let judged = |make: &dyn Fn(&Arc<Dataset>) -> Box<dyn Sizer>| audit(make, &task, &Seed::new(1)).unwrap();
    assert_eq!(
        judged(&|data| Box::new(Peeks { data: Arc::clone(data) })),
        Audit::ReadsTest
    );
    assert_eq!(judged(&|_| Box::new(Bisection { tolerance: 0.02 })), Audit::Blind);
    assert_eq!(judged(&|_| Box::new(READ_OFFS[0])), Audit::Blind);
}

/// A sizer that keeps the widest net.
struct Keeps;

impl Sizer for Keeps {
    fn name(&self) -> &'static str {
        "keeps"
    }

    fn kind(&self) -> Kind {
        Kind::Strategy
    }

    fn find(&self, bench: &mut Bench<'_>) -> Result<Trained> {
        let widest = bench.widest();
        bench.train(widest)
    }
}

#[test]
fn a_sizer_that_keeps_the_largest_net_cannot_call_it_small() {
    let found = run(&Keeps, &task(), &Seed::new(1), Budget::default()).unwrap();
    assert_eq!(found.width, 16.0, "the bench counts the units");
    let beyond = {
        struct Beyond;
        impl Sizer for Beyond {
            fn name(&self) -> &'static str {
                "beyond"
            }
            fn kind(&self) -> Kind {
                Kind::Search
            }
            fn find(&self, bench: &mut Bench<'_>) -> Result<Trained> {
                bench.train(17)
            }
        }
        run(&Beyond, &task(), &Seed::new(1), Budget::default()).unwrap_err()
    };
    assert!(beyond.to_string().contains("1 to 16, found 17"), "{beyond}");
}

#[test]
fn regression_is_scored_by_the_share_of_variance_explained() {
    let mut dataset = (*data()).clone();
    let sums = |split: &espalier_data::Examples| {
        let values = (0..split.len())
            .map(|row| split.row(row).iter().sum::<f32>() / 100.0)
            .collect();
        let width = split.width();
        espalier_data::Examples::new(split.features().to_vec(), width, Targets::Values { values, width: 1 }).unwrap()
    };
    dataset.train = sums(&dataset.train);
    dataset.validation = sums(&dataset.validation);
    dataset.test = sums(&dataset.test);
    dataset.info.targets = espalier_data::TargetKind::Regression(1);
    let task = task().on(Arc::new(dataset));
    let found = run(&Widest, &task, &Seed::new(1), Budget::default()).unwrap();
    assert!(
        found.validation > 0.3 && found.validation <= 1.0,
        "{}",
        found.validation
    );
}
