//! Writes what this release writes into the workflow to a folder, a file each: `write-inputs FOLDER`.

use std::{env, error::Error, fs, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(env::args_os().nth(1).ok_or("say into which folder")?);
    fs::create_dir_all(&folder)?;
    let inputs = previous_release::inputs().into_iter().map(|(name, input)| (format!("input-{name}"), input));
    let answers = previous_release::answers().into_iter().map(|(name, answer)| (format!("answer-{name}"), answer));
    for (name, value) in inputs.chain(answers) {
        fs::write(folder.join(name).with_extension("json"), format!("{}\n", serde_json::to_string(&value)?))?;
    }
    Ok(())
}
