//! The file of refused rows: why each was refused, and the row as it is in the statement.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use statement_file::{RefusedRow, Shape, refused_csv};

/// The refused rows of one import: a CSV file with the statement's own delimiter, encoding and columns. It comes into being
/// with the first refused row.
#[derive(Debug)]
pub struct RefusedRows {
    path: PathBuf,
    shape: Shape,
    file: Option<File>,
    bytes: u64,
}

impl RefusedRows {
    /// Begins with none; a file of an earlier import goes.
    pub fn begin(path: &Path, shape: Shape) -> io::Result<RefusedRows> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(RefusedRows { path: path.to_owned(), shape, file: None, bytes: 0 }),
        }
    }

    /// Goes on after so many bytes, if the file still has them: what an interrupted import has written beyond them goes.
    pub fn resume(path: &Path, shape: Shape, bytes: u64) -> io::Result<Option<RefusedRows>> {
        if bytes == 0 {
            return RefusedRows::begin(path, shape).map(Some);
        }
        let mut file = match OpenOptions::new().write(true).open(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        if file.metadata()?.len() < bytes {
            return Ok(None);
        }
        file.set_len(bytes)?;
        file.seek(SeekFrom::Start(bytes))?;
        Ok(Some(RefusedRows { path: path.to_owned(), shape, file: Some(file), bytes }))
    }

    /// How long the file is.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Writes rows. When this returns, they lie on the disk.
    pub fn write(&mut self, rows: &[RefusedRow]) -> io::Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let text = refused_csv(rows, &self.shape, self.file.is_none())?;
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(OpenOptions::new().write(true).create(true).truncate(true).open(&self.path)?),
        };
        file.write_all(&text)?;
        file.sync_data()?;
        self.bytes += text.len() as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use csv::ByteRecord;
    use statement_file::{Encoding, Reason};

    use super::*;

    fn shape() -> Shape {
        Shape { header: ByteRecord::from(vec!["Data", "Valor"]), delimiter: b';', encoding: Encoding::Windows1252 }
    }

    fn row(line: u64, cells: &[&[u8]]) -> RefusedRow {
        let reasons = vec![Reason::new("amount", "is não good"), Reason::new("date", "is\nbad")];
        RefusedRow { line, cells: cells.iter().collect(), reasons }
    }

    const HEADER: &[u8] = b"refused_line;refused_reasons;Data;Valor\r\n";
    const REASONS: &[u8] = b"\"amount: is n\xe3o good; date: is bad\"";

    #[test]
    fn rows_are_repeated_as_they_are_with_the_reasons_before_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("refused");
        let mut refused = RefusedRows::begin(&path, shape()).unwrap();
        refused.write(&[]).unwrap();
        assert!(!path.exists(), "a file without rows would only frighten");
        refused.write(&[row(2, &[b"S\xe3o", b"1;2"])]).unwrap();
        refused.write(&[row(9, &[b"x"])]).unwrap();
        let expected = [HEADER, b"2;", REASONS, b";S\xe3o;\"1;2\"\r\n9;", REASONS, b";x\r\n"].concat();
        assert_eq!(fs::read(&path).unwrap(), expected);
        assert_eq!(refused.bytes(), expected.len() as u64);
    }

    #[test]
    fn a_resumed_file_loses_what_is_not_in_the_journal() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("refused");
        let mut refused = RefusedRows::begin(&path, shape()).unwrap();
        refused.write(&[row(2, &[b"a", b"b"])]).unwrap();
        let (bytes, first) = (refused.bytes(), fs::read(&path).unwrap());
        refused.write(&[row(3, &[b"c", b"d"])]).unwrap();
        let both = fs::read(&path).unwrap();
        let mut resumed = RefusedRows::resume(&path, shape(), bytes).unwrap().unwrap();
        assert_eq!(fs::read(&path).unwrap(), first);
        resumed.write(&[row(3, &[b"c", b"d"])]).unwrap();
        assert_eq!(fs::read(&path).unwrap(), both);

        assert!(RefusedRows::resume(&path, shape(), both.len() as u64 + 1).unwrap().is_none());
        assert!(RefusedRows::resume(&path, shape(), 0).unwrap().is_some());
        assert!(!path.exists());
        assert!(RefusedRows::resume(&path, shape(), bytes).unwrap().is_none());
    }
}
