//! The command `import`: posts a bank statement, CSV or OFX, to the API. `import --help` says how it is used.

mod arguments;
mod batch;
mod elsewhere;
mod import;
mod journal;
mod progress;
mod refused;
mod report;

use std::{io, process::ExitCode};

use arguments::Arguments;
use clap::Parser;
use import::Outcome;

const STOPPED: u8 = 1;
const SOME_REFUSED: u8 = 2;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(answer) => return explain(&answer),
    };
    let ended = match arguments.into_task() {
        Ok(task) => import::import(&task, &mut io::stdout()).map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    match ended {
        Ok(Outcome::AllAccepted) => ExitCode::SUCCESS,
        Ok(Outcome::SomeRefused) => ExitCode::from(SOME_REFUSED),
        Err(error) => {
            progress::note(&error);
            ExitCode::from(STOPPED)
        }
    }
}

/// Help and version as they are; what is wrong with the command line in one line, as every other error.
fn explain(answer: &clap::Error) -> ExitCode {
    if !answer.use_stderr() {
        return if answer.print().is_ok() { ExitCode::SUCCESS } else { ExitCode::from(STOPPED) };
    }
    let text = answer.render().to_string();
    let first = text.split("\n\n").next().unwrap_or_default().trim_start_matches("error: ");
    let words: Vec<&str> = first.split_whitespace().collect();
    progress::note(&format!("{} (see --help)", words.join(" ")));
    ExitCode::from(STOPPED)
}
