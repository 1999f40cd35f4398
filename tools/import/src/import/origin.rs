//! What tells one import from another.

use std::{
    fs::File,
    io::{self, Read, Seek},
};

use serde::Serialize;
use sha2::{Digest, Sha256};
use statement_file::Reading;

use crate::{
    arguments::{Endpoint, Task},
    batch::Tokens,
    journal::Origin,
};

/// What tells this import from others.
pub(super) fn origin(task: &Task, file: &File, endpoint: &Endpoint, tokens: &Tokens) -> io::Result<Origin> {
    #[derive(Serialize)]
    struct Everything<'a> {
        reading: &'a Reading,
        account: Option<&'a str>,
    }
    let reading = serde_json::to_string(&Everything { reading: &task.reading, account: task.account.as_deref() })?;
    let content = digest(file)?;
    let reading = hexadecimal(&Sha256::digest(reading));
    Ok(Origin::new(content, reading, endpoint.as_str().to_owned(), tokens.merchant().to_owned()))
}

fn digest(mut file: &File) -> io::Result<String> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    file.rewind()?;
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(hexadecimal(&hash.finalize())),
            Ok(count) => hash.update(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
