//! Texts for a terminal.

use std::fmt::Write;

/// A text on one line, whatever it was: what a server or a file says must not steer a terminal.
pub fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.trim().chars() {
        match character {
            '\n' | '\r' | '\t' => line.push(' '),
            control if control.is_control() => {
                let _ = write!(line, "{}", control.escape_default());
            }
            plain => line.push(plain),
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_stay_on_one_line() {
        assert_eq!(one_line(" a\nb\u{1b}[31m\tc "), "a b\\u{1b}[31m c");
    }
}
