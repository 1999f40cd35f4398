use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use cashflow::{BalanceToken, Currency, TotalsVersion, parse_date};

/// Names the form of the token, so that a later form cannot be taken for this one.
const FORM: &str = "1";

/// Writes a token. It is opaque to clients, but no secret: all it can do is to keep its own reader waiting.
pub(crate) fn write(token: &BalanceToken) -> String {
    let BalanceToken { currency, date, day, month } = token;
    let parts =
        [day.epoch.to_string(), day.entry_count.to_string(), month.epoch.to_string(), month.entry_count.to_string()];
    URL_SAFE_NO_PAD.encode(format!("{FORM} {currency} {date} {}", parts.join(" ")))
}

/// Reads what [`write()`] wrote.
pub(crate) fn read(text: &str) -> Option<BalanceToken> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let parts: Vec<&str> = std::str::from_utf8(&bytes).ok()?.split(' ').collect();
    let [FORM, currency, date, day_epoch, day_count, month_epoch, month_count] = parts[..] else { return None };
    let version =
        |epoch: &str, count: &str| Some(TotalsVersion { epoch: epoch.parse().ok()?, entry_count: count.parse().ok()? });
    let token = BalanceToken {
        currency: Currency::parse(currency).ok()?,
        date: parse_date(date).ok()?,
        day: version(day_epoch, day_count)?,
        month: version(month_epoch, month_count)?,
    };
    // Numbers have other spellings, such as `+1` and `01`.
    (write(&token) == text).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_as_it_is_written_and_nothing_else_is_a_token() {
        let token = BalanceToken {
            currency: Currency::BRL,
            date: parse_date("2026-11-22").unwrap(),
            day: TotalsVersion { epoch: 1, entry_count: 3 },
            month: TotalsVersion { epoch: 1, entry_count: u64::MAX },
        };
        assert_eq!(read(&write(&token)), Some(token));
        let other = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let refused = [
            String::new(),
            "a b".to_owned(),
            write(&token) + "=",
            other("2 BRL 2026-11-22 1 3 1 9"),
            other("1 BRL 2026-11-22 1 3 1"),
            other("1 XXX 2026-11-22 1 3 1 9"),
            other("1 BRL 2026-11-31 1 3 1 9"),
            other("1 BRL 2026-11-22 1 -3 1 9"),
            other("1 BRL 2026-11-22 1 +3 1 9"),
        ];
        for text in refused {
            assert_eq!(read(&text), None, "{text:?}");
        }
    }
}
