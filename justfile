# What people and CI call. `just` alone lists the recipes.

set shell := ["bash", "-euo", "pipefail", "-c"]
set positional-arguments

# List the recipes
default:
    @just --list --unsorted

# Run an experiment and draw its report, for instance: just run-experiment mnist-variance --preset smoke
run-experiment NAME *ARGS:
    @just _experiment "$@"

# Redraw every recorded report from its rows: no training. Fails in the end where a figure breaks a rule without a reason
figures:
    @failed=0; for name in $(just _names); do just _experiment "$name" figures || failed=1; done; exit "$failed"

# Train recorded trials of an experiment again, the longest and random ones, and compare their rows
verify NAME *ARGS:
    @name="$1"; shift; just _experiment "$name" verify "$@"

# Train the golden runs of an experiment and say whether its code still computes what it did (--renew writes the digests)
golden NAME *ARGS:
    @name="$1"; shift; just _experiment "$name" golden "$@"

# Train a sample of every recorded report again (for instance --under 20): where all agrees, its trials get today's
# identity, else its page says that its rows are of earlier code
take-over *ARGS:
    @for manifest in reports/*/*/*/manifest.json; do \
        IFS=/ read -r _ name dataset preset _ <<< "$manifest"; \
        case "$dataset$preset" in *+*) continue;; esac; \
        just _experiment "$name" verify --take-over --preset "$preset" --dataset "$dataset" "$@" || true; \
    done

# List the experiments with the question they ask, and the strategies
experiments:
    @just _each about
    @echo; echo "Strategies, for: just run-experiment strategies --only NAME"
    @sed -n 's/^    arm("\([^"]*\)".*/    \1/p' experiments/strategies/arms.rs

# Write the crate of a new strategy, which does nothing yet, and enter it in the experiment `strategies`
new-strategy NAME:
    cargo run --release -q -p espalier-scaffold -- strategy "$1"

# Write a new experiment, a small sweep that runs as it stands, and enter it in the manifest
new-experiment NAME:
    cargo run --release -q -p espalier-scaffold -- experiment "$1"

# Write the front page of all recorded reports (reports/index.html), its Markdown form, the page of two side by side, and the
# journal: what the studies believed (reports/journal.toml) and what holds today
reports:
    @name=$(just _names | head -n 1); just _experiment "$name" gallery

# Write reports/DEVIATIONS.md: how far edits that preserve the function move the outputs, in single and double precision
deviations:
    cargo run --release -q -p espalier-net --example deviation_table > reports/.DEVIATIONS.md.draft
    mv reports/.DEVIATIONS.md.draft reports/DEVIATIONS.md

# Ask DuckDB, polars, pandas and pyarrow about every column of the recorded rows; set ESPALIER_TOOLS_PYTHON to a Python with scripts/requirements.txt
check-rows FOLDER="reports":
    "${ESPALIER_TOOLS_PYTHON:-python3}" scripts/check_rows.py "$1"

# Record the reports that reports/record.toml lists, one after another at low priority, in slices and seed by seed, and go
# on where the last call was left, for instance: just record size-gate --within 36000 --commit -- --jobs 2
record *ARGS:
    cargo build --release -q -p espalier-experiments --bins
    @python3 scripts/record.py "$@"

# List every estimate, interval, verdict, table cell and plotted mark that differs between the reports of a git revision
# and the work tree, for instance: just compare-reports main size-gate
compare-reports REVISION *NAMES:
    @python3 scripts/compare_reports.py "$@"

# Write recorded rows and manifests anew, as today's writers do, without changing a row
rewrite-reports FOLDER="reports":
    cargo run --release -q -p espalier-experiment --example rewrite_reports -- "$1"

# Describe a file or folder of one's own as a data set, for instance: just describe-data prices.csv --set target=price
describe-data FILE *ARGS:
    @name=$(just _names | head -n 1); just _experiment "$name" describe-data "$@"

# Seal manifests that a merge of two branches has put together, where they agree with the rows beside them
mend-manifests FOLDER="reports":
    cargo run --release -q -p espalier-experiment --example rewrite_reports -- --merged "$1"

# Compute every claim's number again in Python from the recorded rows, and compare it with the page's; set
# ESPALIER_AUDIT_PYTHON to a Python with scripts/audit/requirements.txt
audit *FOLDERS:
    "${ESPALIER_AUDIT_PYTHON:-python3}" scripts/audit/audit.py "$@"

# Pass the tests
test *ARGS:
    cargo test --release --workspace "$@"

# Pass the tests of the Python tools in scripts
test-scripts:
    python3 -m unittest discover -s scripts/tests

# Kill workers a hundred times, let a thousand system calls fail, and whatever else takes minutes
test-slow:
    ESPALIER_FAULTS=1000 cargo test --release -p espalier-experiment --test sweeps shim
    ESPALIER_KILLS=100 cargo test --release -p espalier-experiment --test sweeps kills
    ESPALIER_TEST_GRAPHS=20000 cargo test --release -p espalier-net --test suite edits
    ESPALIER_FUZZ_RUNS=100000 cargo test --release -p espalier-fuzz --test campaign
    cargo test --release --workspace -- --ignored

# Run the network's tests under AddressSanitizer, which watches the kernels' unsafe code (a nightly toolchain, x86-64 Linux)
test-sanitized:
    RUSTFLAGS="-Zsanitizer=address" CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/sanitized" \
    cargo +nightly test --release -p espalier-net --lib --tests --target x86_64-unknown-linux-gnu

