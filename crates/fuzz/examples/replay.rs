//! Hands one file to a target: `cargo run --release -p espalier-fuzz --example replay -- rows FILE`.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [target, file] = words.as_slice() else {
        return Err("expected a target and a file".into());
    };
    let target = espalier_fuzz::find(target).ok_or_else(|| format!("there is no target {target}"))?;
    // A broken rule is a panic, whose backtrace says where.
    if (target.run)(&std::fs::read(file)?) {
        return Ok(());
    }
    Err("refused".into())
}
