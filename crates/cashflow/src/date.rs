use std::fmt;

use jiff::{ToSpan, civil::Date};

/// The earliest business date an entry may have.
pub const FIRST_DATE: Date = Date::constant(1900, 1, 1);

/// Why a text is not a business date, or the date not one that an entry may have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DateError {
    /// Not `YYYY-MM-DD`, or not a day of the calendar.
    #[error("must be a date of the calendar as YYYY-MM-DD")]
    NotADate,
    /// Before [`FIRST_DATE`].
    #[error("must not be before 1900-01-01")]
    TooEarly,
    /// More than a year after today.
    #[error("must not be after {0}, one year ahead")]
    TooLate(Date),
}

/// Reads `YYYY-MM-DD` (ISO 8601 extended format, four-digit year) from 1900-01-01 on.
pub fn parse_date(text: &str) -> Result<Date, DateError> {
    let bytes = text.as_bytes();
    let shaped = bytes.len() == 10
        && bytes.iter().enumerate().all(|(i, b)| if i == 4 || i == 7 { *b == b'-' } else { b.is_ascii_digit() });
    if !shaped {
        return Err(DateError::NotADate);
    }
    let date: Date = text.parse().map_err(|_| DateError::NotADate)?;
    if date < FIRST_DATE { Err(DateError::TooEarly) } else { Ok(date) }
}

/// Checks that an entry may have this business date: from 1900-01-01 to one year after `today`.
pub fn check_entry_date(date: Date, today: Date) -> Result<(), DateError> {
    let last = today.saturating_add(1.year());
    if date < FIRST_DATE {
        Err(DateError::TooEarly)
    } else if date > last {
        Err(DateError::TooLate(last))
    } else {
        Ok(())
    }
}

/// A month of the calendar, written `YYYY-MM`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    first_day: Date,
}

/// The text is not a month as `YYYY-MM`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be a month as YYYY-MM")]
pub struct MonthError;

impl Month {
    /// The month that a date lies in.
    pub fn of(date: Date) -> Month {
        Month { first_day: date.first_of_month() }
    }

    /// Reads `YYYY-MM`.
    pub fn parse(text: &str) -> Result<Month, MonthError> {
        parse_date(&format!("{text}-01")).map(Month::of).map_err(|_| MonthError)
    }

    /// The month after this one, if the calendar has it.
    pub fn next(self) -> Option<Month> {
        self.first_day.last_of_month().tomorrow().ok().map(Month::of)
    }

    /// The first day of the month.
    pub fn first_day(self) -> Date {
        self.first_day
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.first_day.year(), self.first_day.month())
    }
}

impl fmt::Debug for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn only_days_of_the_calendar_in_the_extended_format_are_dates() {
        assert_eq!(parse_date("2026-11-22"), Ok(date(2026, 11, 22)));
        assert_eq!(parse_date("2024-02-29"), Ok(date(2024, 2, 29)));
        let refused = [
            "",
            "2026-02-29",
            "2026-13-01",
            "2026-00-10",
            "2026-04-31",
            "2026-1-1",
            "20261122",
            "22/11/2026",
            "2026-11-22T00:00:00Z",
            " 2026-11-22",
            "2026-11-22 ",
            "2026-W47-7",
            "-026-11-22",
            "+002026-11-22",
            "２026-11-22",
        ];
        for text in refused {
            assert_eq!(parse_date(text), Err(DateError::NotADate), "{text:?}");
        }
        assert_eq!(parse_date("1899-12-31"), Err(DateError::TooEarly));
        assert_eq!(parse_date("1900-01-01"), Ok(FIRST_DATE));
    }

    #[test]
    fn an_entry_may_be_dated_up_to_one_year_ahead() {
        let today = date(2024, 2, 29);
        assert_eq!(check_entry_date(date(2025, 2, 28), today), Ok(()));
        assert_eq!(check_entry_date(date(2025, 3, 1), today), Err(DateError::TooLate(date(2025, 2, 28))));
        assert_eq!(check_entry_date(FIRST_DATE, today), Ok(()));
        assert_eq!(check_entry_date(date(1899, 12, 31), today), Err(DateError::TooEarly));
    }

    #[test]
    fn a_month_is_written_as_it_is_read() {
        let month = Month::of(date(2026, 11, 22));
        assert_eq!(month.to_string(), "2026-11");
        assert_eq!(month.first_day(), date(2026, 11, 1));
        assert_eq!(Month::parse("2026-11"), Ok(month));
        for text in ["", "2026", "2026-13", "2026-11-01", "1899-12"] {
            assert_eq!(Month::parse(text), Err(MonthError), "{text:?}");
        }
    }

    #[test]
    fn the_last_month_of_the_calendar_has_no_next() {
        let next = |text| Month::parse(text).unwrap().next();
        assert_eq!(next("2026-11"), Some(Month::of(date(2026, 12, 31))));
        assert_eq!(next("2026-12"), Some(Month::of(date(2027, 1, 1))));
        assert_eq!(next("9999-12"), None);
    }
}
