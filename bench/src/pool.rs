//! Processes of one function, as many as Lambda would run for so many events at once.

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use bytes::Bytes;

use crate::runtime_api::RuntimeApi;

const START_TIMEOUT: Duration = Duration::from_secs(20);

/// What the kernel counts CPU time in.
pub const TICKS_PER_SECOND: u32 = 100;

/// The variables of a function's environment.
pub type Environment = BTreeMap<String, String>;

/// A function's program and what it is started with.
#[derive(Clone)]
pub struct Program {
    /// The executable and its arguments.
    pub command: Vec<PathBuf>,
    /// All variables that it gets, beside Lambda's own.
    pub environment: Environment,
}

/// Running processes of one function; they end with the value.
pub struct Pool {
    api: RuntimeApi,
    processes: Vec<Child>,
    spawned_at: Instant,
}

impl Pool {
    /// Starts so many processes, and waits until all of them ask for an event.
    pub async fn start(program: &Program, processes: usize) -> Result<Pool> {
        let api = RuntimeApi::start().await?;
        let mut pool = Pool { api, processes: Vec::new(), spawned_at: Instant::now() };
        for _ in 0..processes {
            let child = command(program, &pool.api).spawn();
            pool.processes.push(child.with_context(|| format!("{} cannot be started", program.command[0].display()))?);
        }
        let started = tokio::time::timeout(START_TIMEOUT, pool.api.until_idle(processes)).await;
        started.with_context(|| format!("{} does not ask for an event", program.command[0].display()))??;
        Ok(pool)
    }

    /// Hands an event to a free process and waits for its answer.
    pub async fn invoke(&self, event: Bytes) -> Result<Bytes> {
        self.api.invoke(event).await
    }

    /// How long the first process took from its start until it asked for its first event.
    pub async fn start_time(&self) -> Result<Duration> {
        Ok(self.api.first_asked_at().await? - self.spawned_at)
    }

    /// The CPU time of all processes so far.
    pub fn cpu_time(&self) -> Result<Duration> {
        self.processes.iter().map(|process| cpu_time(process.id())).sum()
    }

    /// The most memory that any process has had resident, in KiB.
    pub fn peak_memory_kib(&self) -> Result<u64> {
        let peaks = self.processes.iter().map(|process| peak_memory_kib(process.id()));
        Ok(peaks.collect::<Result<Vec<_>>>()?.into_iter().max().unwrap_or_default())
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        for process in &mut self.processes {
            // It may have ended by itself.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

fn command(program: &Program, api: &RuntimeApi) -> Command {
    let mut command = Command::new(&program.command[0]);
    command
        .args(&program.command[1..])
        .env_clear()
        .envs(&program.environment)
        .envs([
            ("AWS_LAMBDA_RUNTIME_API", api.address().to_string().as_str()),
            ("AWS_LAMBDA_FUNCTION_NAME", "bench"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
            ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
            ("AWS_LAMBDA_LOG_LEVEL", "INFO"),
            ("LAMBDA_TASK_ROOT", "/var/task"),
            ("TZ", ":UTC"),
        ])
        .stdin(Stdio::null())
        // Written as in Lambda, and read by nobody: on a disk the log would compete with the stores.
        .stdout(Stdio::null());
    command
}

/// The CPU time of one process, all its threads together.
pub fn cpu_time(process: u32) -> Result<Duration> {
    ticks(&format!("/proc/{process}/stat"))
}

/// The CPU time of a process or of one thread, from what the kernel says of it.
pub fn ticks(path: &str) -> Result<Duration> {
    let stat = fs::read_to_string(path).context("a process has ended")?;
    // The name of the program stands in brackets and may contain anything.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let (Some(user), Some(system)) = (fields.get(11), fields.get(12)) else { bail!("{path}: {stat}") };
    let ticks: u32 = user.parse::<u32>()? + system.parse::<u32>()?;
    Ok(Duration::from_secs(ticks.into()) / TICKS_PER_SECOND)
}

/// The most memory that a process has had resident, in KiB.
pub fn peak_memory_kib(process: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).context("a process has ended")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    Ok(peak.and_then(|peak| peak.split_whitespace().next()).context("no VmHWM")?.parse()?)
}
