//! `docs/performance.md` and its charts, from the results alone.

mod chart;
mod goals;

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result};

pub use self::goals::READ_P99_MAX_MS;
use self::{
    chart::{Bar, Line, bars, lines},
    goals::{FUNCTION_GOALS, GOALS, Goal, SERVICES_GOALS, SERVICES_SHOWN, SHOWN, function_names},
};
use crate::results::{Figure, Results};

const DOCUMENT: &str = "performance.md";
const CHARTS: &str = "performance";
const END: &str = "<!-- end of figures -->";

/// A part of the document, of one file of results.
struct Section {
    file: &'static str,
    begin: &'static str,
    text: fn(&Results) -> String,
}

const SECTIONS: [Section; 2] = [
    Section { file: "results.json", begin: "<!-- figures: written by `make bench` -->\n", text: figures },
    Section {
        file: "services.json",
        begin: "<!-- figures of the services: written by `make bench` -->\n",
        text: figures_of_services,
    },
];

/// Writes the charts, and the parts of the document that show figures, from the results in a folder.
pub fn write(results: &Path, docs: &Path) -> Result<()> {
    fs::create_dir_all(docs.join(CHARTS))?;
    for (name, chart) in charts(&Results::read(&results.join(SECTIONS[0].file))?) {
        fs::write(docs.join(CHARTS).join(name).with_extension("svg"), chart)?;
    }
    let path = docs.join(DOCUMENT);
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    Ok(fs::write(&path, with_figures(text, results)?)?)
}

fn with_figures(mut text: String, results: &Path) -> Result<String> {
    for Section { file, begin, text: figures } in SECTIONS {
        // A door that was never measured has no figures yet.
        if !results.join(file).exists() {
            continue;
        }
        let figures = figures(&Results::read(&results.join(file))?);
        let (before, rest) = text.split_once(begin).with_context(|| format!("no mark where those of {file} begin"))?;
        let (_, after) = rest.split_once(END).with_context(|| format!("no mark where those of {file} end"))?;
        text = format!("{before}{begin}\n{figures}\n{END}{after}");
    }
    Ok(text)
}

fn figures_of_services(results: &Results) -> String {
    let machine = &results.machine;
    let length = if results.quick { "a quick run (`QUICK=1`)" } else { "a full run" };
    [
        format!(
            "From {length} of `make bench DOOR=services` on {}: {}, {} cores, {} GiB, Linux {}, PostgreSQL {}.",
            results.date, machine.processor, machine.cores, machine.memory_gib, machine.kernel, machine.postgresql
        ),
        goals_table(results, SERVICES_GOALS),
        shown_table(results, SERVICES_SHOWN),
    ]
    .join("\n\n")
}

fn figures(results: &Results) -> String {
    let machine = &results.machine;
    let length = if results.quick { "a quick run (`make bench QUICK=1`)" } else { "a full run (`make bench`)" };
    [
        format!(
            "From {length} on {}: {}, {} cores, {} GiB, Linux {}, PostgreSQL {}, Node.js {}.",
            results.date,
            machine.processor,
            machine.cores,
            machine.memory_gib,
            machine.kernel,
            machine.postgresql,
            machine.node
        ),
        "![Ratios and their goals](performance/ratios.svg)".to_owned(),
        goals_table(results, GOALS),
        "![Cold start and first invocation of each function](performance/starts.svg)".to_owned(),
        functions_table(results),
        "![The 99th percentile of reads by rate](performance/reads.svg)".to_owned(),
        "![One hot merchant by the number of slots](performance/slots.svg)".to_owned(),
        shown_table(results, SHOWN),
    ]
    .join("\n\n")
}

fn goals_table(results: &Results, goals: &[Goal]) -> String {
    let mut rows = vec![
        "| figure | what | measured | against | ratio | goal | |".to_owned(),
        "|---|---|--:|--:|--:|--:|---|".to_owned(),
    ];
    for goal in goals {
        let Some(figure) = results.figure(goal.figure) else {
            // Of a bench that was made before there was this goal, nothing is said.
            if !goal.figure.ends_with("_at_half_of_goal") {
                continue;
            }
            rows.push(format!("| `{}` | {} | not sustained | | | {} | |", goal.figure, goal.what, goal.text()));
            continue;
        };
        rows.push(format!(
            "| `{}` | {} | {} | {} | {} | {} | {} |",
            goal.figure,
            goal.what,
            with_unit(figure.value, &figure.unit),
            figure.limit.map_or_else(String::new, |limit| with_unit(limit, &figure.unit)),
            figure.ratio.map_or_else(String::new, number),
            goal.text(),
            mark(goal.is_reached_by(figure)),
        ));
    }
    rows.join("\n")
}

fn functions_table(results: &Results) -> String {
    let heads: Vec<String> = FUNCTION_GOALS.iter().map(|goal| format!("{} ({})", goal.what, goal.text())).collect();
    let mut rows =
        vec![format!("| function | {} |", heads.join(" | ")), format!("|---|{}", "--:|".repeat(heads.len()))];
    for function in function_names(results) {
        let cells = FUNCTION_GOALS.iter().map(|goal| {
            let Some(figure) = results.figure(&format!("{}_{function}", goal.figure)) else { return String::new() };
            let missed = if goal.is_reached_by(figure) { "" } else { " ✗" };
            format!("{}{missed}", with_unit(figure.value, &figure.unit))
        });
        rows.push(format!("| `{}` | {} |", function.replace('_', "-"), cells.collect::<Vec<_>>().join(" | ")));
    }
    rows.join("\n")
}

