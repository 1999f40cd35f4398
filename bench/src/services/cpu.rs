//! Who takes the processors' time.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    os::unix::process::parent_id,
    process,
    time::Duration,
};

use anyhow::{Context, Result};

use super::door::Door;
use crate::{
    pool::{TICKS_PER_SECOND, ticks},
    stores::STORES_THREAD,
};

/// The stores, by the names that the kernel has of their programs, and what they are in figures.
const STORES: [(&str, &str); 3] = [("postgres", "postgresql"), ("java", KAFKA), ("redis-server", "redis")];

const KAFKA: &str = "kafka";

/// Whatever else runs on this machine, and nobody.
const OTHERS: &str = "others";
const IDLE: &str = "idle";

/// The processors' time until one moment.
pub struct CpuTimes {
    /// Of each part of what is measured.
    parts: BTreeMap<&'static str, Duration>,
    /// Of all cores.
    all: Duration,
    /// Of these, when nobody ran.
    idle: Duration,
}

impl CpuTimes {
    /// Until now.
    pub fn now(door: &Door) -> Result<CpuTimes> {
        let mut parts = BTreeMap::new();
        let mut add = |name, time| *parts.entry(name).or_insert(Duration::ZERO) += time;
        for (name, id) in door.processes() {
            add(name, ticks(&format!("/proc/{id}/stat"))?);
        }
        for (name, id) in stores()? {
            // It may have ended meanwhile.
            add(name, ticks(&format!("/proc/{id}/stat")).unwrap_or_default());
        }
        for thread in fs::read_dir("/proc/self/task")? {
            let path = thread?.path();
            let Ok(name) = fs::read_to_string(path.join("comm")) else { continue };
            let name = if name.trim() == STORES_THREAD { "dynamodb" } else { "load" };
            add(name, ticks(&path.join("stat").to_string_lossy()).unwrap_or_default());
        }
        let (all, idle) = machine()?;
        Ok(CpuTimes { parts, all, idle })
    }

    /// The share that each has had, since an earlier moment, of what all cores together have.
    pub fn shares_since(&self, before: &CpuTimes) -> Vec<(&'static str, f64)> {
        let all = self.all.saturating_sub(before.all).as_secs_f64();
        let idle = self.idle.saturating_sub(before.idle).as_secs_f64() / all;
        let share = |(name, time): (&&'static str, &Duration)| {
            let before = before.parts.get(name).copied().unwrap_or_default();
            (*name, time.saturating_sub(before).as_secs_f64() / all)
        };
        let mut shares: Vec<_> = self.parts.iter().map(share).collect();
        let known: f64 = shares.iter().map(|(_, share)| share).sum();
        shares.extend([(OTHERS, (1.0 - idle - known).max(0.0)), (IDLE, idle)]);
        shares
    }
}

/// The time that Kafka's virtual machine has spent compiling what it runs often (its threads are named after its compilers, C1 and C2).
pub fn compiling() -> Result<Duration> {
    let mut all = Duration::ZERO;
    for (_, id) in stores()?.into_iter().filter(|(name, _)| *name == KAFKA) {
        for thread in fs::read_dir(format!("/proc/{id}/task"))? {
            let path = thread?.path();
            let name = fs::read_to_string(path.join("comm")).unwrap_or_default();
            if ["C1 Compiler", "C2 Compiler"].iter().any(|compiler| name.starts_with(compiler)) {
                // It may have ended meanwhile.
                all += ticks(&path.join("stat").to_string_lossy()).unwrap_or_default();
            }
        }
    }
    Ok(all)
}

/// The processes of the stores that were started for this run: by the launcher, which is this process's parent, or by this process.
fn stores() -> Result<Vec<(&'static str, u32)>> {
    let mut parents = HashMap::new();
    let mut found = Vec::new();
    for process in fs::read_dir("/proc")? {
        let path = process?.path();
        let Some(id) = path.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok()) else { continue };
        let Ok(stat) = fs::read_to_string(path.join("stat")) else { continue };
        let parent = stat.rsplit(')').next().and_then(|fields| fields.split_whitespace().nth(1)?.parse::<u32>().ok());
        parents.extend(parent.map(|parent| (id, parent)));
        let Ok(name) = fs::read_to_string(path.join("comm")) else { continue };
        found.extend(STORES.iter().find(|(program, _)| *program == name.trim()).map(|(_, name)| (*name, id)));
    }
    let is_ours = |id: u32| [parent_id(), process::id()].contains(&id);
    found.retain(|(_, id)| std::iter::successors(Some(*id), |id| parents.get(id).copied()).any(is_ours));
    Ok(found)
}

/// The time of all cores since the machine started, and that of it in which they had nothing to do ("/proc/stat" in proc(5)).
fn machine() -> Result<(Duration, Duration)> {
    let stat = fs::read_to_string("/proc/stat")?;
    let line = stat.lines().next().context("/proc/stat is empty")?;
    // What guests take is in the first two already.
    let ticks: Vec<u64> = line.split_whitespace().skip(1).take(8).map(str::parse).collect::<Result<_, _>>()?;
    let time = |ticks: u64| Duration::from_secs_f64(ticks as f64 / f64::from(TICKS_PER_SECOND));
    Ok((time(ticks.iter().sum()), time(ticks.iter().skip(3).take(2).sum())))
}
