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