# Fuzz a reader under libFuzzer (cargo-fuzz), for instance: just fuzz rows -runs=1000000 (the readers are safe Rust, so
# without a sanitizer: the stable toolchain does); what takes more than ten seconds is a finding
fuzz TARGET *ARGS:
    @target="$1"; shift; mkdir -p "fuzz/corpus/$target"; \
    [[ fuzz/Cargo.lock -nt Cargo.lock ]] || cp Cargo.lock fuzz/Cargo.lock; \
    cargo fuzz run --fuzz-dir fuzz --sanitizer none "$target" "fuzz/corpus/$target" "fuzz/seeds/$target" -- -timeout=10 "$@"

# Measure the processor time that the README's two commands take from nothing
build-time:
    .ci/build-time

# Run a sweep on a real Slurm of three nodes on this machine, while nodes and jobs die (root, Debian)
test-slurm:
    cargo test --release -p espalier-experiment --test engines -- slurm

# Run a sweep on a real HyperQueue on this machine, while tasks and the engine die (PyPI)
test-hyperqueue:
    cargo test --release -p espalier-experiment --test engines -- hyperqueue

# Format, lint and document as CI does
check:
    cargo fmt --all --check
    cargo clippy --release --workspace --all-targets -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --release --workspace --no-deps

# Write the list of trials of a sweep
plan NAME *ARGS:
    @name="$1"; shift; just _experiment "$name" plan "$@"

# Run trials of a plan, beside other workers
worker NAME *ARGS:
    @name="$1"; shift; just _experiment "$name" worker "$@"

# Count a sweep's trials: done, running, failed, left
status NAME *ARGS:
    @name="$1"; shift; just _experiment "$name" status "$@"

# Run a sweep's failed trials again
retry NAME *ARGS:
    @name="$1"; shift; just _experiment "$name" retry "$@"

# Check a sweep's records and merge them into the report
collect NAME *ARGS:
    @name="$1"; shift; just _experiment "$name" collect "$@"

# Hand a sweep to Slurm (--dry-run only writes the script)
slurm NAME *ARGS:
    @name="$1"; shift; just _experiment "$name" slurm "$@"

# Hand a sweep to HyperQueue (--dry-run only writes the script)
hyperqueue NAME *ARGS:
    @name="$1"; shift; just _experiment "$name" hyperqueue "$@"

# Write a sweep as an indexed Job of Kubernetes
kubernetes NAME *ARGS:
    @name="$1"; shift; just _experiment "$name" kubernetes "$@"

# Set two recorded runs side by side: just compare reports/A/mnist/quick reports/B/mnist/quick
compare FIRST SECOND:
    @name=$(just _names | head -n 1); just _experiment "$name" compare "$1" "$2"

# Measure our kernels, edits, metrics and loading (divan)
bench *ARGS:
    cargo bench --profile release -p espalier-bench -- "$@"

# Measure beside the peers; set ESPALIER_PEERS_PYTHON to a Python with crates/bench/peers/requirements.txt
bench-peers *ARGS:
    cargo run --release -p espalier-bench --bin peers -- "$@"

# Compare accuracies after training on our kernels and on Candle's plain operations
bench-agreement *ARGS:
    cargo run --release -p espalier-bench --bin agreement -- "$@"

# Count instructions of training steps under valgrind and compare with the recorded counts
bench-instructions *ARGS:
    cargo build --release -p espalier-bench --bins
    target/release/instructions "$@"

# Build with CUDA; needs a CUDA toolkit (nvcc), not a GPU
build-cuda:
    cargo build --release -p espalier-experiments --features cuda

# Build for CUDA and pack what `check-cuda` needs on another machine with a GPU, where nothing is built
pack-cuda FILE="check-cuda.tar.xz":
    cargo build --release -p espalier-experiments --features cuda --bin mnist-variance --bin split-selectors
    cargo build --release -p espalier-bench --features cuda --bin device
    strip -o target/release/device.stripped target/release/device
    tar --xz --transform 's,device.stripped,device,' -cf "$1" scripts/check-cuda \
        target/release/device.stripped target/release/mnist-variance target/release/split-selectors

# Check training on a GPU against the CPU kernels, count bytes and steps, run smokes of experiments (--device candle-cpu: the
# same operations without a GPU)
check-cuda *ARGS:
    scripts/check-cuda "$@"

# Run one experiment's binary, with the feature that its device needs
_experiment NAME *ARGS:
    @name="$1"; shift; \
    features=(); previous=; \
    for word in "$@"; do \
        case "$previous $word" in "--device cuda"*|*" --device=cuda"*) features=(--features cuda);; esac; \
        previous="$word"; \
    done; \
    cargo run --release -q -p espalier-experiments ${features[@]+"${features[@]}"} --bin "$name" -- "$@"

# Ask every experiment for one verb
_each VERB:
    @for name in $(just _names); do just _experiment "$name" "$1"; done

# Name the experiments: the binaries whose source lies in experiments/
_names:
    @cargo metadata --no-deps --format-version 1 \
    | { grep -o '"kind":\["bin"\],"crate_types":\["bin"\],"name":"[^"]*","src_path":"[^"]*/experiments/[^"]*"' || true; } \
    | sed 's/.*"name":"\([^"]*\)".*/\1/' | sort
