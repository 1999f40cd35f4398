//! Features of libraries and no code: see `Cargo.toml`.
