//! Dates as OFX files have them.

use cashflow::{Date, parse_date};

/// The text is not an OFX date.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a date of the calendar as YYYYMMDD, with a time such as 120000.000[-3:BRT] at most")]
pub(super) struct NotADate;

/// Reads an OFX date (OFX 2.2, section 3.2.8): `20261122`, `20261122120000`, `20261122120000.000[-3:BRT]`. The day is taken
/// as the bank wrote it: its own day, whatever the zone.
pub(super) fn parse_ofx_date(text: &str) -> Result<Date, NotADate> {
    let is_ascii_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let (clock, zone) = match text.split_once('[') {
        Some((clock, zone)) => (clock.trim_end(), Some(zone)),
        None => (text, None),
    };
    let zone_is_good = zone.is_none_or(|zone| {
        let hours = zone.strip_suffix(']').map(|zone| zone.split_once(':').map_or(zone, |(hours, _)| hours));
        hours.is_some_and(|hours| {
            let hours = hours.strip_prefix(['-', '+']).unwrap_or(hours);
            hours.split('.').all(is_ascii_digits) && hours.len() <= 5
        })
    });
    let (digits, fraction) = match clock.split_once('.') {
        Some((digits, fraction)) => (digits, Some(fraction)),
        None => (clock, None),
    };
    let is_shaped = is_ascii_digits(digits)
        && matches!(digits.len(), 8 | 12 | 14)
        && fraction.is_none_or(|fraction| is_ascii_digits(fraction) && fraction.len() <= 6 && digits.len() == 14);
    if !zone_is_good || !is_shaped || (zone.is_some() && digits.len() == 8 && fraction.is_some()) {
        return Err(NotADate);
    }
    let two = |at: usize| digits.get(at..at + 2).and_then(|two| two.parse::<u8>().ok()).unwrap_or(0);
    if two(8) > 23 || two(10) > 59 || two(12) > 60 {
        return Err(NotADate);
    }
    let day = format!("{}-{}-{}", &digits[..4], &digits[4..6], &digits[6..8]);
    // A date before 1900 is one of the calendar; that it is too early is said by the check of the entry's date.
    match parse_date(&day) {
        Ok(date) => Ok(date),
        Err(_) => day.parse().map_err(|_| NotADate),
    }
}

#[cfg(test)]
mod tests;