fn shown_table(results: &Results, shown: &[(&str, &str)]) -> String {
    let mut rows =
        vec!["| figure | what | measured | against | ratio |".to_owned(), "|---|---|--:|--:|--:|".to_owned()];
    for (name, what) in shown {
        let Some(figure) = results.figure(name) else { continue };
        rows.push(format!(
            "| `{name}` | {what} | {} | {} | {} |",
            with_unit(figure.value, &figure.unit),
            figure.limit.map_or_else(String::new, |limit| with_unit(limit, &figure.unit)),
            figure.ratio.map_or_else(String::new, number),
        ));
    }
    rows.join("\n")
}

fn mark(is_reached: bool) -> &'static str {
    if is_reached { "✓" } else { "✗" }
}

fn charts(results: &Results) -> BTreeMap<&'static str, String> {
    BTreeMap::from([
        ("ratios", ratios_chart(results)),
        ("starts", starts_chart(results)),
        ("reads", reads_chart(results)),
        ("slots", slots_chart(results)),
    ])
}

/// Only those between which a common scale makes sense.
fn ratios_chart(results: &Results) -> String {
    let rows = GOALS.iter().filter(|goal| goal.is_share());
    let rows = rows.filter_map(|goal| bar(goal, results.figure(goal.figure)?)).collect::<Vec<_>>();
    bars("Throughput as a part of the limit beneath; the line is the goal", "", &rows)
}

fn bar(goal: &Goal, figure: &Figure) -> Option<Bar> {
    Some(Bar { label: goal.figure.to_owned(), values: vec![figure.ratio?], mark: Some(goal.bound.number()) })
}

fn starts_chart(results: &Results) -> String {
    let of =
        |kind: &str, function: &str| results.figure(&format!("{kind}_{function}")).map_or(0.0, |figure| figure.value);
    let mut rows: Vec<Bar> = function_names(results)
        .iter()
        .map(|function| Bar {
            label: function.replace('_', "-"),
            values: vec![of("cold_start_ms", function), of("first_invoke_ms", function)],
            mark: None,
        })
        .collect();
    for function in ["register_entry", "apply_to_ledger"] {
        rows.push(Bar {
            label: format!("{} in Node.js", function.replace('_', "-")),
            values: vec![of("node_cold_start_ms", function), of("node_first_invoke_ms", function)],
            mark: None,
        });
    }
    bars("From process start to the first question for an event (dark), and the first invocation (light)", "ms", &rows)
}

fn reads_chart(results: &Results) -> String {
    let mut points: Vec<(f64, f64)> = results
        .series("read_p99_at_rate_")
        .filter_map(|(rate, figure)| Some((rate.parse().ok()?, figure.value)))
        .collect();
    points.sort_by(|one, other| one.0.total_cmp(&other.0));
    lines(
        "Reads: 99th percentile of the latency at a rate",
        ("reads/s", "ms"),
        &Line { points, mark: Some(READ_P99_MAX_MS) },
    )
}

fn slots_chart(results: &Results) -> String {
    let rows: Vec<Bar> = results
        .series("pgbench_hot_slots_")
        .map(|(slots, figure)| Bar {
            label: format!("{slots} slots"),
            values: vec![figure.ratio.unwrap_or_default()],
            mark: None,
        })
        .collect();
    bars("Entries of one merchant and day, as a part of entries of 1,000 merchants (pgbench)", "", &rows)
}

fn with_unit(value: f64, unit: &str) -> String {
    match unit {
        "of all" if value == 0.0 => "none".to_owned(),
        "of all" => format!("{} %", number(value * 100.0)),
        "USD" => format!("USD {value:.2}"),
        _ => format!("{} {unit}", number(value)),
    }
}

/// With thousands apart and as many decimals as matter.
fn number(value: f64) -> String {
    if value < 10.0 {
        return format!("{value:.2}");
    }
    if value < 100.0 {
        return format!("{value:.1}");
    }
    let digits = format!("{value:.0}");
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().filter_map(|group| std::str::from_utf8(group).ok()).collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        for (value, expected) in [(0.754, "0.75"), (12.34, "12.3"), (999.6, "1,000"), (123_456.0, "123,456")] {
            assert_eq!(number(value), expected);
        }
    }

    #[test]
    fn the_document_and_its_charts_show_the_results() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let (folder, docs) = (root.join("bench"), root.join("docs"));
        let document = fs::read_to_string(docs.join(DOCUMENT)).unwrap();
        assert_eq!(with_figures(document.clone(), &folder).unwrap(), document, "run make bench");
        let results = Results::read(&folder.join(SECTIONS[0].file)).unwrap();
        for (name, chart) in charts(&results) {
            let path = docs.join(CHARTS).join(name).with_extension("svg");
            assert_eq!(fs::read_to_string(&path).unwrap(), chart, "{}: run make bench", path.display());
        }
    }
}
