//! What the machine is, for those who read the results elsewhere.

use std::fs;
use std::process::Command;

use serde::{Deserialize, Serialize};

/// The machine and the compiler.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Hardware {
    /// The processor's name.
    pub processor: String,
    /// Processors that this process may use.
    pub cores: usize,
    /// The instruction set that our kernels chose.
    pub instruction_set: String,
    /// Instruction sets of vectors that the processor has.
    pub vector_flags: String,
    /// Last-level cache.
    pub cache: String,
    /// Memory in GiB.
    pub memory_gib: f64,
    /// The kernel.
    pub system: String,
    /// The compiler.
    pub rustc: String,
}

impl Hardware {
    /// Reads `/proc` and asks `rustc`; what cannot be had is called `unknown`.
    #[must_use]
    pub fn read() -> Self {
        let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let memory = field(&memory, "MemTotal").and_then(|v| v.trim_end_matches(" kB").trim().parse::<f64>().ok());
        let flags = field(&info, "flags").unwrap_or_default();
        let flags = flags
            .split(' ')
            .filter(|f| f.starts_with("avx") || f.starts_with("fma") || f.starts_with("amx"));
        let family = ["cpu family", "model\t"].map(|name| field(&info, name).unwrap_or_default());
        Self {
            processor: format!(
                "{} (family {}, model {})",
                field(&info, "model name").unwrap_or_default(),
                family[0],
                family[1]
            ),
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            instruction_set: format!("{:?}", espalier_net::kernels::instruction_set()),
            vector_flags: flags.collect::<Vec<_>>().join(" "),
            cache: field(&info, "cache size").unwrap_or_else(unknown),
            memory_gib: memory.unwrap_or(f64::NAN) / 1024.0 / 1024.0,
            system: said("uname", &["-sr"]),
            rustc: said("rustc", &["--version"]),
        }
    }
}

/// The name of a processor as part of a folder's name: letters and digits in lower case, all else a hyphen.
#[must_use]
pub fn slug(processor: &str) -> String {
    let word = |c: char| c.is_ascii_alphanumeric();
    let words = processor.split(|c| !word(c)).filter(|w| !w.is_empty());
    words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("-")
}

fn unknown() -> String {
    "unknown".to_owned()
}

/// The first line of the form `name : value`.
fn field(text: &str, name: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    line.split_once(':').map(|(_, value)| value.trim().to_owned())
}

fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map_or_else(|_| unknown(), |o| String::from_utf8_lossy(&o.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_processor_names_a_folder() {
        assert_eq!(
            slug("Intel(R) Xeon(R) CPU @ 2.50GHz (family 6, model 85)"),
            "intel-r-xeon-r-cpu-2-50ghz-family-6-model-85"
        );
        assert_eq!(slug("AMD EPYC (family 25, model 17)"), "amd-epyc-family-25-model-17");
    }
}
