//! Sizers over tasks and seeds.

use espalier_experiment::counted;
use espalier_report::page::TableBlock;
use espalier_report::statistics::Estimate;
use espalier_seed::Seed;
use espalier_sizing::{Board, Line};

use crate::oracle::Judged;

/// The sizer that the others are compared with: a search that needs no idea about nets.
pub const REFERENCE: &str = "successive-halving";

/// The sizers that every task has, over all tasks.
pub fn lines(tasks: &[Judged]) -> anyhow::Result<Vec<Line>> {
    let mut board = Board::default();
    for name in common(tasks) {
        let scores = tasks
            .iter()
            .flat_map(|task| task.sizers.iter().filter(|sizer| sizer.name == name));
        board.add(name, scores.map(|sizer| sizer.scores.clone()).collect());
    }
    Ok(board.lines(REFERENCE, &Seed::new(0).named("board"))?)
}

/// The names of sizers that every task has.
pub fn common(tasks: &[Judged]) -> Vec<&str> {
    let Some((first, others)) = tasks.split_first() else {
        return Vec::new();
    };
    let everywhere = |name: &&str| others.iter().all(|task| task.sizers.iter().any(|s| s.name == *name));
    first
        .sizers
        .iter()
        .map(|sizer| sizer.name.as_str())
        .filter(everywhere)
        .collect()
}

pub fn table(lines: &[Line], tasks: usize) -> TableBlock {
    let header = [
        "sizer",
        "doublings off, either way",
        "cost over training the needed width once",
        "test score over static nets of its size",
        "test score below the best",
        "mean rank",
        "probability that it is nearer than successive halving",
    ];
    let row = |line: &Line| {
        let nearer = line.nearer.as_ref().map_or_else(|| "–".to_owned(), |e| shown(e, 2));
        vec![
            line.sizer.clone(),
            shown(&line.off, 2),
            times(&line.cost),
            shown(&line.over_frontier, 4),
            shown(&line.shortfall, 4),
            format!("{:.1}", line.rank),
            nearer,
        ]
    };
    TableBlock {
        title: "Leaderboard, nearest first".to_owned(),
        header: header.map(str::to_owned).to_vec(),
        rows: lines.iter().map(row).collect(),
        note: format!(
            "Interquartile means over {} and their seeds with 95 % intervals of a bootstrap that draws seeds within tasks, at the \
             needed width as it was found; the cost is the mean of logarithms. Ranks are by doublings off. A net that was kept too \
             wide is off however good it is; magnitude-prune, untuned, takes half of the widest net everywhere, so that it is near \
             where that happens to be needed.",
            counted(tasks as u64, "task")
        ),
    }
}

fn shown(estimate: &Estimate, decimals: usize) -> String {
    format!("{estimate:.decimals$}")
}

fn times(log: &Estimate) -> String {
    let [value, low, high] = [log.value, log.low, log.high].map(f64::exp2);
    format!("{value:.1} [{low:.1}, {high:.1}]")
}
