//! The groups of figures: which are measured, and how long each takes.

use std::time::Instant;

use anyhow::{Context, Result, bail};

/// Those of `all` that are asked for, in the order of `all`; all of them if none is.
pub fn chosen(all: &[&'static str], only: &[String]) -> Result<Vec<&'static str>> {
    if let Some(unknown) = only.iter().find(|group| !all.contains(&group.as_str())) {
        bail!("there is no group of figures called {unknown}; there are {}", all.join(", "));
    }
    Ok(all.iter().copied().filter(|group| only.is_empty() || only.iter().any(|only| only == group)).collect())
}

/// Says what is measured, and how long that took.
pub async fn measured(title: &str, work: impl Future<Output = Result<()>>) -> Result<()> {
    let started_at = Instant::now();
    println!("{title}");
    work.await.with_context(|| format!("while measuring: {title}"))?;
    println!("  ({:.0} s)", started_at.elapsed().as_secs_f64());
    Ok(())
}
